"""
What can still be read of a Parquet file that has lost its footer, as a copy that was cut off has.

The pages are all there, each behind a small header that tells its size and count; only the table of contents is missing. We
walk the pages, tell where each column ends by counting, and write a new footer with the schema of a donor: a whole file of
the same folder or, without one, `exchanges` itself as Arrow writes it. A last group of rows that is unfinished gives the
columns that came before the cut; the others are null there.

Blind to: a donor with other columns; lists inside lists. Where the counts of columns disagree,
nothing is guessed: what came before is kept.

References: the Parquet format's parquet.thrift (PageHeader, FileMetaData) and its README, "Page Header".
"""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from stillwatch.ingest.footer import MAGIC, UNKNOWN_CODEC, Chunk, Donor, Group, Leaf, inner, integer, opened
from stillwatch.ingest.thrift import I32, I64, LIST, BrokenError, Reader

CUT = "the Parquet file is cut off here; all before this row was read"
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3  # PageType
UNCOMPRESSED, _SNAPPY, _GZIP, _ZSTD = 0, 1, 2, 6  # CompressionCodec
_CODECS = {_SNAPPY: "snappy", _GZIP: "gzip", 4: "brotli", _ZSTD: "zstd", 7: "lz4_raw"}


@dataclass(frozen=True, slots=True)
class Salvaged:
    """
    What was recovered.

    Args:
        whole: Groups of rows that have every column.
        torn: The unfinished last group, if it has anything.
    """

    path: str
    donor: Donor
    whole: tuple[Group, ...]
    torn: Group | None
    n_rows: int


@dataclass(frozen=True, slots=True)
class _Page:
    begin: int
    data: int
    end: int
    plain_size: int
    kind: int
    n_values: int
    n_rows: int


def salvage(path: str, donor: Donor, required: Sequence[str]) -> Salvaged | None:
    """
    Walk the pages of a file without footer; None where nothing of it can be recovered.

    Args:
        required: Fields without which the rows of an unfinished group are worth nothing.
    """
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        donor = _with_codec(donor, data)
        groups = list(_groups(data, donor))
    whole = tuple(g for g in groups if len(g.chunks) == len(donor.leaves))
    last = groups[-1] if groups and len(groups[-1].chunks) < len(donor.leaves) else None
    torn = last if last and _usable(last, donor, required) else None
    found = Salvaged(path, donor, whole, torn, sum(g.n_rows for g in whole) + (torn.n_rows if torn else 0))
    return found if found.n_rows and _reads(found) else None


def batches(found: Salvaged, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """The recovered rows; a field that the unfinished group lacks is left out of its batches."""
    fields = range(len(found.donor.names))
    if found.whole:
        with opened(found.path, found.donor, list(fields), found.whole) as file:
            yield from file.iter_batches(rows, columns=list(columns), use_threads=False)
    if found.torn is None:
        return
    tops = _whole_tops(found.torn, found.donor)
    tail = _tail(found, found.torn)
    with opened(found.path, found.donor, tops, (found.torn,)) as file:
        at = 0
        for batch in file.iter_batches(rows, columns=[c for c in columns if c in file.schema_arrow.names], use_threads=False):
            yield _with_tail(batch, tail, at, columns)
            at += batch.num_rows


def _reads(found: Salvaged) -> bool:
    """A wrong donor shows when the beginning is decoded: a page of another type, text that is no text."""
    try:
        next(batches(found, list(found.donor.names), 1_024)).validate(full=True)
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return False
    return True


def _tail(found: Salvaged, group: Group) -> pa.Table | None:
    """The rows of the cut column whose pages are whole."""
    torn = group.torn
    if torn is None or torn.leaf.repeats or torn.n_values == 0 or len(torn.leaf.path) > 1:
        return None
    part = Group(min(torn.n_values, group.n_rows), (torn,))
    with opened(found.path, found.donor, [torn.leaf.top], (part,)) as file:
        return file.read()


def _with_tail(batch: pa.RecordBatch, tail: pa.Table | None, at: int, columns: Sequence[str]) -> pa.RecordBatch:
    if tail is None or tail.column_names[0] not in columns:
        return batch
    part = tail.slice(at, batch.num_rows).column(0).combine_chunks()
    missing = pa.nulls(batch.num_rows - len(part), part.type)
    return batch.append_column(tail.column_names[0], pa.concat_arrays([part, missing]))


def _usable(group: Group, donor: Donor, required: Sequence[str]) -> bool:
    whole = {donor.names[t] for t in _whole_tops(group, donor)}
    return bool(whole) and whole >= set(required) & set(donor.names)


def _whole_tops(group: Group, donor: Donor) -> list[int]:
    """Fields of the table all of whose columns are there."""
    n_there = [sum(c.leaf.top == t for c in group.chunks) for t in range(len(donor.names))]
    n_all = [sum(leaf.top == t for leaf in donor.leaves) for t in range(len(donor.names))]
    return [t for t in range(len(donor.names)) if n_there[t] == n_all[t]]


def _groups(data: mmap.mmap, donor: Donor) -> Iterator[Group]:
    at = len(MAGIC)
    while (group := _group(data, at, donor)) is not None:
        yield group
        if group.torn is not None:
            return
        at = _past_description(data, group.chunks[-1].end)


def _group(data: mmap.mmap, at: int, donor: Donor) -> Group | None:
    """
    The group of rows that begins at `at`; None where none does, or where the counts of its columns disagree.

    How many rows it has is told by its first column: up to where the next one's dictionary begins; else as many as the
    donor's groups have; else those of its first page.
    """
    first = _chunk(data, at, donor.leaves[0], None)
    after = _page(data, first.end)
    ended = _past_description(data, first.end) > first.end or (after is not None and after.kind == _DICTIONARY)
    page = _page(data, first.first_data)
    for n_rows in (first.n_values if ended else 0, donor.n_rows, page.n_values if page is not None else 0):
        walked = _walked(data, at, donor, n_rows) if n_rows else None
        if walked is not None:
            return walked
    return None


def _walked(data: mmap.mmap, at: int, donor: Donor, n_rows: int) -> Group | None:
    """The group, if it has so many rows: each column's pages must add up to just that, or the file must end."""
    chunks: list[Chunk] = []
    for leaf in donor.leaves:
        chunk = _chunk(data, at, leaf, n_rows)
        if chunk.n_rows != n_rows:
            cut_here = chunk.n_rows < n_rows and _page(data, chunk.end) is None
            return Group(n_rows, tuple(chunks), chunk) if chunks and cut_here else None
        chunks.append(chunk)
        at = _past_description(data, chunk.end)
    return Group(n_rows, tuple(chunks))


def _chunk(data: mmap.mmap, at: int, leaf: Leaf, n_rows: int | None) -> Chunk:
    """The column that begins at `at`: until its count is full, the next column's dictionary begins, or the file ends."""
    chunk = Chunk(leaf, at, at)
    while n_rows is None or chunk.n_rows < n_rows:
        page = _page(data, chunk.end)
        if page is None or (page.kind == _DICTIONARY and chunk.n_values):
            break
        if page.kind == _DICTIONARY:
            chunk.dictionary = page.begin
        else:
            chunk.first_data = chunk.first_data or page.begin
            chunk.n_values += page.n_values
            chunk.n_rows += _rows_of(data, page, leaf)
        chunk.end = page.end
    return chunk


def _rows_of(data: mmap.mmap, page: _Page, leaf: Leaf) -> int:
    """Rows that begin in a page: of a list, the values whose repetition level is 0."""
    if page.kind == _DATA_V2 or not leaf.repeats:
        return page.n_rows if page.kind == _DATA_V2 else page.n_values
    plain = data[page.data : page.end]
    if leaf.codec != UNCOMPRESSED:
        try:
            plain = pa.decompress(plain, page.plain_size, codec=_CODECS[leaf.codec]).to_pybytes()
        except (KeyError, OSError, pa.ArrowException):
            return 0
    return n_zeros(plain[4 : 4 + int.from_bytes(plain[:4], "little")], page.n_values)


def n_zeros(levels: bytes, n: int) -> int:
    """
    Zeros among `n` levels of one bit, in Parquet's mix of runs and packed bits (Encodings.md, RLE = 3).

    >>> n_zeros(bytes([4 << 1, 0, 1 << 1 | 1, 0b10101010]), 12)
    8
    """
    at = zeros = seen = 0
    while seen < n and at < len(levels):
        head = shift = 0
        while at < len(levels):
            byte = levels[at]
            head, shift, at = head | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                break
        if head & 1:
            packed = levels[at : at + (head >> 1)]
            bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")[: n - seen]
            zeros, seen, at = zeros + int((bits == 0).sum()), seen + len(bits), at + len(packed)
        else:
            run = min(head >> 1, n - seen)
            zeros, seen, at = zeros + run * (levels[at : at + 1] == b"\0"), seen + run, at + 1
    return zeros


def _past_description(data: mmap.mmap, at: int) -> int:
    """Some writers describe a column once more behind its pages (ColumnMetaData); where the next one begins."""
    reader = Reader(data, at, len(data))
    try:
        fields = reader.struct()
    except BrokenError:
        return at
    kinds = {1: I32, 2: LIST, 3: LIST, 4: I32, 5: I64}
    return reader.at if all(n in fields and fields[n].kind == kind for n, kind in kinds.items()) else at


def _page(data: mmap.mmap, at: int) -> _Page | None:
    """The page that begins at `at`; None where there is none, or the file ends inside it."""
    reader = Reader(data, at, len(data))
    try:
        head = reader.struct()
        kind, plain_size, size = integer(head, 1), integer(head, 2), integer(head, 3)
        fields = inner(head, {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}[kind])
        n_values = integer(fields, 1)
        n_rows = integer(fields, 3) if kind == _DATA_V2 else 0
    except (BrokenError, KeyError):
        return None
    if size < 0 or n_values < 0 or reader.at + size > len(data):
        return None
    return _Page(at, reader.at, reader.at + size, plain_size, kind, n_values, n_rows)


def _with_codec(donor: Donor, data: mmap.mmap) -> Donor:
    """Where the donor does not tell the compression, the first page does."""
    if all(leaf.codec != UNKNOWN_CODEC for leaf in donor.leaves):
        return donor
    page = _page(data, len(MAGIC))
    start = data[page.data : page.data + 4] if page else b""
    codec = _ZSTD if start == b"\x28\xb5\x2f\xfd" else _GZIP if start[:2] == b"\x1f\x8b" else _SNAPPY
    if page and start and page.plain_size == page.end - page.data:
        codec = UNCOMPRESSED
    leaves = tuple(Leaf(x.top, x.path, x.physical, codec, x.repeats) for x in donor.leaves)
    return Donor(donor.elements, donor.tops, donor.names, leaves, donor.n_rows)
