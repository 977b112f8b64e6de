"""Are the accounts of a group used alike?"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import Plain, accounts
from stillwatch.evidence.rates import StrikingRates, shipped
from stillwatch.records.window import Window

MIN_ACCOUNTS = 10
LEAST_SPREAD = 0.1  # of ln exchanges: nobody is more even than a queue
MIDDLE = (0.16, 0.84)  # one standard deviation either side of a Normal's middle; the tails are left to strangers
ERROR = 1.0  # sd of ln of this spread over the root of the accounts: 2,000 Normal samples of 20 to 320


@dataclass(frozen=True)
class Volumes:
    """
    Ask whether the accounts of a group send about as much as one another.

    A queue that feeds a fleet feeds its accounts evenly; of ordinary accounts a few send most. The statistic is the spread
    of the logarithm of an account's exchanges in the whole log: half of what lies between its 16th and 84th percentile.

    Null: ln(spread) is Normal over ordinary groups; a share of them (a class, an office) is as even, which bounds the weight
    below what makes a kind of evidence count by itself.
    Formula: log2 of (reach × even + rest × ordinary) over (stray × even + rest × ordinary).
    Blind to: operators who draw an account's volume as people have it, which costs them their best accounts' throughput.
    Cost: one sort of the group's accounts.

    References:
        docs/research.md, 3.7 (homogeneity). rates.json, block volumes. Cap: the bound above, rounded up.
    """

    name: ClassVar[str] = "volumes"
    family: ClassVar[str] = "homogeneity"
    needs: ClassVar[frozenset[str]] = frozenset({"seen_at"})
    cap_bits: ClassVar[float] = 3.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts accounts."""
        rates = shipped().volumes
        return statements_table(self, groups, (_statement(g, rates) for g in accounts(engine, groups, ["n_exchanges"])))

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("thirty accounts that are fed evenly", examples.fed_evenly(), "for"),
            Example("a few of thirty accounts send most", examples.fed_unevenly(), "nothing"),
        )


def _statement(group: dict[str, Plain], rates: StrikingRates) -> Statement:
    sent = group["n_exchanges"].values
    if sent.size < MIN_ACCOUNTS:
        return Statement(0.0, f"The group has {sent.size} accounts: too few to compare their volumes", sent.size)
    low, high = np.quantile(np.log(np.maximum(sent, 1)), MIDDLE)
    spread = max(float(high - low) / 2, LEAST_SPREAD)
    x, error = log(spread), ERROR / sqrt(sent.size)
    reason = (
        f"The middle two thirds of {sent.size:,} accounts lie within a factor of {exp(2 * spread):.1f} in what they send, where "
        f"{exp(2 * exp(rates.background.mean)):.0f} is usual"
    )
    return Statement(rates.bits(x, error), reason, sent.size, x, rates.background.mean, error)
