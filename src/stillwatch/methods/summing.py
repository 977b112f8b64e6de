"""Sums inside compiled kernels that equal NumPy's: what is added in another order is another number."""

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def pairwise_sum(values: Floats) -> float:
    """
    The sum of contiguous numbers as NumPy takes it (`pairwise_sum` in its loops), to the bit.

    >>> values = np.random.default_rng(1).random(1_001)
    >>> pairwise_sum(values) == values.sum()
    True
    """
    n = len(values)
    if n < 8:
        total = 0.0
        for value in values:
            total += value
        return total
    if n > 128:
        half = n // 2 - (n // 2) % 8
        return pairwise_sum(values[:half]) + pairwise_sum(values[half:])
    eight = values[:8].copy()
    end = n - n % 8
    for i in range(8, end, 8):
        for k in range(8):
            eight[k] += values[i + k]
    total = ((eight[0] + eight[1]) + (eight[2] + eight[3])) + ((eight[4] + eight[5]) + (eight[6] + eight[7]))
    for i in range(end, n):
        total += values[i]
    return total
