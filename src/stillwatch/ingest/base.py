"""
What an adapter promises, and what passes between ingest and its readers: splits, pieces, bad lines.

An adapter turns one log format into `exchanges`. A split is a unit of work that a process reads by itself; a piece is a
batch of rows together with all that went wrong while reading it.

Why not one reader that guesses per field: a format has traps that only its own file can name (a duration that is a time
to first token, a refused request that is logged as a failure), and each needs a test on real lines.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from stillwatch.records.tables import EXCHANGES
from stillwatch.settings import IngestSettings

EMPTY = pa.RecordBatch.from_pylist([], schema=EXCHANGES.schema)


@dataclass(frozen=True, slots=True)
class Split:
    """
    One unit of work.

    Args:
        number: Place among the splits of the whole input; row = number << 32 | index inside the split.
        path: The file.
        format: Name of the adapter.
        table: What the pieces hold: "exchanges" or "signatures".
        container: "parquet", "cut parquet" (its footer is lost), "lines" (one JSON value a line) or "document" (one a file).
        begin, end: Row groups for Parquet, bytes for plain lines; 0 and the file's size otherwise.
        compression: None, "gzip" or "zstd".
        n_rows: Rows, where the container tells it.
        donor: What a Parquet file that has lost its footer is read by.
        also: Other small files that are read after this one: a gateway that writes a file a request makes millions.
    """

    number: int
    path: str
    format: str
    table: str
    container: str
    begin: int
    end: int
    compression: str | None = None
    n_rows: int | None = None
    donor: str | None = None
    also: tuple["Split", ...] = ()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line (or Parquet row, both from 1) that could not be read; `reason` never quotes it."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Piece:
    """
    A batch of rows, and what was lost or bent while reading it.

    Args:
        exchanges: Exactly `EXCHANGES.schema`; empty where the split's table is "signatures".
        first_index: Index inside the split of the first row; rows of a piece are consecutive.
        bad: Lines that gave no row.
        raw_bad: Their bytes, in the same order, for the quarantine file.
        unknown: Columns of the log that Stillwatch does not read, from a sample of the lines.
        unfit: Column -> cells whose value did not fit its type and became null.
        n_mended: Rows whose invalid UTF-8 or lone surrogates were replaced by U+FFFD.
        signatures: The batch, where the split's table is "signatures".
    """

    exchanges: pa.RecordBatch
    first_index: int
    bad: tuple[BadLine, ...] = ()
    raw_bad: tuple[bytes, ...] = ()
    unknown: frozenset[str] = frozenset()
    unfit: Mapping[str, int] = field(default_factory=dict)
    n_mended: int = 0
    signatures: pa.RecordBatch | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the batch, whichever table it is of."""
        return (self.signatures if self.signatures is not None else self.exchanges).num_rows


@dataclass(frozen=True, slots=True)
class Head:
    """
    The beginning of a file, enough to tell its format.

    Args:
        objects: The first JSON objects; empty for Parquet.
        n_tried: Lines that were looked at.
        schema: The Arrow schema; None for JSON.
        mean_line_bytes: Of the lines looked at.
        donor, n_rows, note: Of a Parquet file that has lost its footer, what it is read by, and what was recovered.
    """

    path: str
    size: int
    container: str
    compression: str | None
    objects: tuple[dict[str, object], ...] = ()
    n_tried: int = 0
    schema: pa.Schema | None = None
    mean_line_bytes: float = 0.0
    donor: str | None = None
    n_rows: int | None = None
    note: str | None = None


class Adapter(Protocol):
    """Reads one log format."""

    @property
    def name(self) -> str:
        """What `ingest.format` and the coverage report call it; never renamed."""
        ...

    @property
    def table(self) -> str:
        """What it yields: "exchanges" or "signatures"."""
        ...

    def detect(self, head: Head, settings: IngestSettings) -> float:
        """How surely the file is of this format, 0…1; judged by content alone."""
        ...

    def mapping(self, head: Head, settings: IngestSettings) -> Mapping[str, str]:
        """Canonical column -> the log's own name, for the columns this format can fill."""
        ...

    def read(self, split: Split, settings: IngestSettings) -> Iterator[Piece]:
        """
        The pieces of one split, in the order of the file. Memory is bounded by the block size and the longest line.

        Raises:
            LogFormatError: the file cannot be opened, or a line is bad and `on_bad_line` is "fail".
        """
        ...


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the input, as `discover` found it."""

    path: str
    format: str
    table: str
    container: str
    compression: str | None
    size_bytes: int
    n_rows: int | None
    mapping: Mapping[str, str]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file of a folder that is no log, or could not be opened, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """
    The whole input, ready to be read.

    Args:
        files: In the order in which they are read: sorted by path within each argument.
        splits: In the order of their numbers.
        skipped: Files of folders that were left out, with the reason.
        n_rows: Where every file tells it; None otherwise.
        n_bytes: On disk.
    """

    files: tuple[LogFile, ...]
    splits: tuple[Split, ...]
    skipped: tuple[Skipped, ...]
    n_rows: int | None
    n_bytes: int

    @property
    def tables(self) -> frozenset[str]:
        """Which tables the input holds."""
        return frozenset(f.table for f in self.files)
