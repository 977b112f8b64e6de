"""Overlap of what accounts sent."""

import numpy as np

from stillwatch.methods.overlap import overlap


def test_a_repeated_item_of_one_account_counts_once() -> None:
    """Sending the same twice is not sharing."""
    found = overlap(np.array([0, 0, 1]), np.array([5, 5, 6]))

    assert (found.share, found.n_sent, found.n_items) == (0.0, 2, 2)


def test_a_subset_overlaps_fully() -> None:
    """The coefficient is over the smaller account."""
    found = overlap(np.array([0, 0, 0, 1]), np.array([1, 2, 3, 2]))

    assert found.share == 1.0


def test_one_account_has_nobody_to_overlap_with() -> None:
    """A lone account gives zero possible coincidences."""
    assert overlap(np.zeros(3, np.int64), np.arange(3)).n_possible == 0


def test_the_pool_behind_draws_is_estimated() -> None:
    """Forty accounts with thirty draws from a pool of 2,000 give an estimate within a fifth of it."""
    rng = np.random.default_rng(1)
    account = np.repeat(np.arange(40), 30)

    found = overlap(account, rng.integers(0, 2_000, account.size))

    assert 1_600 < found.pool < 2_400
    assert found.share < 0.03


def test_without_a_coincidence_the_pool_is_unbounded() -> None:
    """Nothing twice says only that the pool is large."""
    assert overlap(np.arange(4), np.arange(4)).pool == float("inf")


def test_nothing_sent_gives_zeros() -> None:
    """No exchanges, no overlap."""
    empty = np.empty(0, np.int64)

    assert overlap(empty, empty).n_sent == 0
