"""
Of each set the smallest larger one that holds nearly all of it.

A set that holds nine tenths of another holds, of any fifth of its members, at least half: so only those are compared member by
member that hold half of the rarest fifth. Counted in full it would be a step for each two sets that a member is in.

References:
    Chaudhuri, Ganti, Kaushik, "A primitive operator for similarity joins in data cleaning", ICDE 2006 (prefix filter).
"""

import numba
import numpy as np
import numpy.typing as npt

from stillwatch.methods.ragged import by_number

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]


def smallest_around(members: npt.NDArray[np.integer], starts: Ints, n_members: int, share: float) -> Ints:
    """
    Of each set the smallest larger one that holds this share of its members, the first of equals; -1 for none.

    Args:
        members: Those of set i are members[starts[i]:starts[i + 1]], each once; none is empty.
        starts: (n_sets + 1,).
        n_members: Members are numbered from 0 to n_members - 1.
        share: Above 0, to 1.

    >>> smallest_around(np.array([0, 1, 0, 1, 2, 0, 1, 2, 3]), np.array([0, 2, 5, 9]), 4, 0.9).tolist()
    [1, 2, -1]
    """
    sizes = np.diff(starts)
    by_size = np.argsort(sizes, kind="stable")[::-1]  # the largest first, and of equals the last: read backwards, as asked for
    rank = np.empty(len(sizes), np.int32)
    rank[by_size] = np.arange(len(sizes))
    ranked, inside = by_number(np.repeat(rank, sizes), members.astype(np.int32), len(sizes))
    held, holders = by_number(inside, np.repeat(np.arange(len(sizes), dtype=np.int32), sizes[by_size]), n_members)
    rarest_first = np.argsort(np.diff(held), kind="stable")
    found = _smallest_around(_by_rarity(ranked, held, holders, rarest_first), ranked, held, holders, share)
    out = np.empty(len(sizes), np.int64)
    out[by_size] = np.where(found >= 0, by_size[found], -1)
    return out


@numba.njit(cache=True, nogil=True)
def _by_rarity(starts: Ints, held: Ints, holders: Numbers, rarest_first: Ints) -> Numbers:
    """Members of each set, those that fewest sets hold first."""
    out = np.empty(len(holders), np.int32)
    filled = starts[:-1].copy()
    for member in rarest_first:
        for i in range(held[member], held[member + 1]):
            out[filled[holders[i]]] = member
            filled[holders[i]] += 1
    return out


@numba.njit(cache=True, nogil=True)
def _smallest_around(members: Numbers, starts: Ints, held: Ints, holders: Numbers, share: float) -> Ints:
    """Sets are numbered from the largest, in which order `holders` stand; members rarest first."""
    n = len(starts) - 1
    out = np.full(n, -1, np.int64)
    shared, met = np.zeros(n, np.int32), np.empty(n, np.int32)
    inside = np.full(len(held) - 1, -1, np.int32)
    for s in range(n):
        mine = members[starts[s] : starts[s + 1]]
        size = len(mine)
        need = int(np.ceil(share * size))
        spare = size - need  # members that a set around it may lack
        looked_at = min(size, 2 * spare + 1)
        n_met = 0
        for member in mine[:looked_at]:
            for i in range(held[member], held[member + 1]):
                other = holders[i]
                if starts[other + 1] - starts[other] <= size:
                    break
                if shared[other] == 0:
                    met[n_met] = other
                    n_met += 1
                shared[other] += 1
        n_near = 0
        for i in range(n_met):
            if shared[met[i]] >= looked_at - spare:
                met[n_near], met[i] = met[i], met[n_near]
                n_near += 1
        for i in range(n_met):
            shared[met[i]] = 0
        if n_near:
            for member in mine:
                inside[member] = s
            near = np.sort(met[:n_near])
            for i in range(n_near - 1, -1, -1):
                if _held_by(members[starts[near[i]] : starts[near[i] + 1]], inside, s) >= need:
                    out[s] = near[i]
                    break
    return out


@numba.njit(cache=True, nogil=True)
def _held_by(others: Numbers, inside: Numbers, s: int) -> int:
    n = 0
    for member in others:
        n += inside[member] == s
    return n
