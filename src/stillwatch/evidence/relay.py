"""Do the accounts of a group carry the traffic of many end users, each with software of its own?"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.rates import MeetingRates, shipped
from stillwatch.methods.adoption import excess_bits
from stillwatch.records.tables import SIGNATURES
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
    Cost: one pass over (account, system prompt) of the log a chunk of groups.

    References:
        docs/research.md, relay. rates.json, block relay. Cap: the bound above, rounded up.
    """

    name: ClassVar[str] = "relay"
    family: ClassVar[str] = "relay"
    needs: ClassVar[frozenset[str]] = frozenset({"system"})
    cap_bits: ClassVar[float] = 5.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts busy organisations or lone accounts."""
        counts = _counts(engine, groups) if engine.has(SIGNATURES) else {}
        rates = shipped().relay
        said = (_statement(*counts.get(g, (0, 0)), rates) for g in groups["group"].to_pylist())
        return statements_table(self, groups, said)

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("thirty accounts with four system prompts each", examples.through_many_systems(), "for"),
            Example("thirty accounts with one system prompt each", examples.through_one_system(), "nothing"),
        )


def _counts(engine: Engine, groups: pa.Table) -> dict[int, tuple[int, int]]:
    """(units with many system prompts, busy units) of each group."""
    sql = f"""
        WITH busy AS (SELECT account, coalesce(max(org), account) AS unit, count(DISTINCT system) AS n_systems FROM signatures
                      GROUP BY account HAVING count(*) >= {BUSY_EXCHANGES}),
             units AS (SELECT g."group", b.unit, min(b.n_systems) AS fewest
                       FROM group_accounts g JOIN wanted w ON g."group" = w."group" JOIN busy b ON b.account = g.account
                       GROUP BY g."group", b.unit)
        SELECT "group", count(CASE WHEN fewest >= {MANY_SYSTEMS} THEN unit END) AS k, count(*) AS n FROM units
        GROUP BY "group" ORDER BY "group"
    """
    found = engine.query(sql, wanted=groups.select(["group"]))
    return {g: (k, n) for g, k, n in zip(*(found[c].to_pylist() for c in ("group", "k", "n")), strict=True)}


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
