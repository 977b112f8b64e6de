"""Lists as two arrays."""

import itertools

import numpy as np
import pytest

from stillwatch.methods.ragged import distinct_by_number, gathered, places_of


def test_lists_are_gathered_in_another_order() -> None:
    """A list may be taken twice, or be empty."""
    own, inside = gathered(np.array([0, 2, 2, 3]), np.array([1, 2, 3], np.int8), np.array([2, 0, 0, 1]))

    assert (own.tolist(), inside.tolist()) == ([0, 1, 3, 5, 5], [3, 1, 2, 1, 2])
    assert inside.dtype == np.int8


@pytest.mark.parametrize("n", [0, 1, 500])
def test_pairs_are_listed_once_and_ascending(n: int) -> None:
    """As a sort of the distinct pairs lists them, numbers without a value included."""
    rng = np.random.default_rng(n)
    number, values = rng.integers(0, 20, n).astype(np.int32), rng.integers(0, 30, n).astype(np.int32)

    starts, found = distinct_by_number(number, values, 25, 30)

    assert [found[a:b].tolist() for a, b in itertools.pairwise(starts)] == [
        sorted(set(values[number == k].tolist())) for k in range(25)
    ]
    assert found.dtype == np.int32


def test_places_are_found_in_any_order() -> None:
    """In order, with gaps, backwards and repeated."""
    rows = np.sort(np.random.default_rng(3).choice(10**12, 2_000, replace=False))
    wanted = np.concatenate([np.arange(2_000), np.arange(0, 2_000, 40), np.arange(1_999, -1, -3), np.full(3, 17)])

    assert (places_of(rows, rows[wanted]) == wanted).all()
