"""Communities of the degree-normalised rarity graph, at several resolutions and rarity powers, as candidates."""

import itertools

import numba
import numpy as np
import numpy.typing as npt

from stillwatch.candidates.hyperedges import Group
from stillwatch.candidates.incidence import Incidence, Numbers
from stillwatch.methods import communities, rarity
from stillwatch.settings import CandidateSettings

Ints = npt.NDArray[np.int64]

MIN_LIFT = 20.0  # docs/research.md, Stage 5: a token twenty times as common inside as outside tells the group
MAX_LIFT_SHARE = 0.25  # ... or a quarter of the greatest lift that a log of this size admits
MIN_TOLD = 3  # accounts of the group that hold such a token
MAX_SHARE = 0.2  # a token that a fifth of all accounts hold links nobody
MIN_COVERED = 0.5  # share of members that exchange tokens must cover, else all their exchanges are looked at


def find(incidence: Incidence, settings: CandidateSettings) -> list[Group]:
    """Communities of at least `min_accounts` that some token tells from everybody else, without near-duplicates; stable order."""
    indptr, members = _linking(incidence, settings.max_token_accounts)
    kept: list[Ints] = []
    graphs = rarity.rarity_graphs(
        indptr,
        members,
        incidence.n_accounts,
        settings.rarity_powers,
        len(incidence.members),
        neighbours=settings.neighbours,
    )
    for labels in communities.leiden_at(graphs, incidence.n_accounts, settings.resolutions, settings.seed):
        kept.extend(_sets(labels, settings.min_accounts))
    distinct = _without_duplicates(kept, incidence.n_accounts, settings.duplicate_jaccard)
    counts = np.zeros(len(incidence.tokens), np.int32)
    groups = (_group(incidence, accounts, counts) for accounts in distinct)
    return [g for g in groups if g.tokens]  # nothing tells the others from everybody else


def lifted(incidence: Incidence, members: Ints, counts: npt.NDArray[np.int32]) -> list[tuple[int, float, int]]:
    """
    Tokens that tell the members from everybody else: (token number, lift, members that hold it), strongest first.

    Lift = share of members that hold the token over the smoothed share of the other accounts.

    Args:
        members: Account numbers.
        counts: (n_tokens,) zeros: room that is used again for the next members.
    """
    tokens, inside = _counted(incidence.account_indptr, incidence.account_tokens, members, counts)
    outside = (incidence.sizes[tokens] - inside + 1.0) / (incidence.n_accounts - len(members) + 1.0)
    lift = inside / len(members) / outside
    enough = min(MIN_LIFT, MAX_LIFT_SHARE * incidence.n_accounts / max(len(members), 1))
    told = np.flatnonzero((lift >= enough) & (inside >= MIN_TOLD))
    order = told[np.lexsort((tokens[told], -lift[told]))]
    return [(int(tokens[i]), float(lift[i]), int(inside[i])) for i in order]


@numba.njit(cache=True, nogil=True)
def _counted(indptr: Ints, tokens: Numbers, members: Ints, counts: npt.NDArray[np.int32]) -> tuple[Ints, Ints]:
    """Tokens that the members hold, and how many of the members hold each; `counts` is all zeros, before and after."""
    room = 0
    for m in members:
        room += indptr[m + 1] - indptr[m]
    held, n = np.empty(room, np.int64), 0
    for m in members:
        for i in range(indptr[m], indptr[m + 1]):
            held[n] = tokens[i]
            n += counts[tokens[i]] == 0
            counts[tokens[i]] += 1
    inside = np.empty(n, np.int64)
    for i in range(n):
        inside[i] = counts[held[i]]
        counts[held[i]] = 0
    return held[:n].copy(), inside


def _linking(incidence: Incidence, max_accounts: int) -> tuple[Ints, Numbers]:
    """Tokens rare enough to link accounts."""
    sizes = incidence.sizes
    use = (sizes >= 2) & (sizes <= max_accounts) & (sizes <= max(2.0, MAX_SHARE * incidence.n_accounts))
    members = incidence.members[np.repeat(use, sizes)]
    return np.concatenate(([0], np.cumsum(sizes[use]))).astype(np.int64), members


def _sets(labels: Ints, smallest: int) -> list[Ints]:
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max(initial=-1) + 2))
    spans = (order[begin:end] for begin, end in itertools.pairwise(starts))
    return [np.sort(span) for span in spans if len(span) >= smallest]


def _without_duplicates(sets: list[Ints], n_accounts: int, jaccard: float) -> list[Ints]:
    """The sets in their order, without those that an earlier one nearly equals."""
    if not sets:
        return []
    starts = np.concatenate(([0], np.cumsum([len(s) for s in sets]))).astype(np.int64)
    counts = np.bincount(np.concatenate(sets), minlength=n_accounts)
    room = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    keep = _fresh(np.concatenate(sets), starts, room, jaccard)
    return [s for s, fresh in zip(sets, keep.tolist(), strict=True) if fresh]


@numba.njit(cache=True, nogil=True)
def _fresh(members: Ints, starts: Ints, room: Ints, jaccard: float) -> npt.NDArray[np.bool_]:
    """Which sets are not within `jaccard` of an earlier one that was kept; `room` is where each account lists its sets."""
    n = len(starts) - 1
    keep = np.zeros(n, np.bool_)
    shared = np.zeros(n, np.int64)
    filled = room[:-1].copy()
    held = np.empty(len(members), np.int64)
    for s in range(n):
        shared[:s] = 0
        for i in range(starts[s], starts[s + 1]):
            for j in range(room[members[i]], filled[members[i]]):
                shared[held[j]] += 1
        size, near = starts[s + 1] - starts[s], False
        for k in range(s):
            if shared[k] > 0 and shared[k] > jaccard * (starts[k + 1] - starts[k] + size - shared[k]):
                near = True
                break
        if near:
            continue
        keep[s] = True
        for i in range(starts[s], starts[s + 1]):
            held[filled[members[i]]] = s
            filled[members[i]] += 1
    return keep


def _group(incidence: Incidence, members: Ints, counts: npt.NDArray[np.int32]) -> Group:
    told = lifted(incidence, members, counts)
    tokens = tuple((incidence.kind_name(t), int(incidence.tokens[t]), lift) for t, lift, _ in told)
    by_kind: dict[str, list[int]] = {}
    for token, _, _ in told:
        by_kind.setdefault(incidence.kind_name(token), []).append(token)
    with np.errstate(over="ignore"):
        digest = int(np.add.reduce(incidence.accounts[members] * np.int64(0x9E3779B97F4A7C1)))
    return Group(digest, "community", members, tokens, _speaking(incidence, members, by_kind))


def _speaking(incidence: Incidence, members: Ints, by_kind: dict[str, list[int]]) -> tuple[str, ...]:
    """
    Kinds of token that tell the group's exchanges from its members' other traffic.

    What is asked tells best; a client's settings are the account's, cover traffic included, and speak only where no wording does.
    """
    for kinds in (("bundle", "family"), ("config",)):
        tokens = [t for k in kinds for t in by_kind.get(k, [])]
        holders = [_holders(incidence, t) for t in tokens]
        covered = np.intersect1d(np.concatenate(holders), members) if holders else np.empty(0, np.int64)
        if len(covered) >= MIN_COVERED * len(members):
            return kinds
    return ()


def _holders(incidence: Incidence, token: int) -> Numbers:
    return incidence.members[incidence.indptr[token] : incidence.indptr[token + 1]]
