"""Lists as two arrays, offsets and values: gathered in another order."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


@numba.njit(cache=True, nogil=True)
def gathered(offsets: Ints, values: Array, places: Array) -> tuple[npt.NDArray[np.int32], Array]:
    """
    Offsets and values of the lists at `places`, in that order.

    >>> gathered(np.array([0, 2, 3]), np.array([7, 8, 9]), np.array([1, 0]))
    (array([0, 1, 3], dtype=int32), array([9, 7, 8]))
    """
    new_offsets = np.zeros(len(places) + 1, np.int32)
    for i in range(len(places)):
        new_offsets[i + 1] = new_offsets[i] + offsets[places[i] + 1] - offsets[places[i]]
    out = np.empty(new_offsets[-1], values.dtype)
    for i in range(len(places)):
        at = new_offsets[i]
        for j in range(offsets[places[i]], offsets[places[i] + 1]):
            out[at] = values[j]
            at += 1
    return new_offsets, out


def within(lengths: Ints) -> Ints:
    """
    0, 1, … within each run.

    >>> within(np.array([2, 0, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)


@numba.njit(cache=True, nogil=True)
def by_number(number: Array, values: Array, n: int) -> tuple[Ints, Array]:
    """
    Values listed by their number, in their order within one: a counting sort.

    Args:
        number: (m,) 0…n - 1.
        values: (m,).
        n: Lists that are made.

    Returns:
        (n + 1,) offsets and (m,) values.

    >>> by_number(np.array([1, 0, 1]), np.array([7, 8, 9]), 2)
    (array([0, 1, 3]), array([8, 7, 9]))
    """
    starts = np.zeros(n + 1, np.int64)
    for at in number:
        starts[at + 1] += 1
    starts = np.cumsum(starts)
    filled = starts[:-1].copy()
    out = np.empty(len(values), values.dtype)
    for i in range(len(values)):
        out[filled[number[i]]] = values[i]
        filled[number[i]] += 1
    return starts, out


@numba.njit(cache=True, nogil=True)
def distinct_by_number(number: Array, values: Array, n: int, n_values: int) -> tuple[Ints, Array]:
    """
    Values listed by their number, each once and ascending within one: a counting sort by value, and one by number.

    Args:
        number: (m,) 0…n - 1.
        values: (m,) 0…n_values - 1.
        n: Lists that are made.
        n_values: Values that there may be.

    Returns:
        (n + 1,) offsets and the values.

    >>> distinct_by_number(np.array([1, 0, 1, 1]), np.array([7, 8, 2, 7]), 2, 9)
    (array([0, 1, 3]), array([8, 2, 7]))
    """
    value_starts, numbers = by_number(values, number, n_values)
    last = np.full(n, -1, np.int64)
    starts = np.zeros(n + 1, np.int64)
    for value in range(n_values):
        for i in range(value_starts[value], value_starts[value + 1]):
            if last[numbers[i]] != value:
                last[numbers[i]] = value
                starts[numbers[i] + 1] += 1
    starts = np.cumsum(starts)
    filled = starts[:-1].copy()
    last[:] = -1
    out = np.empty(starts[-1], values.dtype)
    for value in range(n_values):
        for i in range(value_starts[value], value_starts[value + 1]):
            if last[numbers[i]] != value:
                last[numbers[i]] = value
                out[filled[numbers[i]]] = value
                filled[numbers[i]] += 1
    return starts, out


@numba.njit(cache=True, nogil=True)
def places_of(ascending: Ints, wanted: Ints) -> npt.NDArray[np.int32]:
    """
    Where each wanted value stands, all of which are there; quick where these come nearly in order.

    Args:
        ascending: (n,) each value once.
        wanted: (m,) of these.

    >>> places_of(np.array([2, 3, 5, 7]), np.array([3, 7, 2]))
    array([1, 3, 0], dtype=int32)
    """
    out = np.empty(len(wanted), np.int32)
    at = 0
    for i in range(len(wanted)):
        steps = 0
        while steps < 8 and at + 1 < len(ascending) and ascending[at] < wanted[i]:
            at += 1
            steps += 1
        if ascending[at] != wanted[i]:
            low, high = 0, len(ascending)
            while low < high:
                middle = (low + high) >> 1
                if ascending[middle] < wanted[i]:
                    low = middle + 1
                else:
                    high = middle
            at = low
        out[i] = at
    return out
