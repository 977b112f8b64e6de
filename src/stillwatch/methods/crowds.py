"""Events at which many holders meet: as many of them as asked for on one value within a span of time."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


def crowded(
    values: npt.NDArray[np.int64], times: npt.NDArray[np.int64], holders: npt.NDArray[np.int64], span: int, least: int
) -> npt.NDArray[np.bool_]:
    """
    Mark the events inside any window (t - span, t] in which at least so many distinct holders have the same value.

    Windows slide, as Sigma's `timespan` does; none begins at a full hour or day. Cost: one sort, then linear.

    Args:
        values: (n,) what the holders meet on, for example a payment instrument.
        times: (n,) when, in any unit.
        holders: (n,) who, for example an account.
        span: Length of a window, in the unit of `times`, above 0.
        least: Distinct holders that make a crowd, above 0.

    Returns:
        (n,) in the order of the arguments.

    Raises:
        ValueError: the arrays differ in length, or span or least are not above 0.

    >>> three = np.array([7, 7, 7]), np.array([0, 5, 30]), np.array([1, 2, 3])
    >>> crowded(*three, span=10, least=2).tolist(), crowded(*three, span=31, least=3).tolist()
    ([True, True, False], [True, True, True])
    """
    if not len(values) == len(times) == len(holders):
        raise ValueError("values, times and holders must be of one length")
    if span <= 0 or least <= 0:
        raise ValueError("span and least must be above 0")
    _, codes = np.unique(holders, return_inverse=True)
    order = np.lexsort((times, values))
    marked = np.zeros(len(values), np.bool_)
    seen = np.zeros(int(codes.max()) + 1 if len(codes) else 0, np.int64)
    _mark(values[order], times[order], codes.reshape(-1)[order], span, least, seen, marked)
    out = np.empty(len(values), np.bool_)
    out[order] = marked
    return out


@njit(cache=True, nogil=True)
def _mark(values: Any, times: Any, codes: Any, span: int, least: int, seen: Any, marked: Any) -> None:
    """Two pointers over each value's events in order of time; `seen` counts the events of each holder in the window."""
    first, distinct, done = 0, 0, 0
    for last in range(len(values)):
        while first < last and (values[first] != values[last] or times[first] <= times[last] - span):
            seen[codes[first]] -= 1
            distinct -= seen[codes[first]] == 0
            first += 1
        distinct += seen[codes[last]] == 0
        seen[codes[last]] += 1
        if distinct >= least:
            for i in range(max(first, done), last + 1):
                marked[i] = True
            done = last + 1
