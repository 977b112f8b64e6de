"""
quality.atlas: which campaigns would a scan have seen, dial by dial?

    python -m benchmarks.quality.atlas.run [--seeds 3401-3403]

Worlds without any campaign are scanned, and campaigns are planted beside their groups as `scan` does for the frontier of
`campaigns.json`: dealt from the log's own exchanges, weighed and judged as its groups are. All cells of one world are one line.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from benchmarks.quality.adaptive.run import benign
from benchmarks.quality.calibration.run import KEY
from benchmarks.record import record, seeds_of

from stillwatch import candidates, pipeline, worlds
from stillwatch.campaigns.frontier import seen
from stillwatch.candidates.planting import SHAPES
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.settings import Settings, with_changes

SCENARIO = "quality.atlas"
EXCHANGES, PEOPLE = 60_000, 5_000
PLANTINGS = 2  # in each world
ACCOUNTS, REQUESTS, COVERS = (20, 50, 100, 200, 400), (3, 5, 10, 20, 50), (0.0, 0.5, 0.8, 0.9)
RECIPES, REUSED = (1, 3, 10, 30, 100), (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
SIZE = (100, 20)  # accounts, and requests of each, where the map turns other dials


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One place on one map.

    Args:
        map: "size", "recipes", "reuse" or "aged".
        shape: One of the planted shapes.
        n_accounts, requests, cover, recipes, reused, aged: The dials, as `candidates.Planted` has them.
    """

    map: str
    shape: str
    n_accounts: int
    requests: int
    cover: float
    recipes: int = 1
    reused: float = 0.3
    aged: bool = False

    def planted(self, group: int) -> candidates.Planted:
        """The campaign to plant."""
        return candidates.Planted(
            group, self.shape, self.n_accounts, self.requests, self.cover, self.recipes, self.reused, self.aged
        )


def cells() -> list[Cell]:
    """Every place of every map."""
    templated = [s for s in SHAPES if s.startswith("templated")]
    shared = [s for s in SHAPES if s.endswith("shared infrastructure")]
    return [
        *(Cell("size", s, a, r, c) for s in SHAPES for c in COVERS for a in ACCOUNTS for r in REQUESTS),
        *(Cell("recipes", s, SIZE[0], r, 0.5, n) for s in templated for n in RECIPES for r in REQUESTS),
        *(Cell("reuse", s, *SIZE, c, 1, reused) for s in shared for c in COVERS for reused in REUSED),
        *(Cell("aged", s, a, SIZE[1], c, aged=True) for s in SHAPES for c in COVERS for a in ACCOUNTS),
    ]


def measured(seed: int, scratch: Path) -> dict[str, Any]:
    """Build and scan one world, plant, judge."""
    began = time.process_time()
    world = replace(benign(), name="atlas").sized(EXCHANGES, PEOPLE)
    built = worlds.build(world, seed, scratch / "world")
    (scratch / "key").write_bytes(KEY)
    settings = with_changes(
        Settings(),
        privacy={"key_file": scratch / "key"},
        engine={"workers": 1, "memory_gb": 2.0},
        campaigns={"frontier": False},
    )
    pipeline.scan([str(built.log)], scratch / "results", settings)
    hits, tried = planted(scratch / "results", cells())
    return {
        "seed": seed,
        "n_exchanges": built.n_exchanges,
        "n_accounts": built.n_accounts,
        "cells": [[*astuple(c), hits[c], tried[c]] for c in cells()],
        "cpu_s": round(time.process_time() - began, 1),
    }


def planted(results: Path, wanted: Sequence[Cell]) -> tuple[Counter[Cell], Counter[Cell]]:
    """How often each cell was seen beside a scan's groups, and how often it could be planted."""
    settings, known = pipeline.kept(results / pipeline.STORE)
    by_group = dict(enumerate(wanted, 1))
    hits: Counter[Cell] = Counter()
    tried: Counter[Cell] = Counter()
    with DuckDBEngine(results / pipeline.STORE, settings.engine) as engine:
        window = pipeline.window_of(engine)
        for seed in range(1, PLANTINGS + 1):
            asked = [cell.planted(group) for group, cell in by_group.items()]
            with pipeline.planted_beside(engine, settings, window, seed, wanted=asked) as (scratch, made):
                tried.update(by_group[p.group] for p in made)
                hits.update(by_group[g] for g in seen(engine, scratch, settings.campaigns, known))
    return hits, tried


def lines(path: Path) -> list[dict[str, Any]]:
    """The newest line of each world."""
    told = map(orjson.loads, path.read_bytes().splitlines()) if path.exists() else ()
    return sorted({t["seed"]: t for t in told}.values(), key=lambda t: int(t["seed"]))


def main() -> None:
    """Measure every world."""
    parser = argparse.ArgumentParser(description="The power atlas.")
    parser.add_argument("--seeds", default="3401-3403", help="first and last seed")
    given = parser.parse_args()
    for seed in seeds_of(given.seeds):
        with tempfile.TemporaryDirectory(prefix="stillwatch-atlas-") as scratch:
            told = measured(seed, Path(scratch))
        record(SCENARIO, told)
        n_seen, n = (sum(cell[place] for cell in told["cells"]) for place in (-2, -1))
        print(f"seed {seed}: {n_seen} of {n} planted campaigns seen, {told['cpu_s']:.0f} CPU s", flush=True)


if __name__ == "__main__":
    main()
