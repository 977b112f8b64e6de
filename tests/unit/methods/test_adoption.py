"""The beta-binomial, and the weight of an excess."""

import itertools

import numpy as np
import pytest

from stillwatch.methods.adoption import excess_bits, log_betabinomial


def test_small_dispersion_is_the_binomial() -> None:
    """At almost no correlation the law is the binomial."""
    exact = 3 * np.log(0.2) + 7 * np.log(0.8) + np.log(120)

    assert log_betabinomial(3, 10, 0.2, 1e-6) == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("bad", [(-1, 5, 0.5, 0.1), (6, 5, 0.5, 0.1), (1, 5, 0.0, 0.1), (1, 5, 0.5, 1.0)])
def test_what_is_no_law_is_refused(bad: tuple[int, int, float, float]) -> None:
    """Counts within n, rates and correlations strictly inside 0…1."""
    with pytest.raises(ValueError, match="beta-binomial"):
        log_betabinomial(*bad)


def test_the_weight_rises_with_the_excess_and_stays_between_its_bounds() -> None:
    """From log2(1 - reach) to log2(reach / stray), never falling."""
    bits = [excess_bits(k, 40, 0.06, 0.03, 0.4, 0.01) for k in range(41)]

    assert all(b <= a + 1e-9 for b, a in itertools.pairwise(bits))
    assert min(bits) >= np.log2(0.6)
    assert max(bits) <= np.log2(0.4 / 0.01) + 1e-9


def test_fewer_than_usual_is_as_ordinary_as_usual() -> None:
    """A group that never adopts is no evidence of anything."""
    assert excess_bits(0, 40, 0.5, 0.03, 0.4, 0.01) == excess_bits(20, 40, 0.5, 0.03, 0.4, 0.01)


def test_nobody_there_says_nothing() -> None:
    """No trials, no bits."""
    assert excess_bits(0, 0, 0.1, 0.1, 0.5, 0.01) == 0.0
