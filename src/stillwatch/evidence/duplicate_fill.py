"""Do the accounts send the same things (a shared list), or different ones (a pool dealt out)?"""

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import GroupRows, exchanges
from stillwatch.evidence.items import items
from stillwatch.evidence.rates import CountLaw, DuplicateFillRates, shipped
from stillwatch.methods.adoption import log_betabinomial
from stillwatch.methods.overlap import Overlap, overlap
from stillwatch.records.window import Window

EFFECTIVE_TRIALS = 200  # coincidences of one list are not independent; beyond so many they add nothing


@dataclass(frozen=True)
class DuplicateFill:
    """
    Ask how much of what one account sent another account also sent.

    An evaluation harness, a classroom and a viral prompt hand one list to everybody; a fleet deals its pool out so that
    hardly anything is sent twice, and one that draws with replacement from a large pool meets itself rarely. So this
    tells apart what `persistence` cannot. The statistic is the mean overlap coefficient of two accounts; beside it, the
    share of what was sent that another account also sent, which a list keeps when its group is mixed with others. The
    worse of the two for a campaign counts.

    Null: ordinary groups, a share of which uses one list; both kinds and campaigns have a beta-binomial overlap.
    Formula: log2 of (mixture of campaign laws) over (mixture of background laws) at each observed count; the lower.
    Blind to: campaigns that send most prompts from several accounts, which look like a list; a list whose items every
    account words anew. In groups of ten or twenty accounts, several samples of one prompt spread over accounts look like a
    list.
    Cost: one sort of the group's exchanges.

    References:
        docs/research.md, 3.3; pool size by Chao (1984). rates.json, block duplicate_fill. Cap: that of `persistence` and two
        more, so that a clear list outweighs it.
    """

    name: ClassVar[str] = "duplicate_fill"
    family: ClassVar[str] = "pool"
    needs: ClassVar[frozenset[str]] = frozenset({"exact", "fill"})
    cap_bits: ClassVar[float] = 12.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts distinct (account, item) pairs, 200 at most."""
        rates = shipped().duplicate_fill
        read = exchanges(engine, groups, ["exact", "fill"])
        return statements_table(self, groups, (_statement(g, rates) for g in read))

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("one list for everybody", examples.common_list(), "against"),
            Example("one pool dealt out: nothing is sent twice", examples.pool_dealt_out(), "nothing"),
        )


def _statement(group: GroupRows, rates: DuplicateFillRates) -> Statement:
    item = items(group)
    known = item != 0
    found = overlap(group.account[known], item[known])
    if found.n_possible == 0:
        return Statement(0.0, "Fewer than two accounts of the group sent anything that can be compared")
    pool = f"; a pool of about {found.pool:,.0f} items" if np.isfinite(found.pool) else ""
    reason = (
        f"Two accounts have {found.share:.1%} of what they sent in common on average: {found.n_items:,} distinct items "
        f"in {found.n_sent:,} (account, item) pairs{pool}; {found.repeated:.1%} of what was sent was also sent by another "
        f"(a shared list gives over 20 % and 30 %, a pool dealt out about 0)"
    )
    return Statement(weight_bits(found, rates), reason, trials(found), found.share, rates.ordinary.mean)


def weight_bits(found: Overlap, rates: DuplicateFillRates) -> float:
    """
    log2 likelihood ratio of the overlap.

    >>> from stillwatch.methods.overlap import overlap
    >>> everyone = overlap(np.repeat(np.arange(20), 10), np.tile(np.arange(10), 20))
    >>> weight_bits(everyone, shipped().duplicate_fill) < -8
    True
    """
    by_overlap = _bits(
        found.share,
        trials(found),
        rates.campaign,
        rates.ordinary,
        rates.list,
        rates.campaign_list_share,
        rates.background_list_share,
    )
    by_repeats = _bits(
        found.repeated,
        min(found.n_sent, EFFECTIVE_TRIALS),
        rates.campaign_repeats,
        rates.ordinary_repeats,
        rates.list_repeats,
        rates.campaign_repeats_share,
        rates.background_list_share,
    )
    return min(by_overlap, by_repeats)


def _bits(
    share: float, n: int, dealt: CountLaw, ordinary: CountLaw, listed: CountLaw, campaign_lists: float, background_lists: float
) -> float:
    """log2 of (campaigns, few of which use a list) over (ordinary groups, more of which do) at this share of n."""
    k = round(share * n)
    plain, usual, common = (log_betabinomial(k, n, law.mean, law.dispersion) for law in (dealt, ordinary, listed))
    return (_mixed(plain, common, campaign_lists) - _mixed(usual, common, background_lists)) / log(2)


def trials(found: Overlap) -> int:
    """Independent trials that an overlap is worth."""
    return min(found.n_possible, found.n_sent, EFFECTIVE_TRIALS)


def _mixed(plain: float, shared: float, share: float) -> float:
    return float(np.logaddexp(np.log1p(-share) + plain, np.log(share) + shared))
