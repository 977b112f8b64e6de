"""Adjusted p-values by Benjamini and Hochberg."""

import numpy as np
import pytest

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
