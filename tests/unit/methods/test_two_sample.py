"""Two-sample permutation tests."""

import numpy as np
import pytest
from scipy import stats

from stillwatch.methods.two_sample import hamming_kernel, linear_kernel, monte_carlo_p, permutation_mmd, spread_p


def test_hamming_counts_equal_places() -> None:
    """Similarity is the share of equal places; nothing at all is alike in nothing."""
    codes = np.array([[1, 2, 3, 4], [1, 2, 0, 0], [9, 9, 9, 9]])

    assert hamming_kernel(codes).tolist() == [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert hamming_kernel(np.zeros((2, 0), dtype=np.int64)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_statistic_with_a_linear_kernel_is_the_squared_difference_of_means() -> None:
    """A hand-made case, summed over prompts."""
    first = np.array([True, True, False])

    observed, null = permutation_mmd([linear_kernel(np.array([1.0, 3.0, 7.0]))] * 2, [first, first], 99, 1)

    assert observed == pytest.approx(2 * (2.0 - 7.0) ** 2)
    assert null.shape == (99,)
    assert set(np.round(null, 6)) <= {round(a + b, 6) for a in (25.0, 16.0, 1.0) for b in (25.0, 16.0, 1.0)} | {observed}


def test_p_values_are_uniform_where_both_sides_are_one_model() -> None:
    """400 pairs under the null: Kolmogorov-Smirnov, and P(p < alpha) within its 99.9 % binomial band."""
    rng = np.random.default_rng(11)
    p_values = []
    for seed in range(400):
        kernels = [linear_kernel(rng.standard_t(3, 8)) for _ in range(3)]
        observed, null = permutation_mmd(kernels, [np.arange(8) < 4] * 3, 199, seed)
        p_values.append(monte_carlo_p(observed, null) - rng.uniform() / 200)

    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    for alpha in (0.05, 0.2):
        assert sum(p < alpha for p in p_values) <= stats.binom.ppf(0.999, 400, alpha)


def test_a_difference_is_found_and_prompts_alone_are_none() -> None:
    """Shifted symbols are seen; prompts that differ from each other, with equal sides, are not."""
    rng = np.random.default_rng(3)
    mask = np.arange(10) < 5
    shifted = [hamming_kernel(np.vstack([rng.integers(0, 3, (5, 12)), rng.integers(1, 4, (5, 12))])) for _ in range(4)]
    prompts = [hamming_kernel(np.full((10, 12), i)) for i in range(4)]

    observed, null = permutation_mmd(shifted, [mask] * 4, 999, 5)

    assert monte_carlo_p(observed, null) <= 0.002
    assert monte_carlo_p(*permutation_mmd(prompts, [mask] * 4, 999, 5)) == 1.0


def test_a_prompt_with_one_side_only_is_refused() -> None:
    """There is nothing to compare there."""
    with pytest.raises(ValueError, match="each model"):
        permutation_mmd([np.eye(2)], [np.array([True, True])], 99, 1)


def test_rounding_does_not_break_ties() -> None:
    """A value that differs from the observed by less than rounding counts as a tie, against the finding."""
    assert monte_carlo_p(1.0, np.array([1.0 - 1e-12] * 9)) == 1.0


def test_ties_broken_at_random_make_a_coarse_statistic_uniform() -> None:
    """A statistic of three values gives uniform p-values, also where rounding blurs ties; a finding counts all ties."""
    rng = np.random.default_rng(6)
    blurred = rng.integers(0, 3, (400, 100)) + rng.normal(0, 1e-13, (400, 100))

    spread = [spread_p(row[0], row[1:], rng.random()) for row in blurred]

    assert stats.kstest(spread, "uniform").pvalue > 0.001
    assert stats.kstest([monte_carlo_p(row[0], row[1:]) for row in blurred], "uniform").pvalue < 1e-6
