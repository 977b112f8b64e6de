"""Spearman's correlation and its permutation null."""

import math

import numpy as np
import pytest
from scipy import stats

from stillwatch.methods.rank_order import permutation_p, spearman, spearman_log10_p, spearman_null


def test_the_correlation_is_scipys() -> None:
    """With ties and without."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        a, b = rng.integers(0, 6, 40).astype(float), rng.normal(size=40)
        assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert spearman(np.ones(5), np.arange(5.0)) == 0.0


def test_the_tail_is_scipys_and_goes_on_below_it() -> None:
    """Student's t where scipy can say; beyond, down to one order in n!."""
    assert 10 ** spearman_log10_p(0.42, 50) == pytest.approx(stats.t.sf(0.42 * math.sqrt(48 / (1 - 0.42**2)), 48))
    assert spearman_log10_p(0.6, 5_000) < -480
    assert spearman_log10_p(1.0, 10) == pytest.approx(-math.log10(math.factorial(10)))
    assert spearman_log10_p(0.999999, 5) == pytest.approx(-math.log10(math.factorial(5)))
    assert spearman_log10_p(-1.0, 10) == 0.0
    assert spearman_log10_p(0.9, 2) == 0.0


def test_p_values_of_shuffled_orders_are_uniform() -> None:
    """600 shuffles of heavy-tailed values with ties: Kolmogorov-Smirnov against the uniform law."""
    rng = np.random.default_rng(4)
    values = np.round(rng.standard_t(2, 80), 1)

    p_values = [10 ** spearman_log10_p(rho, 80) for rho in spearman_null(values, np.arange(80.0), 600, 5)]

    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert sum(p < 0.01 for p in p_values) <= stats.binom.ppf(0.999, 600, 0.01)


def test_few_items_are_held_against_every_order() -> None:
    """Exact down to one order in n!, as scipy's own enumeration says; ties count against the finding."""
    rng = np.random.default_rng(7)
    for _ in range(5):
        a, b = rng.integers(0, 4, 7).astype(float), rng.normal(size=7)
        scipys = stats.permutation_test(
            (a,), lambda x, b=b: stats.spearmanr(x, b).statistic, permutation_type="pairings", n_resamples=np.inf,
            alternative="greater",
        ).pvalue  # fmt: skip
        assert permutation_p(a, b, 99, 1) == pytest.approx(scipys)
    assert permutation_p(np.arange(9.0), np.arange(9.0), 99, 1) == pytest.approx(1 / math.factorial(9))


def test_shuffles_end_early_for_strangers_and_stop_at_their_floor() -> None:
    """A level p agrees with Student's t; nothing goes below one in shuffles + 1; the seed fixes it."""
    rng = np.random.default_rng(8)
    values, order = rng.normal(size=200), np.arange(200.0)

    level = permutation_p(values, order, 99_999, 1)

    assert level == permutation_p(values, order, 99_999, 1)
    assert level == pytest.approx(10 ** spearman_log10_p(spearman(values, order), 200), rel=0.4)
    assert permutation_p(order, order, 1_999, 1) == 1 / 2_000


def test_sequential_p_values_are_uniform() -> None:
    """400 strangers' orders with ties, few items: the stopping rule costs no validity."""
    rng = np.random.default_rng(9)

    found = [permutation_p(np.round(rng.standard_t(2, 12), 1), np.arange(12.0), 1_999, seed) for seed in range(400)]

    assert stats.kstest(found, "uniform").pvalue > 0.001
    assert sum(p < 0.05 for p in found) <= stats.binom.ppf(0.999, 400, 0.05)
