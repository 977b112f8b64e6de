"""
quality.adaptive: at what strength does each tactic of an operator who knows the detector work, and what does it cost there?

    python -m benchmarks.quality.adaptive.run [--seeds 3301-3303] [--tactics A1 A2 ...] [--again]

Each step of a tactic's ladder is one world a seed: the benign parts of the calibration world and the campaign. A ladder is
climbed until less than half of the campaign's accounts are found, all seeds together. One line a world is appended, and a
world that has its line is left out, so a run that was stopped goes on where it was; after a change of the detector: --again.
"""

import argparse
import tempfile
import time
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.quality.adaptive import poisoned, report
from benchmarks.quality.adaptive.tactics import TACTICS, Step, Tactic
from benchmarks.quality.calibration.run import KEY, WORLDS
from benchmarks.record import RESULTS, record, seeds_of

from stillwatch import pipeline, worlds
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import Found
from stillwatch.worlds.world import World

SCENARIO = "quality.adaptive"
_SENT = ["account_id", "exchange_id", "prompt", "prompt_tokens", "completion_tokens", "reasoning_tokens"]


def benign() -> World:
    """The calibration world without its campaigns."""
    world = worlds.load(WORLDS["common"])
    return replace(world, parts={name: part for name, part in world.parts.items() if not part.campaign})


def around(step: Step) -> World:
    """The world of one step."""
    quiet = benign()
    return replace(quiet, name="adaptive", parts={**quiet.parts, **step.parts}, days=step.days, release=step.release)


def measured(step: Step, seed: int, scratch: Path) -> dict[str, Any]:
    """Build, scan and grade one world."""
    began = time.process_time()
    built = worlds.build(around(step), seed, scratch / "world")
    (scratch / "key").write_bytes(KEY)
    settings = with_changes(
        Settings(),
        privacy={"key_file": scratch / "key"},
        engine={"workers": 1, "memory_gb": 1.0},
        campaigns={"frontier": False},
    )
    wasted = 0
    if step.poison is not None:
        reference, wasted = poisoned.learned(benign(), step.poison, seed, settings, scratch)
        settings = with_changes(settings, campaigns={"own_reference": reference})
    outcome = pipeline.scan([str(built.log)], scratch / "results", settings)
    found = Found.all_of(outcome.document)
    graded = worlds.grade(built.truth, scratch / "results", found)
    return {
        "n_exchanges": built.n_exchanges,
        "found": [sum(c is not None for c in graded.planted.values()), len(graded.planted)],
        "recall": [graded.recall.hits, graded.recall.n],
        "false_campaigns": len(graded.false_campaigns),
        "spent": spent(pq.read_table(built.log, columns=_SENT), built.truth, step) | {"wasted_tokens": wasted},
        "cpu_s": round(time.process_time() - began, 2),
    }


def spent(log: pa.Table, truth: Path, step: Step) -> dict[str, float]:
    """
    What the campaign sent and what it got for it.

    Returns:
        `accounts`, `days`, `prompts` (different ones that were harvested), `tokens` (sent and received by its accounts, cover
        included where it pays for it, and what a rewriting model reads and writes) and `exchanges` (likewise).
    """
    told = pq.read_table(truth / "exchanges.parquet", columns=["exchange_id", "campaign", "harvested"])
    mine = log.join(told.filter(pc.is_valid(told["campaign"])), "exchange_id", join_type="inner")
    harvest = mine.filter(mine["harvested"])
    paid = mine if step.own_cover else harvest
    own = [p for p in step.parts.values() if p.campaign]
    rewriting = 2.0 * step.rewritten * _tokens(harvest, "prompt_tokens")
    return {
        "accounts": float(sum(p.accounts for p in own)),
        "days": min(step.days, max(getattr(p, "days", step.days) for p in own)),
        "prompts": float(len(np.unique(harvest["prompt"].to_numpy()))),
        "tokens": _tokens(paid, "prompt_tokens", "completion_tokens", "reasoning_tokens") + rewriting,
        "exchanges": float(paid.num_rows),
    }


def _tokens(table: pa.Table, *columns: str) -> float:
    return float(sum(pc.sum(table[c]).as_py() or 0 for c in columns))


def lines(path: Path) -> list[dict[str, Any]]:
    """The worlds measured so far, the newest line of each."""
    if not path.exists():
        return []
    told = map(orjson.loads, path.read_bytes().splitlines())
    return list({(t["tactic"], t["strength"], t["seed"]): t for t in told}.values())


class Measurer:
    """
    Measures worlds; ladders that begin with the same campaign have that world in common, and it is measured once.

    Args:
        known: Lines that need not be measured.
    """

    def __init__(self, known: list[dict[str, Any]]) -> None:
        self._lines = {(t["tactic"], t["strength"], t["seed"]): t for t in known}
        self._worlds: dict[Hashable, dict[str, Any]] = {}

    def line(self, tactic: Tactic, step: Step, seed: int) -> dict[str, Any]:
        """What was measured of a step; recorded where it is new."""
        name = (tactic.id, step.strength, seed)
        if name not in self._lines:
            world = (repr(replace(step, strength="", pays="")), seed)
            told = self._worlds.get(world)
            if told is None:
                with tempfile.TemporaryDirectory(prefix="stillwatch-adaptive-") as scratch:
                    told = measured(step, seed, Path(scratch))
                self._worlds[world] = told | {"cpu_s": 0.0}
            self._lines[name] = {"tactic": tactic.id, "strength": step.strength, "seed": seed, **told}
            record(SCENARIO, self._lines[name])
        return self._lines[name]


def climb(tactic: Tactic, seeds: list[int], measurer: Measurer) -> None:
    """Measure a ladder from its first step to the first at which less than half of the accounts are found."""
    for step in tactic.steps:
        told = [measurer.line(tactic, step, seed) for seed in seeds]
        recall = report.recall(told)
        cpu = sum(t["cpu_s"] for t in told)
        print(f"{tactic.id}: {step.strength}: {recall.hits} of {recall.n} accounts, {cpu:.0f} CPU s", flush=True)
        if recall.hits < report.HALF * recall.n:
            return


def main() -> None:
    """Climb every ladder."""
    parser = argparse.ArgumentParser(description="Tactics of an operator who knows the detector.")
    parser.add_argument("--seeds", default="3301-3303", help="first and last seed")
    parser.add_argument("--tactics", nargs="+", default=[t.id for t in TACTICS], help="their ids, or A2 for all of A2")
    parser.add_argument("--again", action="store_true", help="also the worlds that have their line; the newest one counts")
    given = parser.parse_args()
    measurer = Measurer([] if given.again else lines(RESULTS / f"{SCENARIO}.jsonl"))
    for tactic in TACTICS:
        if tactic.id in given.tactics or tactic.id.split()[0] in given.tactics:
            climb(tactic, list(seeds_of(given.seeds)), measurer)


if __name__ == "__main__":
    main()
