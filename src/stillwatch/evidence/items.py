"""What an exchange sent, apart from who sent it and how it was wrapped."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stillwatch.evidence.groups import GroupRows
from stillwatch.methods.numbering import numbered

Ints = NDArray[np.int64]

MIN_PAIRS = 4  # word pairs of a turn from which its sketch identifies it; shorter turns go by the digest of the whole
TEMPLATE_REWORDERS = 0.05  # of a sketch's accounts, sending it in two wordings, from which it is the sketch of a template
TEMPLATE_WORDINGS = 0.8  # distinct wordings a sending of a sketch, above which it is one: a list is mostly sent as it stands


def items(group: GroupRows) -> NDArray[np.int64]:
    """
    What each exchange sent, as one integer; 0 where that is not known.

    The sketch of the newest turn, which survives most edits of a word and any system prompt, unless it is the sketch of a
    template: then nearly every sending of it is worded differently, or several prompts of one account share it, and the
    digest of the whole prompt is the item.
    """
    if "items" not in group.known:
        exact = np.where(group.plain["exact"].known, group.plain["exact"].values, 0)
        group.known["items"] = _items(group.account, exact, group.lists["fill"].values, group.lists["fill"].pointers)
    return group.known["items"]


@njit(cache=True, nogil=True)
def _items(account: Ints, exact: Ints, fill: Ints, pointers: Ints) -> Ints:
    """Rows of an account stand together, so that one look back tells whether it sent the same before."""
    sketch, long = _sketches(fill, pointers)
    rows = np.flatnonzero(long)
    number, n = numbered(sketch[rows])
    wording, n_wordings = numbered(_paired(number, exact[rows]))
    holders, reworders = np.zeros(n, np.int64), np.zeros(n, np.int64)
    sendings, distinct = np.zeros(n, np.int64), np.zeros(n, np.int64)
    last, worded = np.full(n, -1, np.int64), np.zeros(n, np.int64)  # account that sent a sketch last, in how many wordings
    last_worded = np.full(n_wordings, -1, np.int64)
    for i in range(len(rows)):
        s, w, who = number[i], wording[i], account[rows[i]]
        if last_worded[w] == who:
            continue
        distinct[s] += last_worded[w] < 0
        last_worded[w] = who
        sendings[s] += 1
        if last[s] != who:
            last[s], worded[s] = who, 0
            holders[s] += 1
        worded[s] += 1
        reworders[s] += worded[s] == 2
    out = exact.copy()
    for i in range(len(rows)):
        s = number[i]
        if reworders[s] <= TEMPLATE_REWORDERS * holders[s] and distinct[s] <= TEMPLATE_WORDINGS * sendings[s]:
            out[rows[i]] = sketch[rows[i]]
    return out


@njit(cache=True, nogil=True)
def _sketches(fill: Ints, pointers: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """One integer for each sketch of a newest turn, and whether the turn is long enough for it to tell turns apart."""
    n = len(pointers) - 1
    sketch, long = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    for i in range(n):
        mixed = np.uint64(0)
        for j in range(pointers[i], pointers[i + 1]):  # fills are stored sorted
            mixed ^= _mix(np.uint64(fill[j]) ^ (np.uint64(j - pointers[i]) << np.uint64(33)))
        sketch[i] = np.int64(mixed | np.uint64(1))
        long[i] = pointers[i + 1] - pointers[i] >= MIN_PAIRS
    return sketch, long


@njit(cache=True, nogil=True)
def _mix(x: np.uint64) -> np.uint64:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def _paired(number: Ints, exact: Ints) -> Ints:
    """A 64-bit digest of each pair: two of a group's pairs are mixed up once in 10^11 groups of 20,000."""
    out = np.empty(len(number), np.int64)
    for i in range(len(number)):
        out[i] = np.int64(_mix(np.uint64(exact[i]) ^ _mix(np.uint64(number[i]) + np.uint64(0x9E3779B97F4A7C15))))
    return out
