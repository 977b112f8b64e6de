"""
The distinct values of a short array in their order, inside numba kernels, without a branch that depends on the values.

Each value goes where the number of smaller ones says. That is quadratic, but several comparisons are one instruction, while a
sort of some twenty random digests spends its time on branches that no processor can foresee.
"""

from typing import Any

from numba import njit

from stillwatch.methods.hashing import U, lowest_bit

MOST = 64
_U0, _U1, _ALL = U(0), U(1), U(0xFFFFFFFFFFFFFFFF)


@njit(cache=True, nogil=True)
def sort_distinct(values: Any, n: int, ranks: Any, out: Any) -> int:
    """
    Write the distinct values among values[:n] into `out`, smallest first.

    Args:
        values: Integers.
        n: How many, at most MOST.
        ranks: Scratch, `n` integers as wide as the values.
        out: Room for `n`; not the values themselves.

    Returns:
        Number of distinct values.

    >>> import numpy as np
    >>> out = np.zeros(4, np.int64)
    >>> sort_distinct(np.array([7, -2, 7, 5]), 4, np.zeros(4, np.int64), out), out.tolist()[:3]
    (3, [-2, 5, 7])
    """
    if n == 0:
        return 0
    for i in range(n):
        ranks[i] = 0
    for j in range(n):
        value = values[j]
        for i in range(n):
            ranks[i] += values[i] > value
    taken = _U0
    for i in range(n):
        out[ranks[i]] = values[i]
        taken |= _U1 << U(ranks[i])
    if taken == _ALL >> U(MOST - n):
        return n
    kept = 0
    while taken != _U0:  # equal values share a place, and leave those behind it empty
        out[kept] = out[lowest_bit(taken)]
        taken &= taken - _U1
        kept += 1
    return kept
