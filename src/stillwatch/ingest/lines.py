"""Splits of JSON -> pieces: each line is parsed, turned into a row by its adapter, or set aside with line and reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import orjson
import pyarrow as pa

from stillwatch.errors import BadLineError, LogFormatError
from stillwatch.ingest import files
from stillwatch.ingest.base import BadLine, Piece, Split
from stillwatch.ingest.conform import Conformed, from_rows
from stillwatch.ingest.files import Block
from stillwatch.ingest.objects import Parsed, lines_of, objects_of
from stillwatch.settings import IngestSettings

Fields = Mapping[str, object]
Convert = Callable[[dict[str, object]], Fields]
Fast = Callable[[Block], Conformed | None]
_PART = 512 << 10  # bytes of a part of a block that could not be read at once
_LONGEST_NAME = 100  # characters of an unknown name that are kept
_SAMPLED = 64  # objects a block whose names are looked at for columns that nobody reads


@dataclass(frozen=True, slots=True)
class Format:
    """
    What an adapter tells of its lines.

    Args:
        convert: One object -> canonical column -> value; raises BadLineError.
        known: Names that the format reads; None where the format has too many others to name.
        fast: Every row of a block at once, or None where it needs to be read line by line.
    """

    convert: Convert
    known: frozenset[str] | None = None
    fast: Fast | None = None


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a block with the line and bytes that each came from, and the lines that gave none."""

    rows: list[Fields]
    lines: list[int]
    raw: list[bytes]
    bad: list[tuple[int, str, bytes]]
    n_mended: int


def read_lines(split: Split, settings: IngestSettings, form: Format) -> Iterator[Piece]:
    """
    The pieces of a split of JSON, plain or compressed, one value a line or one value a file.

    Raises:
        LogFormatError: the file cannot be opened, or a line is bad and `on_bad_line` is "fail".
    """
    place = _Place(split)
    index = 0
    for block, done in (tried for whole in _blocks(split) for tried in _tried(whole, form)):
        piece = _piece(block, done, settings, form, place, index)
        if piece.bad and settings.on_bad_line == "fail":
            worst = piece.bad[0]
            raise LogFormatError(f"{worst.path}:{worst.line}: {worst.reason}. Mend the line, or pass --on-bad-line=quarantine")
        index += piece.n_rows
        yield piece


class _Place:
    """Line numbers in the file: the lines before a split are counted only once a bad line must be named."""

    def __init__(self, split: Split) -> None:
        self.path = split.path
        self._begin = split.begin
        self._before: int | None = None if split.begin else 0

    def line(self, line_in_split: int) -> int:
        """The line's number in the file, from 1."""
        if self._before is None:
            # the line that holds the byte before the split ends inside or at the edge of it, and belongs to the one before
            self._before = files.line_before(self.path, self._begin - 1) + 1
        return self._before + line_in_split


def _blocks(split: Split) -> Iterator[Block]:
    if split.container == "lines":
        yield from files.blocks(split.path, split.compression, split.begin, split.end)
        return
    whole = list(files.blocks(split.path, split.compression, 0, split.end, size=1 << 62))
    if whole:
        text = b"".join(b.data for b in whole).strip()
        lines = _one_line_each(text)
        yield Block(lines, 1, lines.count(b"\n"), whole[-1].cut)


def _one_line_each(document: bytes) -> bytes:
    """A file that is one JSON value, written one object a line."""
    items = objects_of(document)
    return b"\n".join(orjson.dumps(item.fields) for item in items)


def _tried(block: Block, form: Format) -> Iterator[tuple[Block, Conformed | None]]:
    """The block read at once; where that fails its parts, so that one odd line sends only its neighbours the slow way."""
    if form.fast is None or block.cut:
        yield block, None
        return
    done = form.fast(block)
    if done is not None or len(block.data) <= _PART:
        yield block, done
        return
    for part in files.divided(block, _PART):
        yield part, form.fast(part)


def _piece(block: Block, done: Conformed | None, settings: IngestSettings, form: Format, place: _Place, index: int) -> Piece:
    unknown = _unknown(block.data, form.known)
    if done is not None:
        return Piece(done.batch, index, unknown=unknown, unfit=done.unfit, n_mended=done.n_mended)
    read = _rows(block, form.convert)
    done = from_rows(read.rows, settings.time_format)
    bad = read.bad + [(read.lines[row], reason, read.raw[row]) for row, reason in done.reasons.items()]
    bad.sort(key=lambda b: b[0])
    named = tuple(BadLine(place.path, place.line(line), reason) for line, reason, _ in bad)
    raw = tuple(text for _, _, text in bad)
    return Piece(done.batch, index, named, raw, unknown, done.unfit, read.n_mended)


def _rows(block: Block, convert: Convert) -> _Rows:
    out = _Rows([], [], [], [], 0)
    n_mended = 0
    last = (0, b"")
    for at, line in lines_of(block.data):
        last = (block.first_line + at, line)
        try:
            parsed = objects_of(line)
        except BadLineError as error:
            out.bad.append((last[0], str(error), line))
            continue
        for item in parsed:
            n_mended += _add(out, item, convert, last, alone=len(parsed) == 1)
    if block.cut:
        _tell_cut(out, last, block)
    return _Rows(out.rows, out.lines, out.raw, out.bad, n_mended)


def _add(out: _Rows, item: Parsed, convert: Convert, place: tuple[int, bytes], alone: bool) -> bool:
    line, text = place
    raw = text if alone else orjson.dumps(item.fields)
    try:
        out.rows.append(convert(item.fields))
    except BadLineError as error:
        out.bad.append((line, str(error), raw))
        return False
    out.lines.append(line)
    out.raw.append(raw)
    return item.mended


def _tell_cut(out: _Rows, last: tuple[int, bytes], block: Block) -> None:
    line, text = last
    if out.bad and out.bad[-1][0] == line and not block.data.endswith(b"\n"):
        out.bad[-1] = (line, files.CUT, text)
    else:
        out.bad.append((block.first_line + block.n_newlines, files.CUT, b""))


def _unknown(data: bytes, known: frozenset[str] | None) -> frozenset[str]:
    if known is None:
        return frozenset()
    seen: set[str] = set()
    for at, line in lines_of(data[: 1 << 18]):
        if at >= _SAMPLED:
            break
        try:
            seen.update(*(p.fields for p in objects_of(line)))
        except BadLineError:
            continue
    return frozenset(name[:_LONGEST_NAME] for name in seen - known)


def as_columns(table: pa.Table | pa.RecordBatch) -> dict[str, pa.Array]:
    """Column -> one array."""
    pairs = zip(table.schema.names, table.columns, strict=True)
    return {n: _whole(column) for n, column in reversed(list(pairs))}  # of two columns with one name the first counts


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
