"""Does one number follow the order of another? Spearman's correlation with its permutation null."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ALL_ORDERS = 9  # 362,880 of them
_ENOUGH = 100
_AT_FIRST = 500  # orders; then as many as were drawn before
_AT_ONCE = 2_000_000  # numbers shuffled at once


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


def permutation_p(values: NDArray[np.float64], order: NDArray[np.float64], shuffles: int, seed: int) -> float:
    """
    Exact one-sided p of Spearman's correlation under uniformly shuffled orders, ties counted against the finding.

    Up to nine items every order is looked at. Beyond, orders are drawn until 100 of them reach the observed correlation, or
    `shuffles` were drawn: uniform under the null either way, with a floor of 1 / (shuffles + 1).
    Cost: `shuffles` × items for a strong finding, 100 / p × items else; a second for 2,400 items and 20,000 shuffles.

    References:
        Besag and Clifford, "Sequential Monte Carlo p-values", Biometrika 78 (1991).

    >>> round(permutation_p(np.arange(5.0), np.arange(5.0), 99, seed=1) * 120)
    1
    """
    # doubled ranks about 0 are whole numbers, and so are their products: sums are exact, and ties are ties
    a, b = (2.0 * stats.rankdata(side) - (len(side) + 1) for side in (values, order))
    observed = float(a @ b)
    if len(a) <= ALL_ORDERS:
        return float(np.mean(np.array(list(itertools.permutations(b))) @ a >= observed))
    rng, reached, drawn = np.random.default_rng(seed), 0, 0
    while drawn < shuffles:
        few = min(drawn + _AT_FIRST, max(1, _AT_ONCE // len(b)), shuffles - drawn)
        hits = np.cumsum(rng.permuted(np.broadcast_to(b, (few, len(b))), axis=1) @ a >= observed)
        if reached + hits[-1] >= _ENOUGH:
            return _ENOUGH / (drawn + int(np.searchsorted(hits, _ENOUGH - reached)) + 1)
        reached, drawn = reached + int(hits[-1]), drawn + few
    return (reached + 1) / (shuffles + 1)


def spearman_log10_p(rho: float, count: int) -> float:
    """
    log10 of the one-sided P(correlation ≥ rho) by Student's t on `count` - 2 degrees of freedom.

    A model of the permutation null, good from some 20 items: for what lies beyond the resolution of `permutation_p`.

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
