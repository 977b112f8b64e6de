"""Units that meet on an infrastructure value."""

import numpy as np
import pytest

from stillwatch.methods.collisions import collisions

SIX = np.arange(6)


def test_units_on_a_value_of_their_own_meet_nobody() -> None:
    """Six units on six values share nothing."""
    found = collisions(SIX, SIX, np.ones(6, np.int64), 1_000)

    assert (found.sharing, found.n_units, found.n_shared_values) == (0.0, 6, 0)


def test_members_of_one_organisation_are_one_unit() -> None:
    """Six seats of one company on one card are one unit and no collision."""
    found = collisions(np.zeros(6, np.int64), np.zeros(6, np.int64), np.ones(6, np.int64), 1_000)

    assert (found.sharing, found.n_units) == (0.0, 1)


def test_a_crowded_value_counts_little_and_is_expected() -> None:
    """On an address of 2,000 units among 4,000 each of six counts a hundredth."""
    found = collisions(SIX, np.zeros(6, np.int64), np.full(6, 2_000), 4_000)

    assert found.sharing == pytest.approx(6 * 20 / 2_000)
    assert 0 < found.expected_share <= 20 / 2_000


def test_a_unit_with_two_values_counts_by_the_more_telling_one() -> None:
    """An organisation on a rare and on a crowded shared value counts once, in full."""
    unit, value = np.array([1, 1, 2, 3]), np.array([7, 8, 7, 8])

    found = collisions(unit, value, np.array([2, 200, 2, 200]), 1_000)

    assert found.sharing == 1 + 1 + 20 / 200


def test_nobody_there_gives_zeros() -> None:
    """An empty group has no units."""
    empty = np.empty(0, np.int64)

    assert collisions(empty, empty, empty, 10).n_units == 0
