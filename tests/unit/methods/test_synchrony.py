"""Overlap of busy hours against accounts rolled by whole days."""

import numpy as np
import pytest

from stillwatch.methods.synchrony import Synchrony, day_rolled


def test_one_clock_stands_out() -> None:
    """Thirty accounts in the same ten hours of a week lie many standard deviations above the null."""
    hours = np.array([9, 14, 35, 40, 58, 83, 91, 110, 129, 150])

    found = day_rolled(np.repeat(np.arange(30), 10), np.tile(hours, 30), 7)

    assert found.overlap == pytest.approx(30 * 29 / 2)
    assert (found.overlap - found.null_mean) / found.null_sd > 20


def test_office_hours_on_own_days_do_not() -> None:
    """A common daily rhythm without a common day is what the null expects."""
    rng = np.random.default_rng(1)
    account = np.repeat(np.arange(40), 12)

    found = day_rolled(account, rng.integers(0, 14, account.size) * 24 + rng.integers(9, 18, account.size), 14)

    assert abs(found.overlap - found.null_mean) < 3 * found.null_sd


def test_numbers_of_accounts_may_have_gaps() -> None:
    """Accounts without an exchange in the window are not there."""
    hours = np.array([0, 30, 55])

    gaps = day_rolled(np.repeat([3, 9], 3), np.tile(hours, 2), 3)

    assert gaps == day_rolled(np.repeat([0, 1], 3), np.tile(hours, 2), 3)


def test_a_single_day_leaves_nothing_to_roll() -> None:
    """With one day the null is the observation itself."""
    found = day_rolled(np.array([0, 1]), np.array([5, 5]), 1)

    assert (found.overlap, found.null_mean, found.null_sd) == (1.0, 1.0, 0.0)


def test_many_accounts_are_taken_in_portions() -> None:
    """Five thousand accounts over a month give the moments of the same accounts however they are cut."""
    rng = np.random.default_rng(2)
    account = np.repeat(np.arange(6_000), 3)
    hour = rng.integers(0, 30 * 24, account.size)

    found = day_rolled(account, hour, 30)

    assert abs(found.overlap - found.null_mean) < 4 * found.null_sd


def test_accounts_that_never_could_meet_say_nothing() -> None:
    """Where the null mean is zero the ratio is zero and its error unbounded."""
    apart = Synchrony(0.0, 0.0, 0.0)

    assert (apart.log_ratio, apart.se) == (0.0, float("inf"))


def test_nobody_there_gives_zeros() -> None:
    """No exchanges, no overlap."""
    empty = np.empty(0, np.int64)

    assert day_rolled(empty, empty, 7) == Synchrony(0.0, 0.0, 0.0)
