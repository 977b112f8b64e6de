"""What many accounts sent word for word, and who sends little else."""

import numpy as np

from stillwatch.methods.lists import holders, of_a_list, repeaters


def test_each_account_counts_once() -> None:
    """However often an account sends an item, and wherever its exchanges stand, it is one holder."""
    account, item = np.array([1, 2, 1, 1, 3]), np.array([7, 7, 7, 8, 8])

    assert holders(account, item).tolist() == [2, 2, 2, 2, 2]


def test_of_nothing_there_are_no_holders() -> None:
    """No exchanges, no counts."""
    assert holders(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


def test_the_list_of_a_large_group_needs_a_tenth_of_it() -> None:
    """Nine of a hundred accounts with one item are no list, ten are."""
    account = np.arange(100)
    nine, ten = (np.where(account < k, 1, account + 10) for k in (9, 10))

    assert not of_a_list(holders(account, nine), 100).any()
    assert of_a_list(holders(account, ten), 100).sum() == 10


def test_an_unknown_item_is_of_no_list() -> None:
    """Zero means not known, however many send it."""
    assert not of_a_list(holders(np.arange(20), np.zeros(20, np.int64)), 20).any()


def test_who_works_through_a_list_beside_a_group_that_does_not() -> None:
    """Of eleven accounts the one whose eight prompts others sent too is told; one repeated prompt tells nothing."""
    account = np.repeat(np.arange(11), 8)
    repeated = (account == 10) | (np.arange(88) == 3)

    assert np.flatnonzero(repeaters(account, repeated, 11)).tolist() == [10]


def test_a_group_that_draws_from_one_small_pool_has_no_such_account() -> None:
    """Where all repeat each other, those who happen to do so more often than the rest are members like them."""
    account = np.repeat(np.arange(10), 10)
    repeated = np.tile(np.arange(10) < 6, 10)
    repeated[:10] = True

    assert not repeaters(account, repeated, 10).any()


def test_an_account_without_exchanges_is_told_of_nothing() -> None:
    """An account none of whose exchanges are looked at is no such account."""
    assert repeaters(np.array([0, 0]), np.array([False, False]), 2).tolist() == [False, False]
