"""How much of what one account sent did another also send: the mark of a common list, and the size of the pool behind it."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stillwatch.methods.numbering import in_runs, numbered


@dataclass(frozen=True, slots=True)
class Overlap:
    """
    Args:
        share: Mean over pairs of accounts of the overlap coefficient of what they sent: 1 = one list, 0 = nothing in common.
        repeated: Share of distinct (account, item) pairs whose item another account also sent.
        n_shared: (pair of accounts, item) coincidences.
        n_possible: Coincidences if every account's items were a subset of any larger account's.
        n_items: Distinct items.
        n_sent: Distinct (account, item) pairs.
        pool: Estimated number of items in the pool (Chao1); infinite where nothing came twice.
    """

    share: float
    repeated: float
    n_shared: int
    n_possible: int
    n_items: int
    n_sent: int
    pool: float


def overlap(account: NDArray[np.int64], item: NDArray[np.int64]) -> Overlap:
    """
    Overlap coefficient of accounts, in one pass over items instead of over pairs of accounts.

    Pairs that share an item: sum over items of C(holders, 2). What they could share: sum over pairs of the smaller
    account, from sorted sizes. Many prompts of one account that are alike count once.

    Args:
        account: Account of each exchange, `(n,)`.
        item: What was sent, as any integer, `(n,)`.

    References:
        Chao (1984), Scandinavian Journal of Statistics 11: S + f1 (f1 - 1) / (2 (f2 + 1)), bias-corrected, with
        accounts as the capture occasions.

    >>> overlap(np.repeat(np.arange(4), 3), np.tile([7, 8, 9], 4)).share
    1.0
    >>> overlap(np.arange(4), np.arange(4)).share
    0.0
    """
    if account.size == 0:
        return Overlap(0.0, 0.0, 0, 0, 0, 0, float("inf"))
    who, n_accounts = numbered(account)
    if not in_runs(who, n_accounts):
        order = np.argsort(who, kind="stable")
        who, item = who[order], item[order]
    holders, sizes = distinct_pairs(who, n_accounts, *numbered(item))
    n_sent = int(holders.sum())
    sizes = np.sort(sizes)
    shared = int((holders * (holders - 1) // 2).sum())
    possible = int((sizes * np.arange(sizes.size - 1, -1, -1)).sum())
    once, twice = int((holders == 1).sum()), int((holders == 2).sum())
    pool = holders.size + once * (once - 1) / (2 * (twice + 1)) if shared else float("inf")
    repeated = float(holders[holders >= 2].sum()) / n_sent
    return Overlap(shared / possible if possible else 0.0, repeated, shared, possible, holders.size, n_sent, pool)


@njit(cache=True, nogil=True)
def distinct_pairs(
    who: NDArray[np.int64], n_accounts: int, item: NDArray[np.int64], n_items: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Accounts of each item, and items of each account; both numbered from 0, rows of an account together."""
    holders, sizes = np.zeros(n_items, np.int64), np.zeros(n_accounts, np.int64)
    last = np.full(n_items, -1, np.int64)
    for i in range(len(who)):
        if last[item[i]] != who[i]:
            last[item[i]] = who[i]
            holders[item[i]] += 1
            sizes[who[i]] += 1
    return holders, sizes
