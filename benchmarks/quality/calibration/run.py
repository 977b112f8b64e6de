"""
quality.calibration: are p, q and the false-positive rates what they say, on worlds that nothing was fitted on?

    python -m benchmarks.quality.calibration.run --seeds 3001-3200 [--world rare] [--jobs 2] [--again]

Each seed is one world, scanned with the shipped settings and reference; one JSON line a world is appended, and a seed that has
its line is left out, so a run that was stopped goes on where it was. After a change that moves verdicts measure them --again.
There are two worlds: `common`, which looks as traffic does, and `rare`, most of whose accounts are of the kinds that are few.
"""

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from benchmarks.record import RESULTS, record, seeds_of

from stillwatch import campaigns, pipeline, worlds
from stillwatch.campaigns.judge import test
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records import tables
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import LICENSED, Found

SCENARIO = "quality.calibration"
WORLDS = {name: Path(__file__).with_name(f"{name}.toml") for name in ("common", "rare")}
KEY = b"calibration: not a secret key..."


def measured(name: str, seed: int, scratch: Path) -> dict[str, Any]:
    """Build, scan and grade a world of one seed."""
    built = worlds.build(worlds.load(WORLDS[name]), seed, scratch / "world")
    (scratch / "key").write_bytes(KEY)
    settings = with_changes(Settings(), privacy={"key_file": scratch / "key"}, engine={"workers": 1, "memory_gb": 1.0})
    began = time.perf_counter()
    outcome = pipeline.scan([str(built.log)], scratch / "results", settings)
    seconds = time.perf_counter() - began
    found = Found.all_of(outcome.document)
    graded = worlds.grade(built.truth, scratch / "results", found)
    n_likely = sum(f.verdict == "likely" for f in found)
    return {
        "world": name,
        "seed": seed,
        "n_exchanges": built.n_exchanges,
        "n_accounts": built.n_accounts,
        "seconds": round(seconds, 2),
        "n_likely": n_likely,
        "n_false": len(graded.false_campaigns),
        "planted": {name: campaign is not None for name, campaign in graded.planted.items()},
        "false_positives": {kind: [share.hits, share.n] for kind, share in graded.false_positives.items()},
        "core": [graded.core_precision.hits, graded.core_precision.n],
        "benign_groups": benign_groups(scratch / "results", built.truth, settings),
    }


def benign_groups(results: Path, truth: Path, settings: Settings) -> list[list[object]]:
    """(kind, stratum, p) of every tested group that holds no campaign."""
    people = pq.read_table(truth / "accounts.parquet").to_pylist()
    kinds = {p["account_id"]: "campaign" if p["campaign"] or p["kind"] in LICENSED else p["kind"] for p in people}
    with DuckDBEngine(results / pipeline.STORE, settings.engine) as engine:
        accounts = engine.read(tables.ACCOUNTS)
        named = {a: kinds[i] for a, i in zip(accounts["account"].to_pylist(), accounts["account_id"].to_pylist(), strict=True)}
        members = engine.read(tables.GROUP_ACCOUNTS, ["group", "account"])
        rows = campaigns.labelled(engine.read(tables.EVIDENCE), engine.read(tables.GROUPS), members, named, 0, settings.campaigns)
        judged = test(engine, settings.campaigns, campaigns.chosen(settings.campaigns))
    kind_of = dict(zip(rows["group"].to_pylist(), rows["kind"].to_pylist(), strict=True))
    return [
        [kind_of[group], stratum, float(f"{p:.6g}")]
        for group, stratum, p in zip(judged.groups.tolist(), judged.strata, judged.p.tolist(), strict=True)
        if kind_of.get(group, "campaign") != "campaign"
    ]


def measured_apart(name: str, seed: int) -> dict[str, Any]:
    """`measured`, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="stillwatch-calibration-") as scratch:
        return measured(name, seed, Path(scratch))


def lines(path: Path) -> list[dict[str, Any]]:
    """The worlds measured so far, one a world and seed, the newest line of each."""
    if not path.exists():
        return []
    return list({(told["world"], told["seed"]): told for told in map(orjson.loads, path.read_bytes().splitlines())}.values())


def main() -> None:
    """Measure every seed that has no line yet."""
    parser = argparse.ArgumentParser(description="Calibration on seeded worlds.")
    parser.add_argument("--seeds", default="3001-3200", help="first and last seed")
    parser.add_argument("--world", choices=sorted(WORLDS), default="common")
    parser.add_argument("--jobs", type=int, default=1, help="worlds at a time")
    parser.add_argument("--again", action="store_true", help="also the seeds that have their line; the newest one counts")
    given = parser.parse_args()
    done = set() if given.again else {t["seed"] for t in lines(RESULTS / f"{SCENARIO}.jsonl") if t["world"] == given.world}
    wanted = sorted(set(seeds_of(given.seeds)) - done)
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as workers:
        for told in workers.map(partial(measured_apart, given.world), wanted):
            record(SCENARIO, told)
            found = f"{sum(told['planted'].values())} of {len(told['planted'])} planted found"
            verdicts = f"{told['n_likely']} likely, {told['n_false']} false, {found}, {len(told['benign_groups'])} benign groups"
            print(f"{given.world} {told['seed']}: {verdicts}, {told['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
