"""
quality.ablation: what each channel brings on worlds that nothing was fitted on, of the shapes it is for.

    python -m benchmarks.quality.ablation [--seeds 5001-5008] [--shapes split relay ...] [--reference FILE]
    python -m benchmarks.quality.ablation --corpus DATA --seeds 8103-8104 [--reference FILE]

Each seed and shape is one world: every look-alike and one campaign. It is scanned once with everything; then it is judged and
attributed again with the rows of one channel taken out of evidence and reference alike. A channel is a detector, the cells of
settings among the candidates, or all that is listed here.
"""

import argparse
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.record import record, seeds_of

from stillwatch import campaigns, pipeline, worlds
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.privacy import Key
from stillwatch.records import tables
from stillwatch.records.progress import Silent
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import Share

WORLD = Path(__file__).with_suffix(".toml")
KEY = Key(b"ablation: not a secret key......")
CLEAN = {"infra_reuse": 0.0}
UNEVEN = {"signup": "aged", "volume_sigma": 1.8, "pivot": 0.06}  # made, used and moved like anyone's accounts
SHAPES: dict[str, tuple[str, dict[str, object]]] = {
    "split": ("split", {"accounts": 80, "exchanges": 2_600, "cover": 0.5}),
    "split, clean": ("split", {"accounts": 80, "exchanges": 2_600, "cover": 0.5, **CLEAN}),
    "split, clean, aged": ("split", {"accounts": 80, "exchanges": 2_600, "cover": 0.5, "signup": "aged", **CLEAN}),
    "relay": ("relay", {"accounts": 80, "exchanges": 2_400, "cover": 0.3}),
    "relay, clean": ("relay", {"accounts": 80, "exchanges": 2_400, "cover": 0.3, **CLEAN}),
    "replay, clean": ("replay", {"accounts": 60, "exchanges": 1_800, **CLEAN}),
    "replay, clean, uneven": ("replay", {"accounts": 60, "exchanges": 1_800, **CLEAN, **UNEVEN}),
    "technique search, clean": ("technique_search", {"accounts": 60, "exchanges": 1_800, **CLEAN}),
    "hydra, waits": ("hydra", {"accounts": 60, "exchanges": 1_800, "cover": 0.3, "pivot_delay_days": 3.0, "days": 14.0, **CLEAN}),
    "hydra, aged": ("hydra", {"accounts": 60, "exchanges": 1_800, "cover": 0.3, "signup": "aged", **CLEAN}),
    "elicitation, clean": ("elicitation", {"accounts": 60, "exchanges": 1_800, **CLEAN}),
}
TEXT = "two splits in real text"  # half B of the shared corpora, which no reference was built on
CELLS = "cells of settings"
ALL = "all of these"
CHANNELS: dict[str, tuple[str, ...]] = {  # channel -> the shapes it is for
    CELLS: ("split", "split, clean", "split, clean, aged", "relay", "relay, clean", TEXT),
    "signups": (*SHAPES, TEXT),
    "volumes": ("split, clean, aged", "hydra, aged", "relay, clean"),
    "relay": ("relay", "relay, clean"),
    "replay": ("replay, clean", "replay, clean, uneven"),
    ALL: (*SHAPES, TEXT),
}


@dataclass
class Tally:
    """What was found and accused over some worlds."""

    n: int = 0
    found: int = 0
    false: int = 0
    accounts: Counter[str] = field(default_factory=Counter)

    def add(self, found: bool, false: int, accounts: Counter[str]) -> None:
        """Count one more world."""
        self.n, self.found, self.false = self.n + 1, self.found + found, self.false + false
        self.accounts += accounts

    def told(self) -> dict[str, object]:
        """As plain values, with intervals."""
        recall = Share(self.accounts["named"], self.accounts["harvesting"])
        return {
            "worlds": self.n,
            "found": self.found,
            "found_interval": list(Share(self.found, self.n).interval),
            "false": self.false,
            "accounts_named": [recall.hits, recall.n],
            "accounts_interval": list(recall.interval),
            "benign_at_core": [self.accounts["accused"], self.accounts["benign"]],
        }


def measured(
    shape: str, seed: int, channels: list[str], scratch: Path, reference: Path | None = None, corpus: Path | None = None
) -> dict[str, tuple[bool, int, Counter[str]]]:
    """Of one world: with everything (""), and without each channel: was it found, false campaigns, accounts."""
    built = worlds.build(_world(shape), seed, scratch / "world", corpus, "B" if corpus else None)
    settings = with_changes(Settings(), engine={"workers": 1, "memory_gb": 1.0}, campaigns={"own_reference": reference})
    people = {p["account_id"]: p for p in pq.read_table(built.truth / "accounts.parquet").to_pylist()}
    out = {}
    with DuckDBEngine(scratch / "store", settings.engine) as engine:
        pipeline.survey([str(built.log)], engine, settings, KEY, Silent())
        names = engine.read(tables.ACCOUNTS)
        told = {a: people[i] for a, i in zip(names["account"].to_pylist(), names["account_id"].to_pylist(), strict=True)}
        everything, groups = engine.read(tables.EVIDENCE), engine.read(tables.GROUPS)
        for channel in ("", *channels):
            engine.write(tables.EVIDENCE, _without(everything, groups, channel))
            out[channel] = judged(engine, settings, {a: p["campaign"] for a, p in told.items()})
    return out


def _world(shape: str) -> worlds.World:
    if shape == TEXT:
        return worlds.load(WORLD.with_stem("ablation_text"))
    return world_with(*SHAPES[shape])


def world_with(kind: str, dials: dict[str, object]) -> worlds.World:
    """Every look-alike, and one campaign."""
    base = worlds.load(WORLD)
    return replace(base, parts={**base.parts, "planted": worlds.PARTS[kind](**dials)})


def _without(evidence: pa.Table, groups: pa.Table, channel: str) -> pa.Table:
    if channel == ALL:
        for one in CHANNELS.keys() - {ALL}:
            evidence = _without(evidence, groups, one)
        return evidence
    if channel == CELLS:
        cells = groups.filter(pc.equal(groups["origin"], "cell"))["group"]
        return evidence.filter(pc.invert(pc.is_in(evidence["group"], cells)))
    return evidence.filter(pc.not_equal(evidence["detector"], channel))


def judged(engine: DuckDBEngine, settings: Settings, campaign_of: dict[int, str | None]) -> tuple[bool, int, Counter[str]]:
    """Was the campaign found, how many false ones were, and accounts named, harvesting, accused and benign."""
    found = campaigns.judge(engine, settings.campaigns, campaigns.chosen(settings.campaigns))
    campaigns.attribute(engine, found, settings.campaigns.min_accounts)
    likely = set(found.filter(pc.equal(found["verdict"], "likely"))["campaign_id"].to_pylist())
    members: dict[str, list[tuple[int, str]]] = {}
    for row in engine.read(tables.MEMBERS).to_pylist():
        if row["campaign_id"] in likely and row["membership"] != "touched":
            members.setdefault(row["campaign_id"], []).append((row["account"], row["membership"]))
    mostly = [2 * sum(campaign_of[a] is not None for a, _ in people) > len(people) for people in members.values()]
    named = {a for people in members.values() for a, _ in people}
    core = {a for people in members.values() for a, membership in people if membership == "core"}
    harvesting = {a for a, c in campaign_of.items() if c is not None}
    accounts = Counter(
        named=len(named & harvesting),
        harvesting=len(harvesting),
        accused=len(core - harvesting),
        benign=len(campaign_of) - len(harvesting),
    )
    return any(mostly), len(mostly) - sum(mostly), accounts


def main() -> None:
    """Every shape and seed; one line in the results."""
    parser = argparse.ArgumentParser(description="What each channel brings.")
    parser.add_argument("--seeds", default="5001-5008", help="first and last seed")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--corpus", type=Path, help="the shared corpora: the world of real text instead of the shapes")
    parser.add_argument("--reference", type=Path, help="instead of the shipped one; the line says so")
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    given = parser.parse_args()
    tallies: dict[tuple[str, str], Tally] = {}
    for shape in [TEXT] if given.corpus else given.shapes:
        channels = [c for c, shapes in CHANNELS.items() if shape in shapes]
        for seed in seeds_of(given.seeds):
            with tempfile.TemporaryDirectory(prefix="stillwatch-ablation-") as scratch:
                told = measured(shape, seed, channels, Path(scratch), given.reference, given.corpus)
            for channel, (found, false, accounts) in told.items():
                tallies.setdefault((shape, channel), Tally()).add(found, false, accounts)
        for channel in ("", *channels):
            t = tallies[shape, channel]
            print(
                f"{shape:<24} without {channel or 'nothing':<18} found {t.found} of {t.n}, {t.accounts['named']:>4} of "
                f"{t.accounts['harvesting']} accounts, {t.false} false, {t.accounts['accused']} benign at core",
                flush=True,
            )
    rows = [{"shape": shape, "without": channel or None, **tally.told()} for (shape, channel), tally in tallies.items()]
    if not given.dry:
        source = given.reference.name if given.reference else "shipped"
        record("quality.ablation", {"seeds": given.seeds, "reference": source, "rows": rows})


if __name__ == "__main__":
    main()
