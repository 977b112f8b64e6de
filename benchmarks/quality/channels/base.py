"""What an experimental channel is: a statistic of groups, high in campaigns if the idea holds, and two laws of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence.fit import MAX_REACH, MIN_GROUPS, ORDINARY_SHARE, normal_law
from stillwatch.evidence.rates import NormalLaw, StrikingRates
from stillwatch.records.tables import EVIDENCE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NOT_SET = NormalLaw(0.0, 1.0)
SILENT = StrikingRates(NOT_SET, NOT_SET, 0.5, 0.5)  # says 0.0 bits of everything
LEAST_STRAY = 0.01  # worlds are tidier than traffic: at least one ordinary group in a hundred looks like a campaign


@dataclass(frozen=True, slots=True)
class Seen:
    """One group's statistic, known to within `se`, over n observations."""

    x: float
    se: float
    n: int

    @classmethod
    def mean(cls, values: Floats) -> "Seen":
        """Of at least two values."""
        return cls(float(values.mean()), float(values.std(ddof=1)) / sqrt(len(values)), len(values))

    @classmethod
    def share(cls, k: int, n: int) -> "Seen":
        """Of n units; the error is that of (k + 1) in (n + 2)."""
        p = (k + 1) / (n + 2)
        return cls(k / n, sqrt(p * (1 - p) / n), n)


@dataclass(frozen=True, slots=True)
class Experiment:
    """
    A channel that is not shipped.

    Args:
        name: As in results and docs.
        family: With which of the shipped families it would share its weight.
        statistic: Of the groups of a scan, by group; those that it cannot speak of are left out.
    """

    name: str
    family: str
    statistic: Callable[[Engine], Mapping[int, Seen]]


def fitted(x: Floats, se: Floats, campaign: Bools) -> StrikingRates:
    """
    Laws of a statistic over labelled groups, by the rules of stillwatch.evidence.fit; silent where campaigns have no more of it.

    Args:
        x: (n,) statistic of each group.
        se: (n,) its error.
        campaign: (n,) is it a campaign's group?
    """
    if campaign.sum() < 2 or (~campaign).sum() < MIN_GROUPS:
        return SILENT
    most = ~campaign & (x <= np.quantile(x[~campaign], ORDINARY_SHARE))
    background = normal_law(x[most], se[most], NOT_SET)
    beyond = x > background.mean + 2 * np.hypot(background.sd, se)
    if beyond[campaign].sum() < 2:
        return SILENT
    striking = x[campaign & beyond]
    sd = max(float(striking.std()), background.sd / 2)
    reach = min((beyond[campaign].sum() + 1) / (campaign.sum() + 2), MAX_REACH)
    stray = max((beyond[~campaign].sum() + 0.5) / ((~campaign).sum() + 1), LEAST_STRAY)
    if stray >= reach:
        return SILENT
    return StrikingRates(NormalLaw(float(striking.mean()), sd), background, float(reach), float(stray))


def weighed(experiment: Experiment, seen: Mapping[int, Seen], rates: StrikingRates, groups: list[int]) -> pa.Table:
    """Rows of `evidence`, one a group."""
    rows = [
        {
            "group": g,
            "detector": experiment.name,
            "family": experiment.family,
            "weight_bits": rates.bits(seen[g].x, seen[g].se) if g in seen and rates is not SILENT else 0.0,
            "n": seen[g].n if g in seen else 0,
            "reason": "an experiment",
        }
        for g in groups
    ]
    return pa.Table.from_pylist(rows, EVIDENCE.schema)
