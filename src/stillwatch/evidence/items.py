"""What an exchange sent, apart from who sent it and how it was wrapped."""

import numpy as np
from numpy.typing import NDArray

from stillwatch.evidence.groups import GroupRows

MIN_PAIRS = 4  # word pairs of a turn from which its sketch identifies it; shorter turns go by the digest of the whole
TEMPLATE_REWORDERS = 0.05  # of a sketch's accounts, sending it in two wordings, from which it is the sketch of a template
TEMPLATE_WORDINGS = 0.8  # distinct wordings a sending of a sketch, above which it is one: a list is mostly sent as it stands
LIST_SHARE = 0.1  # of a group's accounts that sent an item, from which it is an item of their common list
LIST_ACCOUNTS = 5


def items(group: GroupRows) -> NDArray[np.int64]:
    """
    What each exchange sent, as one integer; 0 where that is not known.

    The sketch of the newest turn, which survives most edits of a word and any system prompt, unless it is the sketch of a
    template: then nearly every sending of it is worded differently, or several prompts of one account share it, and the
    digest of the whole prompt is the item.
    """
    exact = np.where(group.plain["exact"].known, group.plain["exact"].values, 0)
    sketch, identifies = _sketches(group)
    _, number = np.unique(sketch, return_inverse=True)
    sent = np.unique(np.stack([number, group.account, exact], 1), axis=0)
    starts = np.flatnonzero((np.diff(sent[:, :2], axis=0, prepend=sent[:1, :2] - 1) != 0).any(1))
    wordings = np.diff(starts, append=sent.shape[0])
    holders = np.bincount(sent[starts, 0], minlength=number.max(initial=-1) + 1)
    reworders = np.bincount(sent[starts, 0], wordings > 1, minlength=holders.size)
    sendings = np.bincount(sent[:, 0], minlength=holders.size)
    distinct = np.bincount(np.unique(sent[:, [0, 2]], axis=0)[:, 0], minlength=holders.size)
    a_list = (reworders <= TEMPLATE_REWORDERS * holders) & (distinct <= TEMPLATE_WORDINGS * sendings)
    identifies &= a_list[number]
    return np.where(identifies, sketch, exact)


def _sketches(group: GroupRows) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """One integer for each sketch of a newest turn, and whether the turn is long enough for it to tell turns apart."""
    fill = group.lists["fill"]
    lengths = np.diff(fill.pointers)
    place = np.arange(fill.values.size) - np.repeat(fill.pointers[:-1], lengths)  # fills are stored sorted
    mixed = _mix(fill.values.astype(np.uint64) ^ (place.astype(np.uint64) << np.uint64(33)))
    sketch = np.zeros(lengths.size, np.uint64)
    if mixed.size:
        sketch[lengths > 0] = np.bitwise_xor.reduceat(mixed, fill.pointers[:-1][lengths > 0])
    return (sketch | np.uint64(1)).astype(np.int64), lengths >= MIN_PAIRS


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def of_a_list(account: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.bool_]:
    """
    Which exchanges sent what a tenth of the accounts, and at least five of them, also sent.

    >>> of_a_list(np.arange(6), np.array([7, 7, 7, 7, 7, 8]))
    array([ True,  True,  True,  True,  True, False])
    """
    sent = np.unique(np.stack([item, account], 1), axis=0)
    values, holders = np.unique(sent[:, 0], return_counts=True)
    n_accounts = np.unique(account).size
    many = holders >= max(LIST_ACCOUNTS, LIST_SHARE * n_accounts)
    return np.isin(item, values[many & (values != 0)])
