"""Busy in the same hours."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.scenes import fleet, ordinary, scene_of, weights

from stillwatch.evidence.rates import shipped
from stillwatch.evidence.synchrony import Synchrony, weight_bits
from stillwatch.methods.synchrony import Synchrony as Measured

RATES = shipped().synchrony


def test_the_weight_rises_with_the_excess_and_is_bounded() -> None:
    """From log2(1 - reach) to log2(reach / stray)."""
    bits = [weight_bits(Measured(100 * np.exp(x), 100.0, 5.0), RATES) for x in np.linspace(-1, 3, 30)]

    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(bits))
    assert bits[0] >= np.log2(1 - RATES.reach) - 1e-9
    assert bits[-1] <= np.log2(RATES.reach / RATES.stray) + 1e-9


def test_a_sure_but_small_excess_says_nothing_for_a_campaign() -> None:
    """Twenty standard deviations of a tenth are weekends, not an operator."""
    assert weight_bits(Measured(110.0, 100.0, 0.5), RATES) < 0


def test_jitter_of_days_hides_a_fleet(tmp_path: Path) -> None:
    """The stated blind spot: accounts moved by whole days of their own are not seen."""
    rng = np.random.default_rng(1)
    shift = {a: 24 * int(rng.integers(7)) for a in range(2_000, 2_040)}
    jittered = [replace(v, hour=(v.hour + shift[v.account]) % 168) for v in fleet(1, 40, 10)]

    assert weights(Synchrony(), scene_of({1: jittered}), tmp_path)[1] < 1


def test_two_days_are_too_few(tmp_path: Path) -> None:
    """A window of two days gives 0.0, with the reason."""
    visits = [v for v in fleet(2, 40, 10) if v.hour < 48]
    scene = replace(scene_of({1: visits}), n_days=2)

    assert weights(Synchrony(), scene, tmp_path)[1] == 0.0


def test_a_handful_of_accounts_says_nothing(tmp_path: Path) -> None:
    """Four accounts are too few pairs."""
    assert weights(Synchrony(), scene_of({1: fleet(3, 4, 10)}), tmp_path)[1] == 0.0


def test_exchanges_outside_the_window_do_not_count(tmp_path: Path) -> None:
    """A row before or after the window changes nothing."""
    inside = ordinary(4, 20, 10)
    outside = [*inside, replace(inside[0], hour=-5.0), replace(inside[1], hour=500.0)]

    told = weights(Synchrony(), scene_of({1: inside, 2: outside}), tmp_path)

    assert told[1] == told[2]
