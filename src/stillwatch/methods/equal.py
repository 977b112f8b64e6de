"""
Which strings of a column are equal, inside numba kernels: for each the first that is the same.

A table of the rows seen, found by a seeded hash and compared byte by byte: a hash that somebody has forced to collide costs
time, and never makes one string of two.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, borrowed, load8, mix

_PRIME, _OTHER = U(0xD6E8FEB86659FD93), U(0x9E3779B97F4A7C15)
_U8, _U32 = U(8), U(32)


def table(n: int) -> npt.NDArray[np.int32]:
    """An empty table for `n` rows."""
    return np.full(1 << max(4, int(2 * n).bit_length()), -1, np.int32)


def firsts(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], present: npt.NDArray[np.bool_], seed: np.uint64
) -> npt.NDArray[np.int64]:
    """
    The first row with the same string, for each row; -1 where there is none.

    Args:
        data: Bytes of all strings.
        offsets: (n + 1,) string i is data[offsets[i]:offsets[i + 1]].
        present: (n,) which strings there are.
        seed: Of the hash; one that nobody outside can know.

    >>> firsts(np.frombuffer(b"abab", np.uint8), np.array([0, 2, 2, 4]), np.array([True, False, True]), np.uint64(7)).tolist()
    [0, -1, 0]
    """
    out = np.full(len(present), -1, np.int64)
    _firsts(data, offsets, present, seed, table(len(present)), out)
    return out


@njit(cache=True, nogil=True)
def _hash(data: Any, start: int, end: int, seed: np.uint64) -> np.uint64:
    h, g, at = seed, seed ^ _OTHER, start
    while at + 16 <= end:  # two at a time: a multiplication waits for the one before
        h = (h ^ load8(data, at)) * _PRIME
        g = (g ^ load8(data, at + 8)) * _OTHER
        h ^= h >> _U32
        g ^= g >> _U32
        at += 16
    tail = U(end - start)
    for i in range(at, end):
        tail = (tail ^ U(data[i])) * _PRIME
    return mix(h ^ mix(g ^ tail))


@njit(cache=True, nogil=True)
def _equal(data: Any, first: int, second: int, size: int) -> bool:
    i = 0
    while i + 8 <= size:
        if load8(data, first + i) != load8(data, second + i):
            return False
        i += 8
    while i < size:
        if data[first + i] != data[second + i]:
            return False
        i += 1
    return True


@njit(cache=True, nogil=True)
def place_of(data: Any, offsets: Any, row: int, seed: np.uint64, seen: Any) -> int:
    """The place in `table` of the row that is equal to `row`, or the empty one (-1) where it belongs."""
    start, end, mask = offsets[row], offsets[row + 1], U(len(seen) - 1)
    at = _hash(data, start, end, seed) & mask
    while seen[at] >= 0:
        other = offsets[seen[at]]
        if offsets[seen[at] + 1] - other == end - start and _equal(data, start, other, end - start):
            break
        at = (at + U(1)) & mask
    return int(at)


@njit(cache=True, nogil=True)
def _firsts(data: Any, offsets: Any, present: Any, seed: np.uint64, seen: Any, out: Any) -> None:
    data, offsets, seen = borrowed(data), borrowed(offsets), borrowed(seen)
    for i in range(len(out)):
        if present[i]:
            at = place_of(data, offsets, i, seed, seen)
            if seen[at] < 0:
                seen[at] = i
            out[i] = seen[at]
