"""
Benign explanations, each weighed by name against a campaign.

For every kind of benign group the reference knows how each detector speaks about it, and how it speaks about campaigns.
The bits of an alternative are the log2 likelihood ratio campaign : that kind, summed over the families of what was observed.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from stillwatch.campaigns.reference import CAMPAIGN_KIND, Reference, Summary

MIN_GROUPS = 5  # groups of a kind: with fewer its law cannot be fitted
FLOOR_SD_BITS = 1.5  # weights vary at least so much between groups of one kind: benchmarks/quality/alternatives
CAP_BITS = 12.0  # of one detector: tails of a fitted law are not to be trusted further
_FREEDOM = 4.0  # Student's t: heavier tails than the sample's own

NAMES = MappingProxyType(
    {
        "app": "niche app",
        "batch": "batch customer",
        "chat": "ordinary users",
        "classroom": "classroom",
        "eval_harness": "evaluation harness",
        "framework": "agent framework",
        "gateway": "gateway with many end users",
        "mixed": "mixed traffic",
        "organisation": "one large organisation",
        "viral": "viral prompt",
    }
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """One benign explanation; positive bits speak for a campaign and against it."""

    kind: str
    bits: float
    decided_by: str | None


def weigh(observed: dict[str, tuple[str, float]], reference: Reference) -> list[Weighed]:
    """
    Weigh every benign kind of the reference, the one hardest to rule out first.

    Args:
        observed: detector -> (family, weight_bits) of the group.
        reference: Labelled groups, campaigns among them.
    """
    found = []
    for kind in reference.kinds:
        by_family: dict[str, tuple[float, str]] = {}
        for detector, (family, bits) in observed.items():
            ratio = _ratio(bits, reference.summary(CAMPAIGN_KIND, detector), reference.summary(kind, detector))
            if ratio is not None and abs(ratio) > abs(by_family.get(family, (0.0, ""))[0]):
                by_family[family] = (ratio, detector)
        strongest = max(by_family.values(), key=lambda v: abs(v[0]), default=None)
        if any(reference.summary(kind, d).n >= MIN_GROUPS for d in observed):
            found.append(Weighed(kind, sum(v[0] for v in by_family.values()), strongest[1] if strongest else None))
    return sorted(found, key=lambda w: (w.bits, w.kind))


def _ratio(bits: float, campaign: Summary, benign: Summary) -> float | None:
    if campaign.n < MIN_GROUPS or benign.n < MIN_GROUPS:
        return None
    return float(np.clip(_log2_density(bits, campaign) - _log2_density(bits, benign), -CAP_BITS, CAP_BITS))


def _log2_density(x: float, sample: Summary) -> float:
    spread = max((sample.high - sample.low) / 2.0, FLOOR_SD_BITS)
    z = (x - sample.median) / spread
    return float(-np.log2(spread) - (_FREEDOM + 1.0) / 2.0 * np.log2(1.0 + z * z / _FREEDOM))
