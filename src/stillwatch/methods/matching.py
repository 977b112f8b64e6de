"""
Exact permutation tests of a matching: do units of two models pair up by position more than chance allows?

Under the null the units of one side are exchangeable, so the best matching is a uniform permutation. Everything here is valid at
any sample size; p-values are returned as log10, because they underflow.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln

Floats = NDArray[np.float32] | NDArray[np.float64]

_EXACT_UP_TO = 1_500  # fixed points summed exactly; beyond, the moment bound (slack below a factor of sqrt(2 pi (L + 1)))
_SMALLEST = 1e-280  # below it float64 sums lose digits to subnormals


def cosines(left: Floats, right: Floats) -> NDArray[np.float32]:
    """
    Cosine of every row of `left` with every row of `right`; a zero row has cosine 0 with everything.

    Args:
        left, right: `(n, features)` and `(m, features)`.

    >>> cosines(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[2.0, 0.0]])).tolist()
    [[1.0], [0.0]]
    """
    return _unit(left) @ _unit(right).T


def _unit(rows: Floats) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0.0, norms, 1.0), dtype=np.float32)


def match(similarity: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """
    The assignment of rows to columns with the largest total similarity.

    Rows and columns are relabelled at random first: a solver breaks ties by position, so two models with a block of equal
    (say, zero) units would otherwise match by position and look related.

    Args:
        similarity: `(n, m)` with n ≤ m.

    Returns:
        `(n,)` the column of each row.

    >>> match(np.eye(4), np.random.default_rng(1)).tolist()
    [0, 1, 2, 3]
    """
    n, m = similarity.shape
    if n > m:
        raise ValueError(f"more rows ({n}) than columns ({m}) to match them with")
    rows, columns = rng.permutation(n), rng.permutation(m)
    _, found = linear_sum_assignment(similarity[np.ix_(rows, columns)], maximize=True)
    matching = np.empty(n, dtype=np.int64)
    matching[rows] = columns[found]
    return matching


def fixed_points_log10_p(observed: int, sizes: Sequence[int]) -> float:
    """
    log10 P(total fixed points of independent uniform permutations ≥ observed).

    One permutation of n has P(K = k) = (1/k!) Σ_{i ≤ n-k} (-1)^i / i!. Totals up to 1,500 are summed exactly; beyond, Markov's
    inequality on the falling factorial moments, which are at most L^j for L permutations, gives a bound that is never too small.

    Args:
        observed: Fixed points seen, in total.
        sizes: Units of each permutation.

    References:
        de Montmort's problem of coincidences; Feller, An Introduction to Probability Theory I, IV.4.

    >>> round(10 ** fixed_points_log10_p(3, [3]), 4)  # only the identity: 1/3!
    0.1667
    >>> round(fixed_points_log10_p(1536, [1536]))
    -4229
    """
    if observed > sum(sizes) or observed < 0:
        raise ValueError(f"{observed} fixed points in permutations of {sum(sizes)} units")
    if observed == 0:
        return 0.0
    if len(sizes) == 1:
        return _single_log10_sf(observed, sizes[0])
    if observed <= _EXACT_UP_TO:
        tail = float(_total_pmf(sizes, 2 * observed + 200)[observed:].sum())
        if tail > _SMALLEST:
            return min(0.0, math.log10(tail))
    return min(0.0, _moment_bound(observed, len(sizes)) / math.log(10.0))


def fixed_points_pmf(n: int, length: int) -> NDArray[np.float64]:
    """P(K = 0 … length-1) for one uniform permutation of `n` units."""
    pmf = np.zeros(length)
    for k in range(min(n + 1, length, 171)):
        pmf[k] = math.exp(-math.lgamma(k + 1)) * _derangement_share(n - k)
    return pmf


def _derangement_share(n: int) -> float:
    """Share of the permutations of n without a fixed point."""
    return math.fsum((-1.0) ** i / math.factorial(i) for i in range(min(n, 30) + 1)) if n != 1 else 0.0


def _single_log10_sf(observed: int, n: int) -> float:
    ks = np.arange(observed, min(n, observed + 200) + 1)
    shares = np.array([_derangement_share(int(n - k)) for k in ks])
    logs = -gammaln(ks + 1.0)
    top = float(logs.max())
    return min(0.0, (top + math.log(float((np.exp(logs - top) * shares).sum()))) / math.log(10.0))


def _total_pmf(sizes: Sequence[int], length: int) -> NDArray[np.float64]:
    """PMF of the total by repeated squaring, cut at `length`: all terms are positive, so no digits are lost."""
    total = np.ones(1)
    for n in sorted(set(sizes)):
        power, count = fixed_points_pmf(n, min(length, n + 1, 171)), list(sizes).count(n)
        while count:
            if count & 1:
                total = np.convolve(total, power)[:length]
            power, count = np.convolve(power, power)[:length], count >> 1
    return total


def _moment_bound(observed: int, permutations: int) -> float:
    """ln of min over j of L^j (k-j)! / k!, reached at j = k - L."""
    j = max(observed - permutations, 0)
    return min(0.0, j * math.log(permutations) + math.lgamma(observed - j + 1) - math.lgamma(observed + 1))


def trace_moments(similarity: Floats) -> tuple[float, float, float]:
    """
    The trace of a square matrix, with its mean and variance over uniform permutations of the rows.

    References:
        Hoeffding, A combinatorial central limit theorem, Ann. Math. Statist. 22 (1951).

    >>> trace_moments(np.eye(2))
    (2.0, 1.0, 1.0)
    """
    square = np.asarray(similarity, dtype=np.float64)
    n = len(square)
    centred = square - square.mean(0) - square.mean(1)[:, None] + square.mean()
    return float(np.trace(square)), float(square.mean() * n), float((centred**2).sum() / max(n - 1, 1))


def trace_draws(similarity: Floats, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`(draws,)` traces of the matrix with its rows permuted uniformly."""
    n = len(similarity)
    orders = rng.permuted(np.broadcast_to(np.arange(n), (draws, n)), axis=1)
    return np.asarray(similarity, dtype=np.float64)[orders, np.arange(n)].sum(axis=1)


def fisher_log10(log10_p: Sequence[float]) -> float:
    """
    Fisher's combination of independent p-values, exact in log10: P(χ²_{2m} ≥ x) = e^{-x/2} Σ_{k<m} (x/2)^k / k!.

    >>> fisher_log10([-3.0])
    -3.0
    >>> round(10 ** fisher_log10([math.log10(0.5)] * 2), 4)
    0.5966
    """
    if not log10_p:
        return 0.0
    half = -math.fsum(log10_p) * math.log(10.0)
    if half <= 0.0:
        return 0.0
    ks = np.arange(len(log10_p))
    logs = ks * math.log(half) - gammaln(ks + 1.0)
    top = float(logs.max())
    return min(0.0, (top + math.log(float(np.exp(logs - top).sum())) - half) / math.log(10.0))
