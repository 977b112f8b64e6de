"""Does one number follow the order of another? Spearman's correlation with its permutation null."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def spearman(values: NDArray[np.float64], order: NDArray[np.float64]) -> float:
    """
    Rank correlation with mid-ranks for ties; 0.0 where either side is constant.

    References:
        Spearman 1904; ties as in Kendall, "Rank correlation methods", chapter 3.

    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 40.0])), 9)
    1.0
    """
    a, b = _standard_ranks(values), _standard_ranks(order)
    return float(np.clip(a @ b, -1.0, 1.0))


def spearman_null(values: NDArray[np.float64], order: NDArray[np.float64], permutations: int, seed: int) -> NDArray[np.float64]:
    """
    `(permutations,)` correlations after shuffling the order: exact when the order was itself a shuffle.

    >>> spearman_null(np.arange(5.0), np.arange(5.0), 99, seed=1).shape
    (99,)
    """
    rng = np.random.default_rng(seed)
    a, b = _standard_ranks(values), _standard_ranks(order)
    return np.array([a @ rng.permutation(b) for _ in range(permutations)])


def spearman_log10_p(rho: float, count: int) -> float:
    """
    log10 of the one-sided P(correlation ≥ rho) by Student's t on `count` - 2 degrees of freedom.

    An approximation to the permutation null, good from some 20 items; past the floor of a Monte Carlo test it is a model.

    References:
        Kendall and Stuart, volume 2, 31.19.

    >>> round(10 ** spearman_log10_p(0.5, 30), 4)
    0.0024
    """
    if count < 3:
        return 0.0
    if rho >= 1.0:
        return -math.lgamma(count + 1) / math.log(10)  # only one order in count! is perfect
    if rho <= -1.0:
        return 0.0
    t = rho * math.sqrt((count - 2) / (1.0 - rho * rho))
    return max(float(stats.t.logsf(t, count - 2)), -math.lgamma(count + 1)) / math.log(10)


def _standard_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = stats.rankdata(values) - (len(values) + 1) / 2
    length = math.sqrt(float(ranks @ ranks))
    return np.asarray(ranks / length if length else np.zeros(len(values)), dtype=np.float64)
