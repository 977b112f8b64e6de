"""Any integers as 0, 1, 2 … in the order in which they first appear: what a sort would be used for, without the sort."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def numbered(values: Ints) -> tuple[Ints, int]:
    """
    Number of each value, and how many there are. Linear: an open-addressed table.

    >>> numbered(np.array([30, -1, 30, 7]))
    (array([0, 1, 0, 2]), 3)
    """
    size = 16
    while size < 2 * len(values):
        size *= 2
    slots = np.full(size, -1, np.int64)
    firsts = np.empty(len(values), np.int64)
    numbers = np.empty(len(values), np.int64)
    n = 0
    for i in range(len(values)):
        at = spread(values[i]) & (size - 1)
        while slots[at] >= 0 and firsts[slots[at]] != values[i]:
            at = (at + 1) & (size - 1)
        if slots[at] < 0:
            slots[at] = n
            firsts[n] = values[i]
            n += 1
        numbers[i] = slots[at]
    return numbers, n


def ranked(values: Ints) -> tuple[Ints, Ints]:
    """
    The distinct values, ascending, and the place of each value among them, as `numpy.unique` gives them; only these are sorted.

    >>> ranked(np.array([30, -1, 30, 7]))
    (array([-1,  7, 30]), array([2, 0, 2, 1]))
    """
    number, n = numbered(values)
    distinct = np.empty(n, np.int64)
    distinct[number] = values
    order = np.argsort(distinct)
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    return distinct[order], rank[number]


@njit(cache=True, nogil=True)
def spread(value: np.int64) -> np.int64:
    """A hash of an integer; never negative (Fibonacci hashing, Knuth vol. 3, 6.4)."""
    mixed = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(0x7FFFFFFFFFFFFFFF))


@njit(cache=True, nogil=True)
def in_runs(numbers: Ints, n: int) -> bool:
    """Do equal numbers stand together?"""
    ended = np.zeros(n, np.bool_)
    for i in range(1, len(numbers)):
        if numbers[i] != numbers[i - 1]:
            if ended[numbers[i]]:
                return False
            ended[numbers[i - 1]] = True
    return True
