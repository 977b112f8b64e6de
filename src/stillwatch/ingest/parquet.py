"""Parquet -> pieces, batch by batch; the file's own types are cast to the declared ones, column by column."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import LogFormatError
from stillwatch.ingest import footer, salvage
from stillwatch.ingest.base import EMPTY, BadLine, Piece, Split
from stillwatch.ingest.conform import REQUIRED, Conformed, conform
from stillwatch.ingest.lines import as_columns
from stillwatch.ingest.thrift import BrokenError
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import IngestSettings

_MOST_DONORS = 3
BATCH = 8_192  # rows: with prompts of some kilobytes a batch stays near the 8 MB of a block of lines


def row_groups(path: str, split_rows: int) -> list[tuple[int, int, int]]:
    """
    (first row group, one past the last, rows): neighbours together as long as they hold at most `split_rows` rows.

    Raises:
        LogFormatError: no whole Parquet file.
    """
    with opened(path) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    out: list[tuple[int, int, int]] = []
    for i, n_rows in enumerate(sizes):
        if out and out[-1][2] + n_rows <= split_rows:
            out[-1] = (out[-1][0], i + 1, out[-1][2] + n_rows)
        else:
            out.append((i, i + 1, n_rows))
    return out


def opened(path: str) -> pq.ParquetFile:
    """
    The file with its footer read.

    Raises:
        LogFormatError: it cannot be opened, or has no footer.
    """
    try:
        return pq.ParquetFile(path, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise LogFormatError(f"{path}: is not a whole Parquet file. Was it copied while it was still being written?") from error


def look(path: str) -> tuple[pa.Schema, str | None, salvage.Salvaged | None]:
    """
    Schema of a file; where its footer is lost, also the donor (a file, or one of `footer.OWN`) and what was recovered.

    Raises:
        LogFormatError: it has no footer and nothing of it can be recovered.
    """
    try:
        with opened(path) as file:
            return file.schema_arrow, None, None
    except LogFormatError:
        for donor in _donors(path):
            try:
                found = salvage.salvage(path, footer.donor_of(donor), REQUIRED)
            except BrokenError:
                continue
            if found is not None:
                return pa.schema([(n, pa.null()) for n in found.donor.names]), donor, found
    raise LogFormatError(
        f"{path}: this Parquet file is cut off: its footer is lost, and no other file in its folder has the same columns to read "
        "it by. Put a whole file of the same table beside it, or copy it again"
    )


def _donors(path: str) -> Iterator[str]:
    """Whole Parquet files of the same folder, those with its own suffix first, then `exchanges` itself."""
    here = Path(path)
    beside = sorted(f for f in here.parent.iterdir() if f.is_file() and f != here and not f.name.startswith("."))
    beside.sort(key=lambda f: f.suffix != here.suffix)
    n_tried = 0
    for file in beside:
        if n_tried < _MOST_DONORS and _is_whole(file):
            n_tried += 1
            yield str(file)
    yield from footer.OWN


def _is_whole(file: Path) -> bool:
    with file.open("rb") as raw:
        if raw.read(4) != footer.MAGIC:
            return False
        raw.seek(-4, os.SEEK_END)
        return raw.read(4) == footer.MAGIC


def read_salvaged(split: Split, settings: IngestSettings, own: Mapping[str, str]) -> Iterator[Piece]:
    """The exchanges that are left of a file without footer; the last piece tells where it is cut."""
    found = salvage.salvage(split.path, footer.donor_of(split.donor or footer.OWN[0]), REQUIRED)
    if found is None:
        raise LogFormatError(f"{split.path}: changed while it was read. Run again once it is written whole")
    wanted = {c: n for c, n in own.items() if n in found.donor.names}
    unknown = frozenset(found.donor.names) - set(wanted.values())
    index = before = 0
    for batch in salvage.batches(found, list(dict.fromkeys(wanted.values())), BATCH):
        columns = as_columns(batch)
        done = conform({c: columns[n] for c, n in wanted.items() if n in columns}, batch.num_rows, settings.time_format)
        piece = _piece(split, done, batch, before, index, unknown)
        refuse_bad(piece, settings)
        yield piece
        before += batch.num_rows
        index += piece.n_rows
    end = Piece(EMPTY, index, (BadLine(split.path, before + 1, salvage.CUT),), (b"",))
    refuse_bad(end, settings)
    yield end


def read_exchanges(split: Split, settings: IngestSettings, own: Mapping[str, str]) -> Iterator[Piece]:
    """The exchanges of some row groups; rows without a required value are set aside."""
    with opened(split.path) as file:
        names = file.schema_arrow.names
        wanted = {c: n for c, n in own.items() if n in names}
        unknown = frozenset(names) - set(wanted.values())
        before = sum(file.metadata.row_group(i).num_rows for i in range(split.begin))
        index = 0
        for batch in _batches(file, split, list(dict.fromkeys(wanted.values()))):
            columns = as_columns(batch)
            done = conform({c: columns[n] for c, n in wanted.items()}, batch.num_rows, settings.time_format)
            piece = _piece(split, done, batch, before, index, unknown)
            refuse_bad(piece, settings)
            yield piece
            before += batch.num_rows
            index += piece.n_rows


def read_signatures(split: Split) -> Iterator[Piece]:
    """The signatures of some row groups, numbered by their place in this input."""
    with opened(split.path) as file:
        index = 0
        for batch in _batches(file, split, list(SIGNATURES.names)):
            rows = pa.array(np.arange(index, index + batch.num_rows, dtype=np.int64) + (split.number << 32))
            columns = as_columns(batch) | {"row": rows}
            fitted = [columns[c.name].cast(c.type) for c in SIGNATURES.columns]
            yield Piece(EMPTY, index, signatures=pa.RecordBatch.from_arrays(fitted, schema=SIGNATURES.schema))
            index += batch.num_rows


def refuse_bad(piece: Piece, settings: IngestSettings) -> None:
    """
    Where bad lines are not to be quarantined, stop at the first.

    Raises:
        LogFormatError: `on_bad_line` is "fail" and the piece has a bad line.
    """
    if piece.bad and settings.on_bad_line == "fail":
        worst = piece.bad[0]
        raise LogFormatError(f"{worst.path}:{worst.line}: {worst.reason}. Mend it, or pass --on-bad-line=quarantine")


def _batches(file: pq.ParquetFile, split: Split, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(BATCH, row_groups=list(range(split.begin, split.end)), columns=columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise LogFormatError(
            f"{split.path}: a page of this Parquet file is damaged. Write the file again, or leave it out"
        ) from error


def _piece(split: Split, done: Conformed, batch: pa.RecordBatch, before: int, index: int, unknown: frozenset[str]) -> Piece:
    bad = tuple(BadLine(split.path, before + row + 1, reason) for row, reason in done.reasons.items())
    raw = tuple(orjson.dumps(batch.slice(row, 1).to_pylist()[0], default=_as_text) for row in done.reasons)
    return Piece(done.batch, index, bad, raw, unknown, done.unfit, done.n_mended)


def _as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
