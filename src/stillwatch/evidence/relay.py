"""Do the accounts of a group carry the traffic of many end users, each with software of its own?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import Plain, accounts, units
from stillwatch.evidence.rates import MeetingRates, shipped
from stillwatch.methods.adoption import excess_bits
from stillwatch.records.window import Window

MANY_SYSTEMS = 3  # distinct system prompts: people use one agent harness, some two
BUSY_EXCHANGES = 8  # fewer cannot show three
MIN_UNITS = 10


@dataclass(frozen=True)
class Relay:
    """
    Ask whether the accounts of a group send through several system prompts each, as the accounts of a reseller do.

    A relay passes on what its customers ask, in their customers' own words: no template, no pool, no queue. But each customer
    brings the harness or the product that he works with, and so one account sends through many. Counted are organisations or
    lone accounts with at least eight exchanges in the whole log; an organisation counts by its account with the fewest.
    Which harness it is, and in which language it speaks, is not looked at.

    Null: beta-binomial over units with the base rate of ordinary groups; a share of these (developers of several products)
    does as relays do, which bounds the weight.
    Formula: log2 of (reach × any share + rest × null) over (stray × any share + rest × null).
    Blind to: resellers who strip system prompts or keep an account a customer. A gateway is one account, and no group.
    Cost: linear in the group's accounts.

    References:
        docs/research.md, relay. rates.json, block relay. Cap: the bound above, rounded up.
    """

    name: ClassVar[str] = "relay"
    family: ClassVar[str] = "relay"
    needs: ClassVar[frozenset[str]] = frozenset({"system"})
    cap_bits: ClassVar[float] = 5.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts busy organisations or lone accounts."""
        rates = shipped().relay
        read = accounts(engine, groups, ["org", "n_exchanges", "n_systems"])
        return statements_table(self, groups, (_statement(*_counted(g), rates) for g in read))

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("thirty accounts with four system prompts each", examples.through_many_systems(), "for"),
            Example("thirty accounts with one system prompt each", examples.through_one_system(), "nothing"),
        )


def _counted(group: dict[str, Plain]) -> tuple[int, int]:
    """Units all of whose busy accounts send through many system prompts, and units with a busy account."""
    busy = (group["n_exchanges"].values >= BUSY_EXCHANGES) & group["n_systems"].known
    unit = units(group)
    n = len(np.unique(unit[busy]))
    return n - len(np.unique(unit[busy & (group["n_systems"].values < MANY_SYSTEMS)])), n


def _statement(k: int, n: int, rates: MeetingRates) -> Statement:
    if n < MIN_UNITS:
        return Statement(
            0.0, f"{n} organisations or lone accounts of the group sent {BUSY_EXCHANGES} exchanges or more: too few", n
        )
    bits = excess_bits(k, n, rates.base, rates.dispersion, rates.reach, rates.stray)
    reason = (
        f"{k:,} of {n:,} organisations or lone accounts send through {MANY_SYSTEMS} or more different system prompts each, where "
        f"{rates.base:.0%} would"
    )
    return Statement(bits, reason, n, k / n, rates.base)
