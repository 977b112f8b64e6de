"""
Are two samples drawn from one distribution? Exact permutation tests, stratified by prompt.

Labels are shuffled within each prompt only, so the prompts themselves, and unequal numbers of samples a prompt, cost no validity.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def hamming_kernel(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """
    Share of places at which two completions hold the same symbol.

    Args:
        codes: `(n_samples, length)` symbols, padded to one length.

    Returns:
        `(n_samples, n_samples)` similarities, 0…1.

    References:
        Gao, Liang and Guestrin, "Model Equality Testing" (2410.20247), section 3: the Hamming kernel.

    >>> hamming_kernel(np.array([[1, 2], [1, 3]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    same = np.zeros((len(codes), len(codes)), dtype=np.float64)
    for place in range(codes.shape[1]):
        same += codes[:, place, None] == codes[None, :, place]
    return same / max(codes.shape[1], 1)


def linear_kernel(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Outer product of one number a sample: its MMD is the squared difference of means.

    References:
        "Log-prob tracking" (2512.03816): the statistic is a difference of mean log-probabilities.

    >>> linear_kernel(np.array([1.0, 2.0])).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    return np.outer(values, values)


def permutation_mmd(
    kernels: Sequence[NDArray[np.float64]], first: Sequence[NDArray[np.bool_]], permutations: int, seed: int
) -> tuple[float, NDArray[np.float64]]:
    """
    Squared maximum mean discrepancy summed over prompts, and its null by shuffling labels within prompts.

    Exact at any sample size when samples are independent given the prompt. Blind to what the kernel does not see.
    Cost: `permutations` × the squared number of samples, a prompt.

    Args:
        kernels: one `(n, n)` kernel a prompt.
        first: one `(n,)` mask a prompt: True for samples of the first model; both kinds must occur.
        permutations: shuffles, at least 99.
        seed: of the shuffles.

    Returns:
        The observed statistic and `(permutations,)` values under the null.

    References:
        Gretton et al., "A kernel two-sample test", JMLR 2012, equation 5 (biased; shuffling needs no other).
    """
    rng = np.random.default_rng(seed)
    observed, null = 0.0, np.zeros(permutations, dtype=np.float64)
    for kernel, mask in zip(kernels, first, strict=True):
        weights = _signed_weights(mask)
        shuffled = rng.permuted(np.tile(weights, (permutations, 1)), axis=1)
        observed += float(weights @ kernel @ weights)
        null += np.einsum("bi,bi->b", shuffled @ kernel, shuffled)
    return observed, null


def monte_carlo_p(observed: float, null: NDArray[np.float64]) -> float:
    """
    Exact p of a Monte Carlo test: the rank of the observed value among the shuffled ones and itself.

    Ties count against the finding; a tolerance of 1e-9 (relative) keeps rounding from breaking a tie.

    References:
        Phipson and Smyth, "Permutation p-values should never be zero", 2010.

    >>> monte_carlo_p(3.0, np.array([1.0, 2.0, 3.0]))
    0.5
    """
    at_least = null >= observed - _rounding(observed)
    return float(1 + np.count_nonzero(at_least)) / (len(null) + 1)


def spread_p(observed: float, null: NDArray[np.float64], uniform: float) -> float:
    """
    The same p with ties broken at random: uniform under the null also where a statistic takes few values.

    For measuring whether a null is right; a finding takes `monte_carlo_p`, where every tie counts against it.

    Args:
        uniform: A draw from [0, 1), which decides where among its ties the observed value stands.

    References:
        Randomised p-values: Lehmann and Romano, Testing Statistical Hypotheses (2005), section 3.3.

    >>> spread_p(3.0, np.array([1.0, 2.0, 3.0]), 0.0), spread_p(3.0, np.array([1.0, 2.0, 3.0]), 0.5)
    (0.0, 0.25)
    """
    above = np.count_nonzero(null > observed + _rounding(observed))
    ties = np.count_nonzero(np.abs(null - observed) <= _rounding(observed))
    return float(above + uniform * (ties + 1)) / (len(null) + 1)


def _rounding(observed: float) -> float:
    return 1e-9 * max(abs(observed), 1.0)


def _signed_weights(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    n_first = int(np.count_nonzero(mask))
    if n_first in {0, len(mask)}:
        raise ValueError("every prompt needs at least one sample of each model")
    return np.where(mask, 1.0 / n_first, -1.0 / (len(mask) - n_first))
