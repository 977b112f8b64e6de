"""A Parquet footer: the schema that a donor gives, and a new table of contents behind a file that has lost its own."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.ingest.thrift import BINARY, I32, I64, LIST, STRUCT, BrokenError, Reader, Struct, Typed, written
from stillwatch.records.tables import EXCHANGES, MESSAGE

MAGIC = b"PAR1"
UNKNOWN_CODEC = -1
_ENCODINGS = (0, 2, 3, 4, 5, 6, 7, 8)  # readers go by the pages' own; the footer must only not exclude one


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of the file: the field of the table it belongs to, whether it repeats, and how the donor stored it."""

    top: int
    path: tuple[bytes, ...]
    physical: int
    codec: int
    repeats: bool


@dataclass(frozen=True, slots=True)
class Donor:
    """A schema, element by element as the footer holds it, and its leaves."""

    elements: tuple[Struct, ...]
    tops: tuple[tuple[int, int], ...]  # element range of each field of the table
    names: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    n_rows: int


@dataclass(slots=True)
class Chunk:
    """The pages of one column in one group of rows."""

    leaf: Leaf
    begin: int
    end: int = 0
    first_data: int = 0
    dictionary: int | None = None
    n_values: int = 0
    n_rows: int = 0  # of a list fewer than its values


@dataclass(frozen=True, slots=True)
class Group:
    """A group of rows: its whole columns and, in the last one, what came of the column that was cut."""

    n_rows: int
    chunks: tuple[Chunk, ...]
    torn: Chunk | None = None


OWN = ("exchanges as declared", "exchanges with every column nullable")


def donor_of(name: str) -> Donor:
    """
    The schema of a whole file, or one of OWN: many engines know no "not null".

    Raises:
        BrokenError: the file is no whole Parquet file.
    """
    if name in OWN:
        sink = io.BytesIO()
        pq.write_table((EXCHANGES.schema if name == OWN[0] else _all_nullable()).empty_table(), sink)
        return _donor(sink.getvalue())
    try:
        with Path(name).open("rb") as file:
            file.seek(-8, io.SEEK_END)
            length = int.from_bytes(file.read(4), "little")
            file.seek(-8 - length, io.SEEK_END)
            return _donor(MAGIC + file.read())
    except (OSError, KeyError, IndexError) as error:
        raise BrokenError from error


def _all_nullable() -> pa.Schema:
    turns = pa.list_(pa.struct([(f.name, f.type) for f in MESSAGE]))
    return pa.schema([(c.name, turns if c.type == pa.list_(MESSAGE) else c.type) for c in EXCHANGES.columns])


def opened(path: str, donor: Donor, tops: Sequence[int], groups: Sequence[Group]) -> pq.ParquetFile:
    """The damaged file behind a new table of contents for some fields of some groups."""
    return pq.ParquetFile(pa.PythonFile(_Patched(path, _footer(donor, tops, groups)), mode="r"))


def _footer(donor: Donor, tops: Sequence[int], groups: Sequence[Group]) -> bytes:
    """A table of contents for some fields of some groups."""
    root = dict(donor.elements[0]) | {5: Typed(I32, len(tops))}
    elements = [Typed(STRUCT, root)]
    for top in tops:
        begin, end = donor.tops[top]
        elements += [Typed(STRUCT, dict(e)) for e in donor.elements[begin:end]]
    wanted = set(tops)
    listed = [Typed(STRUCT, _row_group(g, [c for c in g.chunks if c.leaf.top in wanted])) for g in groups]
    fields = {
        1: Typed(I32, 2),
        2: Typed(LIST, elements, STRUCT),
        3: Typed(I64, sum(g.n_rows for g in groups)),
        4: Typed(LIST, listed, STRUCT),
    }
    body = written(fields)
    return body + len(body).to_bytes(4, "little") + MAGIC


def _row_group(group: Group, chunks: Sequence[Chunk]) -> dict[int, Typed]:
    columns = [Typed(STRUCT, {2: Typed(I64, c.begin), 3: Typed(STRUCT, _column(c))}) for c in chunks]
    size = sum(c.end - c.begin for c in chunks)
    return {1: Typed(LIST, columns, STRUCT), 2: Typed(I64, size), 3: Typed(I64, group.n_rows)}


def _column(chunk: Chunk) -> dict[int, Typed]:
    size = chunk.end - chunk.begin
    fields = {
        1: Typed(I32, chunk.leaf.physical),
        2: Typed(LIST, [Typed(I32, e) for e in _ENCODINGS], I32),
        3: Typed(LIST, [Typed(BINARY, p) for p in chunk.leaf.path], BINARY),
        4: Typed(I32, chunk.leaf.codec),
        5: Typed(I64, chunk.n_values),
        6: Typed(I64, size),
        7: Typed(I64, size),
        9: Typed(I64, chunk.first_data),
    }
    if chunk.dictionary is not None:
        fields[11] = Typed(I64, chunk.dictionary)
    return fields


class _Patched(io.RawIOBase):
    """The damaged file followed by a new footer, without a copy on disk."""

    def __init__(self, path: str, footer: bytes) -> None:
        super().__init__()
        self._file = Path(path).open("rb")  # noqa: SIM115 (closed by close)
        self._size = Path(path).stat().st_size
        self._footer = footer
        self._at = 0

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size + len(self._footer)}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size + len(self._footer) if size < 0 else self._at + size
        self._file.seek(self._at)
        out = self._file.read(max(min(end, self._size) - self._at, 0))
        out += self._footer[max(self._at - self._size, 0) : max(end - self._size, 0)]
        self._at += len(out)
        return out

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _donor(whole: bytes) -> Donor:
    length = int.from_bytes(whole[-8:-4], "little")
    footer = Reader(whole, len(whole) - 8 - length, len(whole) - 8).struct()
    elements = tuple(e.value for e in _list(footer, 2) if isinstance(e.value, dict))
    groups = [g.value for g in _list(footer, 4) if isinstance(g.value, dict)]
    n_rows = integer(groups[0], 3) if groups else 0
    codecs = [integer(inner(c.value, 3), 4) for c in _list(groups[0], 1) if isinstance(c.value, dict)] if n_rows else []
    leaves: list[Leaf] = []
    tops: list[tuple[int, int]] = []
    at = 1
    while at < len(elements):
        begin = at
        at = _walk(elements, at, len(tops), (), False, leaves, codecs)
        tops.append((begin, at))
    names = tuple(_name(elements[begin]).decode("utf-8", "replace") for begin, _ in tops)
    return Donor(elements, tuple(tops), names, tuple(leaves), n_rows)


def _walk(
    elements: Sequence[Struct], at: int, top: int, above: tuple[bytes, ...], repeats: bool, leaves: list[Leaf], codecs: list[int]
) -> int:
    element = elements[at]
    path = (*above, _name(element))
    repeats = repeats or (3 in element and integer(element, 3) == 2)
    n_children = integer(element, 5) if 5 in element else 0
    at += 1
    if not n_children:
        codec = codecs[len(leaves)] if len(leaves) < len(codecs) else UNKNOWN_CODEC
        leaves.append(Leaf(top, path, integer(element, 1), codec, repeats))
    for _ in range(n_children):
        at = _walk(elements, at, top, path, repeats, leaves, codecs)
    return at


def _name(element: Struct) -> bytes:
    value = element[4].value
    if not isinstance(value, bytes):
        raise BrokenError
    return value


def integer(fields: Struct, number: int) -> int:
    value = fields[number].value
    if not isinstance(value, int):
        raise BrokenError
    return value


def inner(fields: Struct, number: int) -> Struct:
    value = fields[number].value
    if not isinstance(value, dict):
        raise BrokenError
    return value


def _list(fields: Struct, number: int) -> list[Typed]:
    value = fields[number].value
    if not isinstance(value, list):
        raise BrokenError
    return value
