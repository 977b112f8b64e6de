"""The one pass over a log: read a split, sign its exchanges, write its parts; whole, or day by day."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch import ingest, signatures
from stillwatch.engine import parts
from stillwatch.ingest import quarantine
from stillwatch.ingest.base import Piece, Split
from stillwatch.privacy import Key
from stillwatch.records import tables
from stillwatch.records.coverage import Coverage
from stillwatch.records.tables import TableSpec
from stillwatch.settings import IngestSettings

_SHARED = (tables.SHARED_SKETCHES, tables.SHARED_CONTRACTS, tables.SHARED_SETTINGS)
SIGNED_TABLES = (tables.SIGNATURES, tables.ACCOUNTS, *_SHARED)
_DAY_US = 86_400_000_000
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FileReport:
    """
    What one file of a split gave.

    Args:
        days: Coverage of the exchanges of each day (UTC, "2026-11-24"); all under "" where the pass does not part days.
        rest: Coverage of what belongs to no exchange.
        n_bad: Lines that could not be read.
    """

    days: dict[str, Coverage]
    rest: Coverage
    n_bad: int


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What reading one split gave, besides its parts of the tables: by file where days are parted, else in one."""

    files: tuple[FileReport, ...]

    @property
    def coverage(self) -> Coverage:
        """Of all."""
        return functools.reduce(Coverage.merge, (c for f in self.files for c in (f.rest, *f.days.values())), Coverage())

    @property
    def n_bad(self) -> int:
        """Lines that could not be read."""
        return sum(f.n_bad for f in self.files)


@dataclass(frozen=True, slots=True)
class SignSplit:
    """
    Read a split, sign its exchanges, write its parts; pure but for its own files.

    Args:
        root: Folder of the tables.
        settings: How the log is read.
        key: Keys every digest.
        epoch: Of an exchange with other providers.
        by_day: Write one part a day (UTC) of the exchanges, and of bad lines one a file, their labels ending in this word; every
            file's rows are numbered by the split's own number. Else one part of all.
    """

    root: Path
    settings: IngestSettings
    key: Key
    epoch: signatures.Epoch | None = None
    by_day: str | None = None

    def __call__(self, split: Split) -> SplitReport:
        """Write the parts, and say what was in them."""
        signed: dict[str, _Signed] = {}
        own = [replace(s, also=()) for s in (split, *split.also)] if self.by_day else [split]
        told = tuple(self._file(one, split.number, place, signed) for place, one in enumerate(own))
        for day, held in signed.items():
            held.write(self.root, split.number, f"{day}-{self.by_day}" if self.by_day else None)
        return SplitReport(told)

    def _file(self, split: Split, number: int, place: int, signed: "dict[str, _Signed]") -> FileReport:
        days: dict[str, Coverage] = {}
        rest, bad = Coverage(), []
        for piece in ingest.read(split, self.settings):
            rest = rest.merge(Coverage(0, {}, frozenset(piece.unknown), dict(piece.unfit), piece.n_mended))
            bad += quarantine.lines(piece)
            first_row = (split.number << 32) | piece.first_index
            for day, batch, index in self._days(piece):
                days[day] = days.get(day, Coverage()).merge(Coverage.of(batch))
                signed.setdefault(day, _Signed()).add(self, piece, batch, first_row + index)
        if bad:
            quarantine.write_part(self.root, number, bad, f"{place:06d}-{self.by_day}" if self.by_day else None)
        return FileReport(dict(sorted(days.items())), rest, len(bad))

    def _days(self, piece: Piece) -> Iterator[tuple[str, pa.RecordBatch, Rows]]:
        """The rows of each day, and which of the piece they are; all of them under "" where days are not parted."""
        batch = piece.signatures if piece.signatures is not None else piece.exchanges
        every = np.arange(batch.num_rows)
        if not batch.num_rows:
            return
        if not self.by_day:
            yield "", batch, every
            return
        at = batch.column("seen_at").cast(pa.timestamp("us", tz="UTC")).view(pa.int64()).to_numpy()
        day = at // _DAY_US
        days = np.unique(day)
        for one in days.tolist():
            index = every if len(days) == 1 else np.flatnonzero(day == one)
            named = datetime.fromtimestamp(one * (_DAY_US // 1_000_000), UTC).strftime("%Y-%m-%d")
            yield named, batch if len(days) == 1 else batch.take(pa.array(index)), index


@dataclass(slots=True)
class _Signed:
    """What becomes the parts of one day."""

    tables: dict[str, list[pa.Table]] = field(default_factory=dict)

    def add(self, task: SignSplit, piece: Piece, batch: pa.RecordBatch, rows: Rows) -> None:
        """Sign some rows; `rows` says what each is called."""
        if piece.signatures is not None:
            taken, people = signatures.taken_over(batch, 0)
            self._keep(tables.SIGNATURES, _named(taken, rows))
            self._keep(tables.ACCOUNTS, people)
            return
        signed = signatures.sign(batch, 0, task.key)
        self._keep(tables.SIGNATURES, _named(signed, rows))
        self._keep(tables.ACCOUNTS, signatures.accounts(batch, task.key, signed["account"]))
        if task.epoch:
            shared = (*signatures.shared_tables(batch, 0, task.epoch), signatures.settings_table(batch, 0))
            for spec, table in zip(_SHARED, shared, strict=True):
                self._keep(spec, _named(table, rows))

    def write(self, root: Path, number: int, label: str | None) -> None:
        """Write the parts of a split, each as one table: a row group a batch costs a tenth more, and finds fewer repetitions."""
        for spec in SIGNED_TABLES:
            if spec.name in self.tables:
                parts.write_part(root, spec, number, pa.concat_tables(self.tables[spec.name]), label)

    def _keep(self, spec: TableSpec, table: pa.Table) -> None:
        self.tables.setdefault(spec.name, []).append(table)


def _named(table: pa.Table, rows: Rows) -> pa.Table:
    """The table with `rows[i]` in place of i, in its column `row` or in the lists of its column `rows`."""
    single = "row" in table.column_names
    at = table.schema.get_field_index("row" if single else "rows")
    column = table.column(at).combine_chunks()
    if single:
        return table.set_column(at, table.schema.field(at), pa.array(rows[column.to_numpy()]))
    lists = pa.ListArray.from_arrays(column.offsets, pa.array(rows[column.values.to_numpy()]))
    return table.set_column(at, table.schema.field(at), lists.cast(table.schema.field(at).type))
