"""A total dealt out in whole numbers."""

import numpy as np
import numpy.typing as npt


def apportion(weights: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """
    Whole numbers that sum to `total`, each at least 1 where there is enough, in proportion to `weights`.

    >>> apportion(np.array([1.0, 3.0]), 8).tolist()
    [2, 6]
    """
    n = len(weights)
    if n == 0 or total <= 0:
        return np.zeros(n, np.int64)
    base = 1 if total >= n else 0
    exact = weights / weights.sum() * (total - base * n)
    whole = np.floor(exact).astype(np.int64)
    left = total - base * n - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:left]] += 1
    return whole + base
