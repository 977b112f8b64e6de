"""Sets that share members: how many each two have in common, and which hold parts that have nothing to do with each other."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U
from stillwatch.methods.postings import roots, unite

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Matrix = npt.NDArray[np.bool_]


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
    starts = np.append(np.flatnonzero(np.diff(members, prepend=members[:1] - 1)), len(members))
    out = np.zeros((n_sets, n_sets), np.int32)
    n_threads = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda number: _in_common(sets, starts, out, number, n_threads), range(n_threads)))
    _mirror(out)
    return out


@njit(cache=True, nogil=True)
def _in_common(sets: Ints, starts: Ints, out: Counts, number: int, n_threads: int) -> None:
    """Upper half of every n-th row."""
    for m in range(len(starts) - 1):
        for i in range(starts[m], starts[m + 1]):
            if sets[i] % n_threads == number:
                row = out[sets[i]]
                for j in range(i, starts[m + 1]):
                    row[sets[j]] += 1


@njit(cache=True, nogil=True)
def _mirror(out: Counts) -> None:
    for i in range(len(out)):
        for j in range(i):
            out[i, j] = out[j, i]


def overlap_at_least(common: Counts, share: float) -> Matrix:
    """
    Which pairs have at least this share of the smaller set in common (overlap coefficient); none with an empty set.

    Args:
        common: As `in_common` gives it.
        share: Above 0, to 1.
    """
    out = np.empty(common.shape, np.bool_)
    _at_least(common, share, out)
    return out


@njit(cache=True, nogil=True)
def _at_least(common: Counts, share: float, out: Matrix) -> None:
    for i in range(len(common)):
        for j in range(len(common)):
            out[i, j] = common[i, j] / max(min(common[i, i], common[j, j]), 1) >= share


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
    _lifted(common, n, times, out)
    return out


@njit(cache=True, nogil=True)
def _lifted(common: Counts, n: int, times: float, out: Matrix) -> None:
    for i in range(len(common)):
        for j in range(len(common)):
            out[i, j] = common[i, j] > 0 and common[i, j] * float(n) >= times * common[i, i] * common[j, j]


def parts_of(common: Counts, share: float) -> Matrix:
    """(i, j): is set i smaller than set j, and does at least this share of i lie in it?"""
    out = np.empty(common.shape, np.bool_)
    _parts(common, share, out)
    return out


@njit(cache=True, nogil=True)
def _parts(common: Counts, share: float, out: Matrix) -> None:
    for i in range(len(common)):
        size = max(common[i, i], 1)
        for j in range(len(common)):
            out[i, j] = common[i, i] < common[j, j] and common[i, j] / size >= share


def holding_both(part: Matrix, apart: Matrix) -> npt.NDArray[np.bool_]:
    """
    Which sets hold two parts that are apart from each other.

    Args:
        part: (i, j): is i a part of j?
        apart: Symmetric: which pairs have nothing to do with each other.
    """
    out = np.zeros(len(part), np.bool_)
    _holding_both(_packed(part.T), _packed(apart), part, out)
    return out


def _packed(matrix: Matrix) -> npt.NDArray[np.uint64]:
    """Rows as bits, filled up to whole words."""
    bits = np.packbits(matrix, axis=1, bitorder="little")
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))).view(np.uint64)


@njit(cache=True, nogil=True)
def _holding_both(parts: npt.NDArray[np.uint64], apart: npt.NDArray[np.uint64], part: Matrix, out: npt.NDArray[np.bool_]) -> None:
    n, n_words = len(part), parts.shape[1]
    for j in range(n):
        for i in range(n):
            if not part[i, j]:
                continue
            for w in range(n_words):
                if parts[j, w] & apart[i, w] != U(0):
                    out[j] = True
                    break
            if out[j]:
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
