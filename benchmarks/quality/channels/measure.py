"""
quality.channels: of each channel, shipped or not, how loud it is on groups of campaigns and on others, and what it adds.

    python -m benchmarks.quality.channels.measure [--seeds 5001-5003] [--fit 7101-7103] [--reference FILE] [--only NAME ...]

A shipped channel is taken out of the evidence and put back; an experiment is weighed by laws fitted on worlds of other seeds and
put in. The reference knows no experiment, so p-values flatter one: what it does not find even so, it would not find.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.quality.ablation import CLEAN, KEY, UNEVEN, Tally, judged, world_with
from benchmarks.quality.channels import EXPERIMENTS, Experiment, Seen
from benchmarks.quality.channels.base import SILENT, fitted, weighed
from benchmarks.record import record, seeds_of

from stillwatch import pipeline, worlds
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.evidence.fit import BENIGN_BELOW, CAMPAIGN_FROM
from stillwatch.evidence.rates import StrikingRates
from stillwatch.records import tables
from stillwatch.records.progress import Silent
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import Share

SIXTY: dict[str, object] = {"accounts": 60, "exchanges": 1_800, **CLEAN}
SHAPES: dict[str, tuple[str, dict[str, object]]] = {  # channel -> the campaign whose dial it addresses
    "signups": ("split", {"accounts": 80, "exchanges": 2_600, **CLEAN}),
    "volumes": ("split", {"accounts": 80, "exchanges": 2_600, "signup": "aged", **CLEAN}),
    "relay": ("relay", {"accounts": 80, "exchanges": 2_400, "cover": 0.3, **CLEAN}),
    "replay": ("replay", {**SIXTY, **UNEVEN}),
    "exclusivity": ("hydra", {**SIXTY, "cover": 0.1, **UNEVEN}),
    "isolation": ("split", {"accounts": 80, "exchanges": 2_600, **CLEAN, **UNEVEN}),
    "technique_search": ("technique_search", {**SIXTY, **UNEVEN}),
    "first_day": ("hydra", {"accounts": 120, "exchanges": 2_400, "cover": 0.0, "signup": "fresh", "lifetime_days": 1.0, **CLEAN}),
    "late_pivot": ("hydra", {**SIXTY, **UNEVEN, "cover": 0.3, "pivot": 0.45, "pivot_delay_days": 3.0, "days": 14.0}),
    "elicitation_prior": ("elicitation", {**SIXTY, **UNEVEN}),
}
LOUD_BITS = (1.0, 3.0)
_NOT_SHIPPED = {e.name: e for e in EXPERIMENTS}


@dataclass
class Loudness:
    """How many groups weigh so many bits or more, of benign ones and of a campaign's."""

    benign: Counter[str] = field(default_factory=Counter)
    campaign: Counter[str] = field(default_factory=Counter)

    def add(self, bits: dict[int, float], harvesting: dict[int, float]) -> None:
        """Count the groups that are clearly one or the other."""
        for group, share in harvesting.items():
            count = self.benign if share < BENIGN_BELOW else self.campaign if share >= CAMPAIGN_FROM else None
            if count is not None:
                count["n"] += 1
                count.update(f"{least:g}" for least in LOUD_BITS if bits.get(group, 0.0) >= least)

    def told(self) -> dict[str, object]:
        """Hits, groups, interval, for each threshold."""
        out: dict[str, object] = {}
        for name, count in (("benign", self.benign), ("campaign", self.campaign)):
            for least in LOUD_BITS:
                share = Share(count[f"{least:g}"], count["n"])
                out[f"{name}_from_{least:g}"] = [share.hits, share.n, *share.interval]
        return out


@dataclass(frozen=True, slots=True)
class Scanned:
    """A world after a scan: which accounts harvest, and the share of accounts of each group that do."""

    engine: DuckDBEngine
    settings: Settings
    campaign_of: dict[int, str | None]
    harvesting: dict[int, float]


def scans(channel: str, seeds: range, reference: Path | None) -> Iterator[Scanned]:
    """One scanned world a seed."""
    kind, dials = SHAPES[channel]
    settings = with_changes(Settings(), engine={"workers": 1, "memory_gb": 1.0}, campaigns={"own_reference": reference})
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="stillwatch-channels-") as scratch:
            built = worlds.build(world_with(kind, dials), seed, Path(scratch) / "world")
            people = {p["account_id"]: p["campaign"] for p in pq.read_table(built.truth / "accounts.parquet").to_pylist()}
            with DuckDBEngine(Path(scratch) / "store", settings.engine) as engine:
                pipeline.survey([str(built.log)], engine, settings, KEY, Silent())
                names = engine.read(tables.ACCOUNTS)
                told = {a: people[i] for a, i in zip(names["account"].to_pylist(), names["account_id"].to_pylist(), strict=True)}
                yield Scanned(engine, settings, told, _harvesting(engine, told, settings))


def _harvesting(engine: DuckDBEngine, campaign_of: dict[int, str | None], settings: Settings) -> dict[int, float]:
    groups, members = engine.read(tables.GROUPS).to_pylist(), engine.read(tables.GROUP_ACCOUNTS)
    least = settings.campaigns
    able = {g["group"] for g in groups if g["n_accounts"] >= least.min_accounts and g["n_exchanges"] >= least.min_exchanges}
    inside: dict[int, list[bool]] = {}
    for group, account in zip(members["group"].to_pylist(), members["account"].to_pylist(), strict=True):
        if group in able:
            inside.setdefault(group, []).append(campaign_of[account] is not None)
    return {g: sum(a) / len(a) for g, a in inside.items()}


def laws(experiment: Experiment, seeds: range, reference: Path | None) -> StrikingRates:
    """Of an experiment's statistic, over groups that are clearly a campaign's or clearly not."""
    seen: list[tuple[Seen, float]] = []
    for scan in scans(experiment.name, seeds, reference):
        found = experiment.statistic(scan.engine)
        seen += [(found[g], share) for g, share in scan.harvesting.items() if g in found]
    clear = [(s, h >= CAMPAIGN_FROM) for s, h in seen if h < BENIGN_BELOW or h >= CAMPAIGN_FROM]
    if not clear:
        return SILENT
    return fitted(np.array([s.x for s, _ in clear]), np.array([s.se for s, _ in clear]), np.array([c for _, c in clear]))


def measured(channel: str, seeds: range, fit: range, reference: Path | None) -> dict[str, object]:
    """One row of the results."""
    experiment = _NOT_SHIPPED.get(channel)
    rates = laws(experiment, fit, reference) if experiment else None
    loud, tallies = Loudness(), {"without": Tally(), "with": Tally()}
    for scan in scans(channel, seeds, reference):
        everything = scan.engine.read(tables.EVIDENCE)
        if experiment and rates:
            groups = scan.engine.read(tables.GROUPS)["group"].to_pylist()
            rows = weighed(experiment, experiment.statistic(scan.engine), rates, groups)
            ways = {"without": everything, "with": pa.concat_tables([everything, rows])}
        else:
            rows = everything.filter(pc.equal(everything["detector"], channel))
            ways = {"without": everything.filter(pc.not_equal(everything["detector"], channel)), "with": everything}
        loud.add(dict(zip(rows["group"].to_pylist(), rows["weight_bits"].to_pylist(), strict=True)), scan.harvesting)
        for name, evidence in ways.items():
            scan.engine.write(tables.EVIDENCE, evidence)
            tallies[name].add(*judged(scan.engine, scan.settings, scan.campaign_of))
    kind, dials = SHAPES[channel]
    row: dict[str, Any] = {"channel": channel, "shipped": experiment is None, "shape": kind, "dials": dials, **loud.told()}
    if rates is not None:
        row["silent"] = rates is SILENT
        row["laws"] = {
            "campaign": rates.campaign.mean,
            "background": rates.background.mean,
            "reach": rates.reach,
            "stray": rates.stray,
        }
    return row | {name: tally.told() for name, tally in tallies.items()}


def main() -> None:
    """Every channel; one line in the results."""
    parser = argparse.ArgumentParser(description="What each channel would bring, and its false rate.")
    parser.add_argument("--seeds", default="5001-5003", help="first and last seed of the worlds that are measured")
    parser.add_argument("--fit", default="7101-7103", help="first and last seed of those that experiments are fitted on")
    parser.add_argument("--reference", type=Path, help="instead of the shipped one; the line says so")
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    given = parser.parse_args()
    rows = []
    for channel in given.only:
        rows.append(measured(channel, seeds_of(given.seeds), seeds_of(given.fit), given.reference))
        print(rows[-1], flush=True)
    if not given.dry:
        source = given.reference.name if given.reference else "shipped"
        record("quality.channels", {"seeds": given.seeds, "fit": given.fit, "reference": source, "rows": rows})


if __name__ == "__main__":
    main()
