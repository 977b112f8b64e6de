"""What many accounts sent word for word, and who sends little else: evaluation, homework, a viral prompt."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.methods.numbering import in_runs, numbered
from stillwatch.methods.overlap import distinct_pairs

Ints = NDArray[np.int64]
Numbers = NDArray[np.integer]
Bools = NDArray[np.bool_]

LIST_SHARE = 0.1  # of a group's accounts that sent an item, from which it is an item of their common list
LIST_ACCOUNTS = 5
MOSTLY = 0.5  # of what an account sent, that others also sent, from which it may be one that works through a list
BY_CHANCE = 1e-3  # that so much of it is repeated, were it as often so as among the others
"""Rates: benchmarks/quality/calibration."""


def holders(account: Numbers, item: Ints) -> Ints:
    """
    How many accounts sent each exchange's item; 0 where that is not known (item 0).

    >>> holders(np.array([1, 1, 2, 3]), np.array([7, 7, 7, 0])).tolist()
    [2, 2, 2, 0]
    """
    if account.size == 0:
        return np.zeros(0, np.int64)
    who, n_accounts = numbered(account)
    number, n_items = numbered(item)
    order = slice(None) if in_runs(who, n_accounts) else np.argsort(who, kind="stable")
    many, _ = distinct_pairs(who[order], n_accounts, number[order], n_items)
    return np.where(item == 0, 0, many[number])


def of_a_list(n_holders: Ints, n_accounts: int) -> Bools:
    """
    Which exchanges sent what a tenth as many as the group has accounts, and at least five, also sent.

    >>> of_a_list(np.array([5, 4, 0]), 6).tolist()
    [True, False, False]
    """
    found: Bools = n_holders >= max(LIST_ACCOUNTS, LIST_SHARE * n_accounts)
    return found


def repeaters(account: Numbers, repeated: Bools, size: int) -> Bools:
    """
    Which accounts send mostly what others also send, where the rest of the group does not: they work through a list beside it.

    A group whose accounts all draw from one small pool repeats itself throughout, and none of them is such an account.

    Args:
        account: (n,) number of the account of each exchange looked at, from 0.
        repeated: (n,) did another account send the same?
        size: Accounts.

    Returns:
        (size,) true where at least half is repeated, more than chance allows at the rate of all the others.

    >>> repeaters(np.repeat(np.arange(3), 10), np.arange(30) < 10, 3).tolist()
    [True, False, False]
    """
    sent, again = np.bincount(account, minlength=size), np.bincount(account[repeated], minlength=size)
    rate = (again.sum() - again + 0.5) / (sent.sum() - sent + 1.0)
    found: Bools = (again >= MOSTLY * sent) & (stats.binom.sf(again - 1, sent, rate) < BY_CHANCE)
    return found
