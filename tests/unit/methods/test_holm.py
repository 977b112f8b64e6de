"""Holm's correction in logarithms."""

import math

import pytest

from stillwatch.methods.holm import holm_log10


def test_each_p_is_multiplied_by_the_hypotheses_left() -> None:
    """
    The smallest is multiplied by all, the next by one less, and none falls below one before it; the order is kept.
    """
    told = holm_log10([math.log10(p) for p in (0.04, 0.01, 0.03)])

    assert [10.0**p for p in told] == pytest.approx([0.06, 0.03, 0.06])


def test_p_values_below_any_float_stay_numbers() -> None:
    """
    Logarithms do not underflow.
    """
    assert holm_log10([-16_904.0, 0.0]) == pytest.approx([-16_904.0 + math.log10(2), 0.0])


def test_no_hypothesis_gives_no_p() -> None:
    """
    An empty run is no error.
    """
    assert holm_log10([]) == []


@pytest.mark.parametrize("p", [0.1, math.nan])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    """
    A log10 above 0, or not a number, is a mistake of the caller.
    """
    with pytest.raises(ValueError, match="at most 0"):
        holm_log10([p])
