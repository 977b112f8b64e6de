"""Sets that share members: how many each two have in common, how they are related, and which hold parts that are strangers."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.cores import available_cores
from stillwatch.methods.hashing import U, lowest_bit
from stillwatch.methods.postings import roots, unite
from stillwatch.methods.ragged import by_number
from stillwatch.methods.relation import Relation, words_of

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

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
    held = _held(sets, members, n_sets)
    out = np.zeros((n_sets, n_sets), np.int32)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda number: _in_common(*held, out, number, _THREADS), range(_THREADS)))
    _by_rows(_mirror, out)
    return out


def _held(sets: Ints, members: Ints, n_sets: int) -> tuple[Counts, Ints, Ints, Ints]:
    """Sets by member, where each member's end, and of each set the places in that list."""
    sizes = np.diff(np.append(np.flatnonzero(np.diff(members, prepend=members[:1] - 1)), len(members)))
    narrow = sets.astype(np.int32)
    starts, places = by_number(narrow, np.arange(len(sets)), n_sets)
    return narrow, np.repeat(np.cumsum(sizes), sizes), starts, places


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


@dataclass(frozen=True, slots=True)
class Rule:
    """
    When two sets are related.

    Args:
        kind: "overlap": at least this share of the smaller set is common (overlap coefficient); none with an empty set.
            "part": the first is smaller than the second, and at least this share of it lies there.
            "lift": at least so many times as much is common as sets of their sizes would have by chance among `n` members.
            "count": at least so many members are common.
        least: Above 0; of a share to 1.
        n: Members that there are, for a lift.
    """

    kind: Literal["overlap", "part", "lift", "count"]
    least: float
    n: int = 1


_KINDS = ("overlap", "part", "lift", "count")


def related(sets: Ints, members: Ints, n_sets: int, rules: Sequence[Rule]) -> list[Relation]:
    """
    The pairs of sets that each rule relates. Counts are held a row at a time: a bit a pair and rule is what is kept.

    Args:
        sets, members, n_sets: As of `in_common`.

    >>> overlap, part = related(np.array([0, 1, 1]), np.array([7, 7, 9]), 2, [Rule("overlap", 0.5), Rule("part", 0.5)])
    >>> overlap.rows(0, 2).tolist(), part.rows(0, 2).tolist()
    ([[True, True], [True, True]], [[False, True], [False, False]])
    """
    held = _held(sets, members, n_sets)
    sizes = np.bincount(sets, minlength=n_sets).astype(np.int32)
    kinds = np.array([_KINDS.index(rule.kind) for rule in rules])
    needs = np.array([_needs(rule, sizes) for rule in rules], np.int32).reshape(len(rules), n_sets)
    lifts = np.array([[rule.least, rule.n] for rule in rules], np.float64).reshape(-1, 2)
    upper, lower = (np.zeros((len(rules), n_sets, words_of(n_sets)), np.uint64) for _ in range(2))
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda at: _related(*held, sizes, kinds, needs, lifts, upper, lower, at, _THREADS), range(_THREADS)))
    for rule, up, low in zip(rules, upper, lower, strict=True):
        up |= Relation(low if rule.kind == "part" else up, n_sets).transposed().words
    return [Relation(up, n_sets) for up in upper]


def _needs(rule: Rule, sizes: Counts) -> Counts:
    """(n_sets,) of a share, the least count that is so much of each set; of a count, itself."""
    if rule.kind in ("overlap", "part"):
        whole = np.maximum(sizes, 1)
        least = np.floor(rule.least * whole).astype(np.int32) - 1
        while (short := least / whole < rule.least).any():
            least += short
        return np.maximum(least, 1)
    return np.full(len(sizes), np.ceil(rule.least), np.int32)


@njit(cache=True, nogil=True)
def _related(
    sets: Counts,
    ends: Ints,
    starts: Ints,
    places: Ints,
    sizes: Counts,
    kinds: Ints,
    needs: npt.NDArray[np.int32],
    lifts: npt.NDArray[np.float64],
    upper: Words,
    lower: Words,
    number: int,
    n_threads: int,
) -> None:
    """Of every n-th row the pairs from the diagonal on: how the row is related to the column, and, of parts, the column to it."""
    n = len(sizes)
    common = np.zeros(n, np.int32)
    for i in range(number, n, n_threads):
        common[i:] = 0
        for k in range(starts[i], starts[i + 1]):
            for j in range(places[k], ends[places[k]]):
                common[sets[j]] += 1
        for r in range(len(kinds)):
            need, row, back = needs[r], upper[r, i], lower[r, i]
            for w in range(i >> 6, len(row)):
                first, last = max(64 * w, i), min(64 * w + 64, n)
                word = turned = U(0)
                for j in range(first, last):
                    if kinds[r] == 0:
                        holds = common[j] >= min(need[i], need[j])
                    elif kinds[r] == 1:
                        holds = (sizes[i] < sizes[j]) & (common[j] >= need[i])
                        turned |= U((sizes[j] < sizes[i]) & (common[j] >= need[j])) << U(j & 63)
                    elif kinds[r] == 2:
                        holds = (common[j] > 0) & (common[j] * lifts[r, 1] >= lifts[r, 0] * sizes[i] * sizes[j])
                    else:
                        holds = common[j] >= need[j]
                    word |= U(holds) << U(j & 63)
                row[w], back[w] = word, turned


def holding_both(part: Relation, apart: Relation) -> npt.NDArray[np.bool_]:
    """
    Which sets hold two parts that are apart from each other.

    Args:
        part: (i, j): is i a part of j?
        apart: Symmetric: which pairs have nothing to do with each other.
    """
    out = np.zeros(part.n, np.bool_)
    _by_rows(_holding_both, part.transposed().words, apart.words, out)
    return out


@njit(cache=True, nogil=True)
def _holding_both(first: int, last: int, parts: Words, apart: Words, out: npt.NDArray[np.bool_]) -> None:
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


def connected(alike: Relation) -> Ints:
    """
    Connected components of a symmetric relation, numbered from 0 by smallest member.

    >>> connected(Relation.of_rows([np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], bool)], 3)).tolist()
    [0, 1, 0]
    """
    parents = np.arange(alike.n, dtype=np.int32)
    _connect(alike.words, parents)
    return np.unique(roots(parents), return_inverse=True)[1].astype(np.int64)


def led_by(alike: Relation, order: Ints) -> Ints:
    """
    Leader of each: taken in an order, whoever is like no leader before is one; all others follow the first that they are like.

    Unlike connected components it joins no two that only a third is like. No two leaders are alike.

    Args:
        alike: Symmetric.
        order: (n,) each index once.

    >>> alike = Relation.of_rows([np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool)], 3)
    >>> led_by(alike, np.array([0, 1, 2])).tolist()
    [0, 0, 2]
    """
    return _led_by(alike.words, order)


@njit(cache=True, nogil=True)
def _led_by(alike: Words, order: Ints) -> Ints:
    leader = np.full(len(alike), -1, np.int64)
    leaders = np.empty(len(alike), np.int64)
    n_leaders = 0
    for one in order:
        for place in range(n_leaders):
            if alike[one, leaders[place] >> 6] >> U(leaders[place] & 63) & U(1):
                leader[one] = leaders[place]
                break
        if leader[one] < 0:
            leader[one] = one
            leaders[n_leaders] = one
            n_leaders += 1
    return leader


@njit(cache=True, nogil=True)
def _connect(alike: Words, parents: Counts) -> None:
    for i in range(len(alike)):
        for w in range(i >> 6, alike.shape[1]):
            left = alike[i, w]
            while left != U(0):
                unite(parents, i, 64 * w + np.int64(lowest_bit(left)))
                left &= left - U(1)
