"""Arrow string columns as the kernels read them: bytes, offsets, and which rows need normalising first."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from stillwatch.methods.hashing import U, borrowed, hash_bytes, load8, mix
from stillwatch.methods.words import is_settled, settled_characters
from stillwatch.signatures.scan import Scanned, Scanner, scan

_HIGH = U(0x8080808080808080)
_U0 = U(0)


@dataclass(frozen=True, slots=True)
class Texts:
    """Text i lies in data[offsets[i]:offsets[i + 1]]; nothing is copied."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    present: npt.NDArray[np.bool_]


def texts_of(column: pa.Array) -> Texts:
    """The buffers of a string or large_string column, whatever slice of them it is."""
    wide = np.int64 if pa.types.is_large_string(column.type) else np.int32
    _, offsets, data = column.buffers()
    places = np.zeros(1, np.int64)
    if offsets is not None and len(column):
        places = np.frombuffer(offsets, wide)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    raw = np.frombuffer(data if data is not None else b"", np.uint8)
    return Texts(raw, places, column.is_valid().to_numpy(zero_copy_only=False))


_ASCII, _SETTLED, _UNSETTLED = 0, 1, 2  # beyond ASCII: does NFKC leave the text as it is?


@njit(cache=True, nogil=True)
def _kinds(data: Any, offsets: Any, settled: Any, out: Any) -> None:
    """Which of the three each text is."""
    data, settled = borrowed(data), borrowed(settled)
    for i in range(len(out)):
        at, end = offsets[i], offsets[i + 1]
        high = _U0
        while at + 8 <= end:
            high |= load8(data, at)
            at += 8
        while at < end:
            high |= U(data[at])
            at += 1
        if (high & _HIGH) == _U0:
            out[i] = _ASCII
        else:
            out[i] = _SETTLED if is_settled(data, offsets[i], end, settled) else _UNSETTLED


def scan_column(
    scanner: Scanner,
    column: pa.Array,
    most_fragments: int,
    wanted: npt.NDArray[np.bool_] | None = None,
    room: Scanned | None = None,
) -> Scanned:
    """
    Scan every text of a column; a null gives an empty result.

    Only rows with a byte beyond ASCII are put in lower case by Arrow, as one copy, and only those that NFKC may change are
    normalised first, which costs twenty times as much.

    Args:
        scanner: Tables and seeds.
        column: Strings, possibly null.
        most_fragments: 32 for prompts, 16 for system prompts.
        wanted: (n,) rows to scan; others stay empty.
        room: Where to, at least n rows; then rows that are not scanned hold what was there before.
    """
    out = Scanned.empty(len(column)) if room is None else room.head(len(column))
    texts = texts_of(column)
    kinds = np.zeros(len(column), np.uint8)
    _kinds(texts.data, texts.offsets, settled_characters(), kinds)
    kinds[~texts.present] = _ASCII
    rows = np.arange(len(column))
    if wanted is not None:
        rows = np.where(wanted, rows, -1)
    scan(scanner, texts.data, texts.offsets, np.where(texts.present & (kinds == _ASCII), rows, -1), True, most_fragments, out)
    for kind in (_SETTLED, _UNSETTLED):
        chosen = rows[(kinds == kind) & (rows >= 0)]
        if len(chosen):
            plain = column.take(pa.array(chosen))
            normal = texts_of(pc.utf8_lower(pc.utf8_normalize(plain, form="NFKC") if kind == _UNSETTLED else plain))
            scan(scanner, normal.data, normal.offsets, chosen, False, most_fragments, out)
    return out


@njit(cache=True, nogil=True)
def _sets(lists: Any, there: Any, data: Any, offsets: Any, out: Any) -> None:
    for i in range(len(out)):
        if not there[i]:
            continue
        total = _U0
        for j in range(lists[i], lists[i + 1]):
            total += mix(hash_bytes(data, offsets[j], offsets[j + 1]))
        out[i] = total


def set_values(column: pa.Array) -> npt.NDArray[np.uint64]:
    """
    One public value for the set of names in each list, whatever their order; 0 for none.

    Args:
        column: list<string>, possibly null.
    """
    out = np.zeros(len(column), np.uint64)
    if column.null_count < len(column):
        names = texts_of(column.values)
        padded = np.concatenate([names.data, np.zeros(8, np.uint8)])
        _sets(column.offsets.to_numpy(), column.is_valid().to_numpy(zero_copy_only=False), padded, names.offsets, out)
    return out
