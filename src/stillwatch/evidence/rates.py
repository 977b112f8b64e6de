"""What ordinary traffic and campaigns do, in numbers: every constant that a weight rests on, from one data file."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log, log1p
from typing import Any

import numpy as np
import orjson


@dataclass(frozen=True, slots=True)
class NormalLaw:
    """A statistic that is Normal over groups."""

    mean: float
    sd: float

    def log_density(self, x: float, se: float) -> float:
        """ln of its density at x, where x itself is known to within `se`; without the constant."""
        variance = self.sd**2 + se**2
        return -0.5 * ((x - self.mean) ** 2 / variance + log(variance))


@dataclass(frozen=True, slots=True)
class StrikingRates:
    """A statistic with two Normal laws: `reach` of campaigns and `stray` of ordinary groups follow the striking one."""

    campaign: NormalLaw
    background: NormalLaw
    reach: float
    stray: float

    def bits(self, x: float, se: float) -> float:
        """
        log2 likelihood ratio at x, known to within `se`; monotone, and between log2(1 - reach) and log2(reach / stray).

        >>> rates = StrikingRates(NormalLaw(3.0, 0.5), NormalLaw(0.0, 0.5), 0.5, 0.05)
        >>> round(rates.bits(3.0, 0.1), 1), round(rates.bits(9.0, 0.1), 1), round(rates.bits(-9.0, 0.1), 1)
        (3.3, 3.3, -0.9)
        """
        low, high = sorted((self.campaign.mean, self.background.mean))
        at = min(max(x, low), high)  # beyond the centre of either law nothing more is said
        striking, ordinary = self.campaign.log_density(at, se), self.background.log_density(at, se)
        campaign = np.logaddexp(log(self.reach) + striking, log1p(-self.reach) + ordinary)
        background = np.logaddexp(log(self.stray) + striking, log1p(-self.stray) + ordinary)
        return float(campaign - background) / log(2)


@dataclass(frozen=True, slots=True)
class CountLaw:
    """A count that is beta-binomial over groups."""

    mean: float
    dispersion: float


@dataclass(frozen=True, slots=True)
class PersistenceRates:
    """
    ln of the persistence ratio, over campaigns, over those that cover or strangers dilute, and over ordinary groups.

    `diluted_share` of campaigns are diluted, and `stray` of ordinary groups look just like these.
    """

    campaign: NormalLaw
    diluted: NormalLaw
    background: NormalLaw
    diluted_share: float
    stray: float


@dataclass(frozen=True, slots=True)
class DuplicateFillRates:
    """
    Overlap of accounts in campaigns, in ordinary groups and in groups that share a list, and how many groups share one.

    `*_repeats` are the laws of the share of what was sent that another account also sent.
    """

    campaign: CountLaw
    ordinary: CountLaw
    list: CountLaw
    campaign_repeats: CountLaw
    ordinary_repeats: CountLaw
    list_repeats: CountLaw
    campaign_list_share: float
    campaign_repeats_share: float
    background_list_share: float


@dataclass(frozen=True, slots=True)
class SynchronyRates:
    """ln of overlap over its null mean; `reach` of campaigns and `stray` of ordinary groups are synchronous."""

    campaign: NormalLaw
    background: NormalLaw
    reach: float
    stray: float


@dataclass(frozen=True, slots=True)
class PivotRates:
    """Spread of adoption between groups, campaigns that pivot, ordinary groups that pivot just as fast."""

    dispersion: float
    reach: float
    stray: float


@dataclass(frozen=True, slots=True)
class MeetingRates:
    """Share of units that meet beyond popularity, its spread, campaigns that meet, ordinary groups that meet as much."""

    base: float
    dispersion: float
    reach: float
    stray: float


@dataclass(frozen=True, slots=True)
class Rates:
    """All of them, and where they come from; `peers` are the rates of hits of peers' indicators, by their kind."""

    provenance: str
    persistence: PersistenceRates
    duplicate_fill: DuplicateFillRates
    synchrony: SynchronyRates
    pivot: PivotRates
    signups: StrikingRates
    volumes: StrikingRates
    relay: MeetingRates
    replay: MeetingRates
    infrastructure: dict[str, MeetingRates]
    peers: dict[str, MeetingRates]


@cache
def shipped() -> Rates:
    """The rates of this release, from `rates.json`."""
    return from_json((files("stillwatch.evidence") / "rates.json").read_bytes())


def from_json(raw: bytes) -> Rates:
    """
    Rates from the text of a rates file.

    Raises:
        KeyError: a block is missing.
        TypeError: a block has a field that is not known, or lacks one.
    """
    tree: dict[str, Any] = orjson.loads(raw)
    return Rates(
        provenance=tree["provenance"],
        persistence=PersistenceRates(**_laws(NormalLaw, tree["persistence"])),
        duplicate_fill=DuplicateFillRates(**_laws(CountLaw, tree["duplicate_fill"])),
        synchrony=SynchronyRates(**_laws(NormalLaw, tree["synchrony"])),
        pivot=PivotRates(**tree["pivot"]),
        signups=StrikingRates(**_laws(NormalLaw, tree["signups"])),
        volumes=StrikingRates(**_laws(NormalLaw, tree["volumes"])),
        relay=MeetingRates(**tree["relay"]),
        replay=MeetingRates(**tree["replay"]),
        infrastructure={field: MeetingRates(**v) for field, v in tree["infrastructure"].items()},
        peers={kind: MeetingRates(**v) for kind, v in tree["peers"].items()},
    )


def _laws(law: type[NormalLaw] | type[CountLaw], block: dict[str, Any]) -> dict[str, Any]:
    """Tables of a block become laws; numbers stay."""
    return {name: law(**value) if isinstance(value, dict) else value for name, value in block.items()}
