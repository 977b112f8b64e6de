"""Rhythms and queues."""

import numpy as np
import pytest

from stillwatch.methods.ragged import within
from stillwatch.worlds.clock import DAY, HOUR, SHIPPED, queue, rhythms, starts

RNG = np.random.default_rng


def test_moments_keep_to_the_hours_of_their_rhythm() -> None:
    """A rhythm with traffic at nine only sends at nine, in its own zone."""
    nine = np.zeros((1, 24))
    nine[0, 9] = 1.0
    known = rhythms(nine, np.ones(1), np.ones(1), np.ones(1))

    at = starts(RNG(1), np.full(500, 2, np.int8), np.zeros(500, np.int16), known, 20_000 * DAY, 7.0)

    assert set((at // HOUR % 24).tolist()) == {7}
    assert len(np.unique(at // DAY)) == 7
    assert len(np.unique(at % HOUR)) > 490


def test_moments_stay_inside_the_window() -> None:
    """Whatever the zone, also in a window that is no whole number of days."""
    zones = RNG(1).integers(-11, 12, 5_000).astype(np.int8)

    at = starts(RNG(2), zones, np.zeros(5_000, np.int16), SHIPPED, 20_000 * DAY, 2.5)

    assert at.min() >= 20_000 * DAY
    assert at.max() < 20_000 * DAY + int(2.5 * DAY)


def test_weekends_are_quieter() -> None:
    """2026-09-05 and 06 are a Saturday and a Sunday."""
    start = int(np.datetime64("2026-09-05", "us").astype(np.int64))

    at = starts(RNG(1), np.zeros(7_000, np.int8), np.full(7_000, 3, np.int16), SHIPPED, start, 7.0)
    days = np.bincount((at - start) // DAY, minlength=7)

    assert days[:2].max() < 0.75 * days[2:].min()


def test_shares_of_rhythms_are_a_distribution() -> None:
    """Also where they were given as counts."""
    assert SHIPPED.share.sum() == pytest.approx(1.0)
    assert rhythms(np.ones((2, 24)), np.ones(2), np.ones(2), np.array([3.0, 1.0])).share.tolist() == [0.75, 0.25]


def test_a_queue_runs_by_the_hour() -> None:
    """Sorted, inside its days, with hours on and hours off."""
    at = queue(RNG(3), 5_000, 20_000 * DAY, 5.0, busy_share=0.5)
    hours = np.bincount((at - 20_000 * DAY) // HOUR, minlength=120)

    assert (np.diff(at) >= 0).all()
    assert at.max() < 20_005 * DAY
    assert 35 < (hours == 0).sum() < 85


def test_a_queue_that_never_runs_runs_always() -> None:
    """Work that was planned is done."""
    assert len(queue(RNG(3), 10, 0, 1.0, busy_share=0.0)) == 10


def test_runs_are_numbered_from_zero() -> None:
    """Also empty ones."""
    assert within(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]
