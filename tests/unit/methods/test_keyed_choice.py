"""Agreement with a key, exactly."""

import math

import numpy as np
import pytest
from scipy import stats

from stillwatch.methods.keyed_choice import agreement_log10_p, distinct, is_green, pick


def test_equal_chances_are_the_binomial_tail() -> None:
    """Also far beyond what a float holds."""
    assert 10 ** agreement_log10_p(np.full(30, 0.25), 14) == pytest.approx(stats.binom.sf(13, 30, 0.25))
    assert agreement_log10_p(np.full(4_000, 0.5), 4_000) == pytest.approx(-4_000 * math.log10(2))


def test_unequal_chances_are_the_poisson_binomial_tail() -> None:
    """Against the sum over all outcomes."""
    chances = np.array([0.5, 0.5, 0.25, 0.2, 0.9])
    outcomes = [[(i >> b) & 1 for b in range(5)] for i in range(32)]
    slow = sum(
        math.prod(c if hit else 1 - c for c, hit in zip(chances, outcome, strict=True))
        for outcome in outcomes
        if sum(outcome) >= 3
    )

    assert 10 ** agreement_log10_p(chances, 3) == pytest.approx(slow)


def test_no_agreement_and_no_choice_say_nothing() -> None:
    """p is 1."""
    assert agreement_log10_p(np.full(5, 0.5), 0) == 0.0
    assert agreement_log10_p(np.zeros(0), 0) == 0.0


def test_a_text_that_does_not_know_the_key_gives_uniform_p_values() -> None:
    """500 random keys on one text of distinct k-grams: never more small p-values than a uniform law allows."""
    grams = [(f"w{i}", f"w{i + 1}") for i in range(60)]
    rng = np.random.default_rng(2)

    p_values = []
    for _ in range(500):
        secret = rng.bytes(32)
        agree = sum(is_green(secret, gram, 0.5) for gram in grams)
        p_values.append(10 ** agreement_log10_p(np.full(60, 0.5), agree) - rng.uniform() * stats.binom.pmf(agree, 60, 0.5))

    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_a_key_chooses_evenly_and_always_alike() -> None:
    """Options come equally often over slots, and the same slot gives the same option."""
    picks = [pick(b"k" * 32, f"slot {i}", 3) for i in range(3_000)]

    assert picks == [pick(b"k" * 32, f"slot {i}", 3) for i in range(3_000)]
    assert stats.chisquare(np.bincount(picks)).pvalue > 0.001
    with pytest.raises(ValueError, match="two options"):
        pick(b"k" * 32, "slot", 1)


def test_green_has_its_share() -> None:
    """A quarter of k-grams is green where the share is a quarter."""
    green = sum(is_green(b"k" * 32, (str(i), "x"), 0.25) for i in range(4_000))

    assert abs(green - 1_000) < 4 * math.sqrt(750)


def test_each_gram_once() -> None:
    """Repeats are one choice."""
    assert distinct([("a",), ("b",), ("a",)]) == [("a",), ("b",)]
