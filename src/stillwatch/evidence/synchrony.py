"""Are the accounts of a group busy in the same hours?"""

from dataclasses import dataclass
from math import exp, log, log1p
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import GroupRows, exchanges
from stillwatch.evidence.rates import SynchronyRates, shipped
from stillwatch.methods.synchrony import HOURS, day_rolled
from stillwatch.methods.synchrony import Synchrony as Measured
from stillwatch.records.window import Window

HOUR_US = 3_600_000_000
MIN_DAYS = 3  # two days have two relative rolls: half of all pairs would look aligned by chance
MIN_ACCOUNTS = 5  # ten pairs


@dataclass(frozen=True)
class Synchrony:
    """
    Ask whether the accounts of a group are busy in the same hours, beyond what their own rhythms make them.

    Works for fleets fed from one queue, started and stopped together. A classroom is as synchronous: `duplicate_fill`
    tells the two apart. Ordinary accounts share weekends and releases, so what counts is how large the excess is and not
    only how sure.

    Null: every account rolled by whole days, which keeps its own rhythm and bursts; mean and variance in closed form.
    Formula: log2 of (reach × synchronous + rest × ordinary) over (stray × synchronous + rest × ordinary), Normal laws of
    ln(overlap / null mean).
    Blind to: jitter of more than a day; windows of fewer than three days, where there is nothing to roll.
    Cost: one pass over (account, hour), and a 24 × 24 product a day-frequency.

    References:
        docs/research.md, 3.4. Ours: cosines, so that no heavy account speaks for the group, and exact moments instead of
        replicates. rates.json, block synchrony. Cap: hours of one account are not independent.
    """

    name: ClassVar[str] = "synchrony"
    family: ClassVar[str] = "timing"
    needs: ClassVar[frozenset[str]] = frozenset({"seen_at"})
    cap_bits: ClassVar[float] = 6.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts accounts."""
        rates = shipped().synchrony
        return statements_table(self, groups, (_statement(g, window, rates) for g in exchanges(engine, groups, [])))

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("thirty accounts on one clock", examples.one_clock(), "for"),
            Example("thirty accounts in office hours, each on its own days", examples.own_clocks(), "nothing"),
            Example("one clock, but a window of a day", examples.one_day(), "nothing"),
        )


def _statement(group: GroupRows, window: Window, rates: SynchronyRates) -> Statement:
    if window.n_days < MIN_DAYS:
        return Statement(
            0.0, f"The window has {window.n_days} days; a daily rhythm needs {MIN_DAYS} to be told from a common clock"
        )
    order = group.by_account()
    hour = (group.plain["seen_at"].values[order] - window.start_us) // HOUR_US
    inside = (hour >= 0) & (hour < window.n_days * HOURS)
    found = day_rolled(group.account[order][inside], hour[inside], window.n_days)
    if group.n_accounts < MIN_ACCOUNTS or found.null_mean <= 0:
        return Statement(
            0.0, f"{group.n_accounts} accounts of the group share too few hours of the day to be compared", group.n_accounts
        )
    sigmas = (found.overlap - found.null_mean) / max(found.null_sd, 1e-9)
    reason = (
        f"{group.n_accounts:,} accounts are busy in the same hours {exp(found.log_ratio):.2f} times as when each is moved "
        f"by whole days ({sigmas:.1f} standard deviations; ordinary groups 0.8 to 1.7 times)"
    )
    return Statement(weight_bits(found, rates), reason, group.n_accounts, found.overlap, found.null_mean, found.null_sd)


def weight_bits(found: Measured, rates: SynchronyRates) -> float:
    """
    log2 likelihood ratio of the excess; never below log2(1 - reach), because many campaigns are not synchronous.

    >>> weight_bits(Measured(10.0, 10.0, 1.0), shipped().synchrony) <= 0
    True
    """
    x = min(max(found.log_ratio, rates.background.mean), rates.campaign.mean)
    ordinary = rates.background.log_density(x, found.se)
    striking = rates.campaign.log_density(x, found.se)
    campaign = np.logaddexp(log(rates.reach) + striking, log1p(-rates.reach) + ordinary)
    background = np.logaddexp(log(rates.stray) + striking, log1p(-rates.stray) + ordinary)
    return float(campaign - background) / log(2)
