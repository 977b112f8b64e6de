"""Did the accounts of a group sign up together?"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import Plain, accounts, platform, units
from stillwatch.evidence.platform import MIN_SIGNUPS
from stillwatch.evidence.rates import StrikingRates, shipped
from stillwatch.methods.spans import span_of_most
from stillwatch.records.window import Window

MIN_UNITS = MIN_SIGNUPS
SPREAD_OF_LOG_SPAN = (
    1.25  # sd of ln(span) is this over the root of the units: 2,000 draws of 10 to 320 units from ages of a world
)
YOUNG_BELOW = 0.7  # of the usual span: above, a platform differs from ours by no more than its campaigns can make it


@dataclass(frozen=True)
class Signups:
    """
    Ask whether the accounts of a group signed up closer together than accounts do.

    A fleet is made, or bought, in batches; people come one by one. The statistic is the shortest span of time that holds three
    quarters of the group's sign-ups, so what counts is a batch and not an age, and a few strangers hide none. Of a group that is
    half strangers nothing is said: its bits would be held against them.
    An organisation counts once, at its first account: whoever brings five hundred seats in a week has signed up once.

    Null: ln(span) is Normal over ordinary groups that share a recipe, widened by the error at so many units. A platform
    whose own accounts are younger than that is its own measure. A share of ordinary groups (a class, a launch) is made in a
    batch as well, which bounds the weight.
    Formula: log2 of (reach × batch + rest × ordinary) over (stray × batch + rest × ordinary), Normal laws of ln(span in days).
    Blind to: accounts that were bought old, or are made over many months. A class that signed up together looks the same:
    `duplicate_fill` and `persistence` tell it apart.
    Cost: one sort of the group's sign-ups.

    References:
        docs/research.md, 3.7 (homogeneity). rates.json, block signups. Cap: the bound above, rounded up.
    """

    name: ClassVar[str] = "signups"
    family: ClassVar[str] = "homogeneity"
    needs: ClassVar[frozenset[str]] = frozenset({"account_created_at"})
    cap_bits: ClassVar[float] = 6.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts units whose sign-up is known."""
        rates = shipped().signups
        young = _youth(platform(engine).signup_span_days, rates)
        read = accounts(engine, groups, ["org", "account_created_at"])
        return statements_table(self, groups, (_statement(g, young, rates) for g in read))

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("thirty accounts made within three weeks", examples.made_together(), "for"),
            Example("thirty accounts made over two years", examples.made_apart(), "nothing"),
            Example("one company that brought thirty seats in three weeks", examples.one_company_joined(), "nothing"),
        )


def _statement(group: dict[str, Plain], young: float, rates: StrikingRates) -> Statement:
    created = _of_units(group)
    if created.size < MIN_UNITS:
        return Statement(0.0, f"The sign-up of {created.size} organisations or lone accounts is known: too few", created.size)
    days = span_of_most(created)
    x, error = log(days), SPREAD_OF_LOG_SPAN / sqrt(created.size)
    usual = exp(rates.background.mean + young)
    reason = (
        f"Three quarters of {created.size:,} organisations or lone accounts signed up within {days:,.0f} days, where "
        f"{usual:,.0f} days are usual"
    )
    return Statement(rates.bits(x - young, error), reason, created.size, x, rates.background.mean + young, error)


def _of_units(group: dict[str, Plain]) -> NDArray[np.int64]:
    """First sign-up of each organisation or lone account, microseconds, ascending."""
    created = group["account_created_at"]
    unit = units(group)[created.known]
    order = np.lexsort((created.values[created.known], unit))
    first = np.unique(unit[order], return_index=True)[1]
    return np.sort(created.values[created.known][order][first])


def _youth(span_days: float, rates: StrikingRates) -> float:
    """ln of how much shorter than usual the span of the whole platform is; 0 where it is not markedly so."""
    shorter = log(span_days) - rates.background.mean
    return shorter if shorter < log(YOUNG_BELOW) else 0.0
