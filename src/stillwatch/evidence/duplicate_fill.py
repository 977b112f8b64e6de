"""Do the accounts send the same things (a shared list), or different ones (a pool dealt out)?"""

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import GroupRows, exchanges
from stillwatch.evidence.rates import DuplicateFillRates, shipped
from stillwatch.methods.adoption import log_betabinomial
from stillwatch.methods.overlap import Overlap, overlap
from stillwatch.records.window import Window

MIN_PAIRS = 4  # word pairs of a turn from which its sketch identifies it; shorter turns go by the digest of the whole
EFFECTIVE_TRIALS = 200  # coincidences of one list are not independent; beyond so many they add nothing


@dataclass(frozen=True)
class DuplicateFill:
    """
    Ask how much of what one account sent another account also sent.

    An evaluation harness, a classroom and a viral prompt hand one list to everybody; a fleet deals its pool out so that
    hardly anything is sent twice, and one that draws with replacement from a large pool meets itself rarely. So this
    tells apart what `persistence` cannot. The statistic is the mean overlap coefficient of two accounts.

    Null: ordinary groups, a share of which uses one list; both kinds and campaigns have a beta-binomial overlap.
    Formula: log2 of (mixture of campaign laws) over (mixture of background laws) at the observed count.
    Blind to: a list whose items every account words anew. In groups of ten or twenty accounts, several samples of one
    prompt spread over accounts look like a list.
    Cost: one sort of the group's exchanges.

    References:
        algorithms.md 3.3; pool size by Chao (1984). rates.json, block duplicate_fill. Cap: that of `persistence` and two
        more, so that a clear list outweighs it.
    """

    name: ClassVar[str] = "duplicate_fill"
    family: ClassVar[str] = "pool"
    needs: ClassVar[frozenset[str]] = frozenset({"exact", "fill"})
    cap_bits: ClassVar[float] = 12.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts distinct (account, item) pairs."""
        rates = shipped().duplicate_fill
        read = exchanges(engine, groups, ["exact", "fill"])
        return statements_table(self, groups, (_statement(g, rates) for g in read))

    def examples(self) -> tuple[Example, ...]:
        """None yet."""
        return ()


def _statement(group: GroupRows, rates: DuplicateFillRates) -> Statement:
    item = items(group)
    known = item != 0
    found = overlap(group.account[known], item[known])
    if found.n_possible == 0:
        return Statement(0.0, "Fewer than two accounts of the group sent anything that can be compared")
    pool = f"; a pool of about {found.pool:,.0f} items" if np.isfinite(found.pool) else ""
    reason = (
        f"Two accounts have {found.share:.1%} of what they sent in common on average: {found.n_items:,} distinct items "
        f"in {found.n_sent:,} (account, item) pairs{pool} (a shared list gives over 30 %, a pool dealt out about 0)"
    )
    return Statement(weight_bits(found, rates), reason, found.n_sent, found.share, rates.ordinary.mean)


def weight_bits(found: Overlap, rates: DuplicateFillRates) -> float:
    """
    log2 likelihood ratio of the overlap.

    >>> from stillwatch.methods.overlap import overlap
    >>> everyone = overlap(np.repeat(np.arange(20), 10), np.tile(np.arange(10), 20))
    >>> weight_bits(everyone, shipped().duplicate_fill) < -8
    True
    """
    n = min(found.n_possible, found.n_sent, EFFECTIVE_TRIALS)
    k = round(found.share * n)
    at = {law: log_betabinomial(k, n, law.mean, law.dispersion) for law in (rates.campaign, rates.ordinary, rates.list)}
    campaign = _mixed(at[rates.campaign], at[rates.list], rates.campaign_list_share)
    background = _mixed(at[rates.ordinary], at[rates.list], rates.background_list_share)
    return (campaign - background) / log(2)


def _mixed(plain: float, shared: float, share: float) -> float:
    return float(np.logaddexp(np.log1p(-share) + plain, np.log(share) + shared))


def items(group: GroupRows) -> NDArray[np.int64]:
    """
    What each exchange sent, as one integer; 0 where that is not known.

    The whole sketch of the newest turn (eight word pairs survive most edits of a word, and any system prompt), or the
    digest of the whole prompt where the turn is shorter than four word pairs. Part of a sketch would not do: two prompts of
    one template agree in part, and a campaign's template bank would pass for a list.
    """
    fill, exact = group.lists["fill"], group.plain["exact"]
    item = np.where(exact.known, exact.values, 0).astype(np.uint64)
    lengths = np.diff(fill.pointers)
    order = np.lexsort((fill.values, fill.of()))
    values, place = fill.values[order].astype(np.uint64), np.arange(order.size) - np.repeat(fill.pointers[:-1], lengths)
    mixed = _mix(values ^ (place.astype(np.uint64) << np.uint64(33)))
    sketch = np.zeros(item.size, np.uint64)
    np.bitwise_xor.at(sketch, fill.of(), mixed)
    return np.where(lengths >= MIN_PAIRS, sketch | np.uint64(1), item).astype(np.int64)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
