"""Spearman's correlation and its permutation null."""

import math

import numpy as np
import pytest
from scipy import stats

from stillwatch.methods.rank_order import spearman, spearman_log10_p, spearman_null


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
