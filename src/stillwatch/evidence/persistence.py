"""One pool dealt out, or people who return to their own subjects?"""

from dataclasses import dataclass
from math import exp, log, log1p
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import GroupRows, Ragged, exchanges
from stillwatch.evidence.items import items
from stillwatch.evidence.rates import PersistenceRates, shipped
from stillwatch.methods import lists
from stillwatch.methods import persistence as method
from stillwatch.methods.ragged import gathered
from stillwatch.records.window import Window

SITTING_GAP_US = 30 * 60 * 1_000_000  # half an hour without a request ends a web session (Catledge & Pitkow 1995: 25.5 min)
PIECES_PER_ACCOUNT = 20  # an account's influence is bounded; 190 pairs of pieces say all it has to say
MIN_HANDS = 8  # fewer accounts do not speak for a group
MIN_PIECES = 40  # docs/research.md, 3.1: at 30 pieces fleets and people overlap, at 60 they do not
EXCHANGES_PER_SITTING = 8  # of a sitting, evenly spaced: enough to meet its subjects, few enough to bound its size


@dataclass(frozen=True)
class Persistence:
    """
    Ask whether the accounts of a group return to words of their own.

    People and products come back to the same names and subjects; a pool of prompts dealt out over many accounts does not.
    The statistic is ln rho: rare words shared by two pieces of one account, over the same in hands dealt at random from
    the group's own pieces (`methods.persistence`). A piece is a *sitting* (exchanges less than half an hour apart), so
    turns of one conversation do not count as returning. Where accounts have one sitting each, exchanges within the
    sitting are the pieces, and only the absence of return counts, because conversations would look like return.

    Null: ordinary groups that share a recipe; ln rho is Normal over them, and over campaigns about 0.
    Formula: log2 of (campaigns, pure or diluted) over (ordinary groups, a few of them like diluted campaigns), each a
    Normal law of ln rho widened by the standard error.
    Blind to: accounts with one exchange; groups below some 60 exchanges. A harness, a classroom and a viral prompt hand
    one list to everybody and would look the same, so what a tenth of the accounts sent is left out, and `duplicate_fill`
    speaks of it. More than about half foreign accounts, or cover traffic inside the recipe, hide a campaign.
    Cost: one sort of the group's rare words, then linear in them for each of 2 to 8 deals.

    References:
        docs/research.md, 3.1; rates.json, block persistence. Cap: fewer than one ordinary group in a thousand was seen
        without return, and the laws' tails are not known beyond that.
    """

    name: ClassVar[str] = "persistence"
    family: ClassVar[str] = "pool"
    needs: ClassVar[frozenset[str]] = frozenset({"tokens", "seen_at"})
    cap_bits: ClassVar[float] = 10.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts pieces of accounts that have two or more."""
        rates = shipped().persistence
        return statements_table(
            self, groups, (_statement(g, rates) for g in exchanges(engine, groups, ["tokens", "exact", "fill"]))
        )

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("one pool dealt out over thirty accounts", examples.pool_dealt_out(), "for"),
            Example("thirty people who return to their own subjects", examples.people_at_work(), "against"),
            Example("one prompt an account", examples.asked_once(), "nothing"),
            Example("one list for everybody", examples.common_list(), "nothing"),
        )


def _statement(group: GroupRows, rates: PersistenceRates) -> Statement:
    seen = group.plain["seen_at"].values
    sitting = sittings(group.account, seen)
    order = group.by_account()
    order = order[~lists.of_a_list(lists.holders(group.account, items(group)), group.n_accounts)[order]]
    far = _between_sittings(group, sitting, order)
    bits = weight_bits(far, rates)
    if abs(bits) >= 1:
        return _told(far, bits, "sittings of {} accounts")
    near = _within_sittings(group, sitting, order)
    near_bits = weight_bits(near, rates)
    if near_bits > max(bits, 0):
        return _told(near, near_bits, "exchanges in {} sittings")
    if not _speaks(far):
        return Statement(
            0.0,
            f"{far.n_hands} accounts of the group came back, {far.n_pieces} times in all: too little to say whether accounts "
            f"return to words of their own (from {MIN_HANDS} accounts and {MIN_PIECES} times)",
        )
    return _told(far, bits, "sittings of {} accounts")


def weight_bits(found: method.Persistence, rates: PersistenceRates) -> float:
    """
    log2 likelihood ratio of what was found, monotone in it: beyond the centre of either law nothing more is said.

    >>> weight_bits(method.NOTHING, shipped().persistence)
    0.0
    """
    if not _speaks(found):
        return 0.0
    x = min(max(found.log_ratio, rates.campaign.mean), rates.background.mean)
    pure, diluted, ordinary = (law.log_density(x, found.se) for law in (rates.campaign, rates.diluted, rates.background))
    campaign = np.logaddexp(log1p(-rates.diluted_share) + pure, log(rates.diluted_share) + diluted)
    background = np.logaddexp(log1p(-rates.stray) + ordinary, log(rates.stray) + diluted)
    return float(campaign - background) / log(2)


def _speaks(found: method.Persistence) -> bool:
    return found.n_hands >= MIN_HANDS and found.n_pieces >= MIN_PIECES


def sittings(account: NDArray[np.int64], seen_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    Sitting of each exchange, numbered from 0; rows are sorted by account and time within runs of one account.

    >>> sittings(np.array([0, 0, 0, 1]), np.array([0, 60, 7_200, 0]) * 1_000_000)
    array([0, 0, 1, 2])
    """
    fresh = (np.diff(account, prepend=-1) != 0) | (np.diff(seen_us, prepend=0) >= SITTING_GAP_US)
    return np.cumsum(fresh) - 1


def _between_sittings(group: GroupRows, sitting: NDArray[np.int64], order: NDArray[np.int64]) -> method.Persistence:
    """Pieces are sittings, hands are accounts."""
    rows = order[evenly(sitting[order], EXCHANGES_PER_SITTING)]
    fresh = np.diff(sitting[rows], prepend=-1) != 0
    sitting_account = group.account[rows[fresh]]
    rank = np.cumsum(fresh) - 1
    kept = evenly(sitting_account, PIECES_PER_ACCOUNT)
    number = np.full(sitting_account.size, -1)
    number[kept] = np.arange(kept.size)
    chosen = number[rank] >= 0
    return _measure(group.lists["tokens"], rows[chosen], number[rank][chosen], sitting_account[kept], sitting_account[kept])


def _within_sittings(group: GroupRows, sitting: NDArray[np.int64], order: NDArray[np.int64]) -> method.Persistence:
    """Pieces are exchanges, hands are sittings."""
    rows = order[evenly(group.account[order], PIECES_PER_ACCOUNT)]
    hand = np.cumsum(np.diff(sitting[rows], prepend=-1) != 0) - 1
    return _measure(group.lists["tokens"], rows, np.arange(rows.size), hand, group.account[rows])


def _measure(
    words: Ragged, rows: NDArray[np.int64], piece: NDArray[np.int64], hand: NDArray[np.int64], owner: NDArray[np.int64]
) -> method.Persistence:
    """Drop hands of one piece, and measure."""
    sizes = np.bincount(hand) if hand.size else np.zeros(0, np.int64)
    able = sizes[hand] >= 2
    number = np.cumsum(able) - 1
    kept = able[piece]
    offsets, values = gathered(words.pointers, words.values, rows[kept])
    lone = np.diff(hand[able], prepend=hand[:1] - 1) != 0  # hands come one after the other
    return method.persistence(values, np.repeat(number[piece[kept]], np.diff(offsets)), np.cumsum(lone) - 1, owner[able])


def evenly(run: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """
    Indices of at most so many evenly spaced rows of each run of equal values.

    >>> evenly(np.array([5, 5, 5, 5, 7]), 2)
    array([0, 2, 4])
    """
    starts = np.flatnonzero(np.diff(run, prepend=run[:1] - 1 if run.size else run))
    lengths = np.diff(starts, append=run.size)
    place = np.arange(run.size) - np.repeat(starts, lengths)
    n = np.repeat(lengths, lengths)
    return np.flatnonzero((n <= most) | (place * most // np.maximum(n, 1) != (place - 1) * most // np.maximum(n, 1)))


def _told(found: method.Persistence, bits: float, pieces: str) -> Statement:
    reason = (
        f"{found.n_pieces:,} {pieces.format(f'{found.n_hands:,}')} repeat rare words {found.repeats:,.0f} times, where the same "
        f"pieces dealt out at random repeat them {found.dealt:,.1f} times: a ratio of {exp(found.log_ratio):.2f} "
        f"(one pool dealt out gives 1, people who return to their own subjects 5 or more)"
    )
    return Statement(bits, reason, found.n_pieces, found.log_ratio, 0.0, found.se)
