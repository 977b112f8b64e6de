"""Sets that share members: how many each two have in common, and which hold parts that have nothing to do with each other."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.cores import available_cores
from stillwatch.methods.hashing import U, lowest_bit
from stillwatch.methods.postings import roots, unite
from stillwatch.methods.ragged import by_number

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Matrix = npt.NDArray[np.bool_]

_BLOCK = 64  # rows and columns that are mirrored at once: two blocks fit into the processor's cache
_THREADS = available_cores()


def in_common(sets: Ints, members: Ints, n_sets: int) -> Counts:
    """
    Members that each two of the sets have in common; of a set with itself, its size.

    Cost: a step for each pair of sets that a member is in, and 4 bytes a pair of sets.

    Args:
        sets, members: (n,) which set holds which member, sorted by member, then by set, each pair once.
        n_sets: Number of sets; they are numbered from 0.

    Returns:
        (n_sets, n_sets).

    >>> in_common(np.array([0, 1, 1]), np.array([7, 7, 9]), 2).tolist()
    [[1, 1], [1, 2]]
    """
    sizes = np.diff(np.append(np.flatnonzero(np.diff(members, prepend=members[:1] - 1)), len(members)))
    ends = np.repeat(np.cumsum(sizes), sizes)
    narrow = sets.astype(np.int32)
    starts, places = by_number(narrow, np.arange(len(sets)), n_sets)
    out = np.zeros((n_sets, n_sets), np.int32)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda number: _in_common(narrow, ends, starts, places, out, number, _THREADS), range(_THREADS)))
    _by_rows(_mirror, out)
    return out


@njit(cache=True, nogil=True)
def _in_common(sets: Counts, ends: Ints, starts: Ints, places: Ints, out: Counts, number: int, n_threads: int) -> None:
    """Upper half of every n-th row, a row at a time, so that it stays in the cache; `places` are those of each set in `sets`."""
    for s in range(number, len(out), n_threads):
        row = out[s]
        for i in range(starts[s], starts[s + 1]):
            for j in range(places[i], ends[places[i]]):
                row[sets[j]] += 1


def _by_rows(kernel: Callable[..., None], rows: npt.NDArray[Any], *others: object) -> None:
    """Run a kernel of (first row, last row, rows, …) on all cores, some rows each."""
    spans = itertools.pairwise(np.linspace(0, len(rows), _THREADS + 1).astype(np.int64).tolist())
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda span: kernel(*span, rows, *others), spans))


@njit(cache=True, nogil=True)
def _mirror(first: int, last: int, out: Counts) -> None:
    """Lower half of some rows from the upper half, block by block."""
    for top in range(first, last, _BLOCK):
        for left in range(0, last, _BLOCK):
            for i in range(top, min(top + _BLOCK, last)):
                for j in range(left, min(left + _BLOCK, i)):
                    out[i, j] = out[j, i]


def overlap_at_least(common: Counts, share: float) -> Matrix:
    """
    Which pairs have at least this share of the smaller set in common (overlap coefficient); none with an empty set.

    Args:
        common: As `in_common` gives it.
        share: Above 0, to 1.
    """
    out = np.empty(common.shape, np.bool_)
    _by_rows(_at_least, common, np.diagonal(common).copy(), share, out)
    return out


@njit(cache=True, nogil=True)
def _at_least(first: int, last: int, common: Counts, sizes: Counts, share: float, out: Matrix) -> None:
    for i in range(first, last):
        for j in range(len(sizes)):
            out[i, j] = common[i, j] / max(min(sizes[i], sizes[j]), 1) >= share


def lift_at_least(common: Counts, n: int, times: float) -> Matrix:
    """
    Which pairs have at least so many times as much in common as sets of their sizes would have by chance.

    Args:
        common: As `in_common` gives it.
        n: Members that there are.
        times: Above 0.

    >>> lift_at_least(np.array([[10, 4], [4, 20]], np.int32), 100, 2.0).tolist()
    [[True, True], [True, True]]
    """
    out = np.empty(common.shape, np.bool_)
    _by_rows(_lifted, common, np.diagonal(common).copy(), n, times, out)
    return out


@njit(cache=True, nogil=True)
def _lifted(first: int, last: int, common: Counts, sizes: Counts, n: int, times: float, out: Matrix) -> None:
    for i in range(first, last):
        for j in range(len(sizes)):
            out[i, j] = common[i, j] > 0 and common[i, j] * float(n) >= times * sizes[i] * sizes[j]


def parts_of(common: Counts, share: float) -> Matrix:
    """(i, j): is set i smaller than set j, and does at least this share of i lie in it?"""
    out = np.empty(common.shape, np.bool_)
    _by_rows(_parts, common, np.diagonal(common).copy(), share, out)
    return out


@njit(cache=True, nogil=True)
def _parts(first: int, last: int, common: Counts, sizes: Counts, share: float, out: Matrix) -> None:
    for i in range(first, last):
        size = max(sizes[i], 1)
        for j in range(len(sizes)):
            out[i, j] = sizes[i] < sizes[j] and common[i, j] / size >= share


def holding_both(part: Matrix, apart: Matrix) -> npt.NDArray[np.bool_]:
    """
    Which sets hold two parts that are apart from each other.

    Args:
        part: (i, j): is i a part of j?
        apart: Symmetric: which pairs have nothing to do with each other.
    """
    out = np.zeros(len(part), np.bool_)
    _by_rows(_holding_both, _packed_columns(part), _packed(apart), out)
    return out


def _packed(matrix: Matrix) -> npt.NDArray[np.uint64]:
    """Rows as bits, filled up to whole words."""
    bits = np.packbits(matrix, axis=1, bitorder="little")
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))).view(np.uint64)


@njit(cache=True, nogil=True)
def _packed_columns(matrix: Matrix) -> npt.NDArray[np.uint64]:
    """Columns as bits, likewise; read as the matrix lies in memory, and few of it are ones."""
    out = np.zeros((matrix.shape[1], (len(matrix) + 63) // 64), np.uint64)
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            if matrix[i, j]:
                out[j, i >> 6] |= U(1) << U(i & 63)
    return out


@njit(cache=True, nogil=True)
def _holding_both(
    first: int, last: int, parts: npt.NDArray[np.uint64], apart: npt.NDArray[np.uint64], out: npt.NDArray[np.bool_]
) -> None:
    n_words = parts.shape[1]
    for j in range(first, last):
        for v in range(n_words):
            left = parts[j, v]
            while left != U(0) and not out[j]:
                i = 64 * v + np.int64(lowest_bit(left))
                left &= left - U(1)
                for w in range(n_words):
                    if parts[j, w] & apart[i, w] != U(0):
                        out[j] = True
                        break


def connected(alike: Matrix) -> Ints:
    """
    Connected components of a symmetric relation, numbered from 0 by smallest member.

    >>> connected(np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], bool)).tolist()
    [0, 1, 0]
    """
    parents = np.arange(len(alike), dtype=np.int32)
    _connect(alike, parents)
    return np.unique(roots(parents), return_inverse=True)[1].astype(np.int64)


@njit(cache=True, nogil=True)
def led_by(alike: Matrix, order: Ints) -> Ints:
    """
    Leader of each: taken in an order, whoever is like no leader before is one; all others follow the first that they are like.

    Unlike connected components it joins no two that only a third is like. No two leaders are alike.

    Args:
        alike: (n, n) symmetric.
        order: (n,) each index once.

    >>> led_by(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], np.bool_), np.array([0, 1, 2])).tolist()
    [0, 0, 2]
    """
    leader = np.full(len(alike), -1, np.int64)
    leaders = np.empty(len(alike), np.int64)
    n_leaders = 0
    for one in order:
        for place in range(n_leaders):
            if alike[one, leaders[place]]:
                leader[one] = leaders[place]
                break
        if leader[one] < 0:
            leader[one] = one
            leaders[n_leaders] = one
            n_leaders += 1
    return leader


@njit(cache=True, nogil=True)
def _connect(alike: Matrix, parents: Counts) -> None:
    for i in range(len(alike)):
        for j in range(i + 1, len(alike)):
            if alike[i, j]:
                unite(parents, i, j)
