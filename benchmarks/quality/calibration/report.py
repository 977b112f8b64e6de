"""
What the measured worlds say together, and the gate of a release.

Every share has its exact 95 % interval (Clopper and Pearson 1934). Groups of one world share accounts, so the intervals of
exceedances are narrower than they would be over worlds: read them as a lower bound of the doubt.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from stillwatch.worlds.grade import LICENSED, Share

LEVELS = (1e-2, 1e-3, 1e-4)
ACCUSED_AT_MOST = 1e-4  # of the accounts of each benign class, at core: the design's figure
FALSE_PER_GROUP = 1e-3  # "0 in 1,000 benign groups"
CORE_PRECISION = 0.99
CAMPAIGN_RECALL = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure against its target: `met` and `missed` are shown by the interval or by the count, else nothing is shown."""

    name: str
    share: Share
    target: float
    at_most: bool = True

    @property
    def verdict(self) -> str:
        """met: the whole interval keeps the target; missed: what was seen does not; open: too few to tell."""
        if not self.share.n:
            return "open"
        low, high = self.share.interval
        if (high <= self.target) if self.at_most else (low >= self.target):
            return "met"
        value = self.share.hits / self.share.n
        return "missed" if ((value > self.target) if self.at_most else (value < self.target)) else "open"


def exceedances(p: Sequence[float]) -> list[Figure]:
    """How many p-values of benign groups lie at or below each level."""
    values = np.asarray(p, np.float64)
    return [Figure(f"p at or below {level:g}", Share(int((values <= level).sum()), len(values)), level) for level in LEVELS]


def uniformity(p: Sequence[float]) -> tuple[float, float]:
    """
    Kolmogorov-Smirnov against uniform, one-sided: how far small p-values are more frequent than they say, and its p-value.

    >>> uniformity([0.1, 0.3, 0.5, 0.7, 0.9])[1] > 0.5
    True
    """
    found = stats.kstest(np.asarray(p, np.float64), "uniform", alternative="greater")
    return float(found.statistic), float(found.pvalue)


def ordinary(worlds: Iterable[Mapping[str, Any]]) -> list[float]:
    """p of the benign groups of worlds that look as traffic does: small p are rare in a mixture, not in each kind of group."""
    return [group[2] for world in worlds if world["world"] == "common" for group in world["benign_groups"]]


def hardest(worlds: Iterable[Mapping[str, Any]], level: float = 1e-2, least: int = 100) -> tuple[str, Share]:
    """The kind of benign groups with the greatest share of p-values at or below a level, of kinds with enough groups."""
    hits: Counter[str] = Counter()
    n: Counter[str] = Counter()
    for world in worlds:
        for kind, _, p in world["benign_groups"]:
            hits[kind] += p <= level
            n[kind] += 1
    kind = max((k for k in sorted(n) if n[k] >= least), key=lambda k: hits[k] / n[k], default="none")
    return kind, Share(hits[kind], n[kind])


def false_share(worlds: Iterable[Mapping[str, Any]]) -> tuple[float, float, int]:
    """Mean observed false-discovery proportion over worlds (0 where nothing was found), half its 95 % interval, and worlds."""
    told = np.array([w["n_false"] / max(w["n_likely"], 1) for w in worlds])
    half = 1.96 * float(told.std(ddof=1)) / len(told) ** 0.5 if len(told) > 1 else 1.0
    return float(told.mean()) if len(told) else 0.0, half, len(told)


def classes(worlds: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """Accounts of each benign class at core of a likely campaign; licensed distillers are found on purpose and left out."""
    hits: Counter[str] = Counter()
    n: Counter[str] = Counter()
    for world in worlds:
        for kind, (accused, accounts) in world["false_positives"].items():
            hits[kind] += accused
            n[kind] += accounts
    return [Figure(kind, Share(hits[kind], n[kind]), ACCUSED_AT_MOST) for kind in sorted(n) if kind not in LICENSED]


def figures(worlds: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """All that the gate looks at, the false-discovery proportion apart."""
    n_groups = sum(len(world["benign_groups"]) for world in worlds)
    n_false = sum(w["n_false"] for w in worlds)
    core = Share(*(sum(w["core"][i] for w in worlds) for i in (0, 1)))
    found = [hit for w in worlds for hit in w["planted"].values()]
    return [
        *(Figure(f"accused: {f.name}", f.share, f.target) for f in classes(worlds)),
        Figure("false campaigns a benign group", Share(n_false, n_groups), FALSE_PER_GROUP),
        Figure("precision of core", core, CORE_PRECISION, at_most=False),
        Figure("campaigns found", Share(sum(found), len(found)), CAMPAIGN_RECALL, at_most=False),
        *exceedances(ordinary(worlds)),
    ]
