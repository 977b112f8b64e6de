"""Are p-values beyond the highest benign score as rare as they say?"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, kstest

from stillwatch.methods.tail import p_values

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

LAWS: dict[str, Draw] = {
    "exponential": lambda rng, n: rng.exponential(size=n),
    "normal": lambda rng, n: rng.normal(size=n),
    "gamma": lambda rng, n: rng.gamma(0.5, size=n),
    "laplace": lambda rng, n: rng.laplace(size=n),
    "pareto": lambda rng, n: (rng.random(n) ** -0.2 - 1) / 0.2,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n_background", [30, 100, 300])
def test_p_values_are_as_rare_as_they_say(law: str, n_background: int) -> None:
    """Over 150 backgrounds at most 1.5 times the nominal share of benign scores falls below 0.01, and twice below 0.001."""
    rng = np.random.default_rng(7)
    p = np.concatenate([p_values(LAWS[law](rng, 200), LAWS[law](rng, n_background)).extrapolated for _ in range(150)])

    for level, factor in ((0.01, 1.5), (0.001, 2.0)):
        below = int((p <= level).sum())
        assert binomtest(below, p.size, factor * level, alternative="greater").pvalue > 1e-3, (level, below / p.size / level)


@pytest.mark.parametrize("law", LAWS)
def test_plain_p_values_are_uniform(law: str) -> None:
    """One score a background: the rank is uniform over 1 ... n + 1 (Kolmogorov-Smirnov, after random tie-breaking)."""
    rng = np.random.default_rng(8)
    plain = np.array([p_values(LAWS[law](rng, 1), LAWS[law](rng, 49)).plain[0] for _ in range(1_500)])

    smoothed = plain - rng.random(plain.size) / 50

    assert kstest(smoothed, "uniform").pvalue > 1e-3


def test_a_tail_heavier_than_assumed_is_too_bold_by_no_more_than_is_written() -> None:
    """The limit in the docs: at shape 0.4 the share below 0.001 is up to five times nominal, never tenfold."""
    rng = np.random.default_rng(9)
    heavy: Draw = lambda r, n: (r.random(n) ** -0.4 - 1) / 0.4  # noqa: E731

    p = np.concatenate([p_values(heavy(rng, 200), heavy(rng, 100)).extrapolated for _ in range(150)])

    assert 1.0 < (p <= 0.001).mean() / 0.001 < 5.0


def test_many_scores_and_a_prior_near_exponential_tell_the_far_tail() -> None:
    """With 2,000 exponential scores a p of 1e-5 is told as some 3e-5: on the safe side, and half of what the weak prior says."""
    rng = np.random.default_rng(10)
    far = np.array([-np.log(1e-5)])
    backgrounds = [rng.exponential(size=2_000) for _ in range(50)]
    near, weak = (np.median([p_values(far, b, 0.0, sd).extrapolated[0] for b in backgrounds]) for sd in (0.05, 0.2))

    assert 1e-5 < near < 5e-5
    assert near < weak / 1.5
