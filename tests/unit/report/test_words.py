"""Numbers and times in words."""

import doctest
from datetime import datetime

import pytest

from stillwatch.report import words


def test_the_examples_in_the_docstrings_run() -> None:
    """What the docstrings show is what happens."""
    assert doctest.testmod(words).failed == 0


@pytest.mark.parametrize(
    ("p", "said"), [(1.0, "1"), (0.05, "0.05"), (0.00099, "9.9 × 10⁻⁴"), (9.99e-5, "1.0 × 10⁻⁴"), (1e-300, "1.0 × 10⁻³⁰⁰")]
)
def test_probabilities_keep_two_digits(p: float, said: str) -> None:
    """Small ones get an exponent, and rounding up moves it."""
    assert words.probability(p) == said


def test_odds_grow_with_bits() -> None:
    """Ratios from 2 to 10¹⁸ are spelled without a false digit."""
    assert [words.odds(b) for b in (5.0, 10.0, 30.0, 59.0)] == [
        "about 32 times likelier",
        "about 1,000 times likelier",
        "about 10⁹ times likelier",
        "about 6 × 10¹⁷ times likelier",
    ]


def test_small_negative_bits_are_no_minus_zero() -> None:
    """−0.04 bits read 0.0."""
    assert words.bits(-0.04) == "0.0"


def test_moments_show_the_year_where_it_matters() -> None:
    """With the year or without."""
    at = datetime(2026, 1, 9, 4, 5)

    assert words.moment(at, True) == "9 Jan 2026, 04:05"
    assert words.moment(at, False) == "9 Jan, 04:05"
