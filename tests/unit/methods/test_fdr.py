"""Adjusted p-values by Benjamini and Hochberg."""

import numpy as np
import pytest

from stillwatch.methods import fdr
from stillwatch.methods.fdr import benjamini_hochberg


def test_it_agrees_with_the_published_example() -> None:
    """Table 1 of the paper: at 5 % the four smallest of fifteen p-values are rejected."""
    p = np.array([1, 4, 19, 95, 201, 278, 298, 344, 459, 3240, 4262, 5719, 6528, 7590, 10000]) / 10_000

    q = benjamini_hochberg(p)

    assert (q <= 0.05).sum() == 4


def test_no_hypotheses_give_no_q() -> None:
    """An empty array stays empty."""
    assert benjamini_hochberg(np.empty(0)).size == 0


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    """A p-value lies in 0…1."""
    with pytest.raises(ValueError, match="p-values"):
        benjamini_hochberg(np.array([0.5, bad]))


def test_false_findings_stay_below_alpha() -> None:
    """With 10 % real effects the mean share of false findings at q 0.1 is at most 0.1."""
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        p = np.concatenate([rng.random(90), rng.beta(0.05, 5, 10)])
        found = benjamini_hochberg(p) <= 0.1
        shares.append(found[:90].sum() / max(found.sum(), 1))

    assert np.mean(shares) <= 0.11


def test_many_tests_of_one_thing_are_one_finding() -> None:
    """Sixty tests of one cluster do not lower the q-value of a weak test elsewhere, as they would if each were a finding."""
    p = np.concatenate((np.full(60, 1e-5), [1e-3]))
    cluster = np.concatenate((np.zeros(60, int), [1]))

    plain, told = fdr.benjamini_hochberg(np.concatenate((p, np.ones(900)))), fdr.clustered(p, cluster, 961.0)

    assert plain[60] < 0.05
    assert told[60] > 0.3
    assert told[0] < 0.01


def test_each_cluster_of_one_is_benjamini_hochberg() -> None:
    """Where every test is its own cluster, the q-values are the usual ones."""
    p = np.random.default_rng(1).random(50)

    assert np.allclose(fdr.clustered(p, np.arange(50), 50.0), fdr.benjamini_hochberg(p))


def test_dependent_tests_are_fewer() -> None:
    """Blocks of equal tests are worth one test each; no tests are worth none."""
    blocks = np.asarray(np.kron(np.eye(5), np.ones((4, 4))), np.float64)

    assert round(fdr.effective_tests(blocks), 6) == 5.0
    assert fdr.effective_tests(np.empty((0, 0))) == 0.0


def test_findings_among_many_real_effects_are_not_held_against_tests_of_nothing() -> None:
    """With nine real effects in ten the null share is 0.1, more is found than without it, and the false share keeps to q."""
    rng = np.random.default_rng(2)
    shares, gained = [], []
    for _ in range(200):
        p = np.concatenate([rng.random(100), rng.beta(0.2, 8, 900)])
        n_tests = p.size * fdr.null_share(p)
        found = fdr.clustered(p, np.arange(p.size), n_tests) <= 0.1
        shares.append(found[:100].sum() / max(found.sum(), 1))
        gained.append(found.sum() / max((fdr.benjamini_hochberg(p) <= 0.1).sum(), 1))

    assert np.mean(shares) <= 0.11
    assert np.mean(gained) > 1.1


def test_where_nothing_is_real_every_test_counts() -> None:
    """Uniform and conservative p-values, and none at all, have a null share of about 1, and never above."""
    rng = np.random.default_rng(3)

    assert 0.95 < fdr.null_share(rng.random(5_000)) <= 1.0
    assert fdr.null_share(rng.random(5_000) ** 0.5) == fdr.null_share(np.empty(0)) == 1.0
