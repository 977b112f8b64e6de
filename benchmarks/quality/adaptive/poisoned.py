"""A provider's own reference, learned from worlds into which an operator puts groups that drift from app to fleet."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.quality.adaptive.tactics import POISON_STEPS

from stillwatch import pipeline, worlds
from stillwatch.settings import Settings
from stillwatch.worlds.world import World

_SEEDS = 100_000  # learning worlds are of other seeds than the world that is judged
_TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens")


def learned(base: World, groups: int, seed: int, settings: Settings, scratch: Path) -> tuple[Path, int]:
    """
    Scan one world after the other with the shipped reference, and learn from all of them as an operator would.

    Groups that a scan calls a campaign are left out, as `stillwatch reference learn` does.

    Args:
        base: Benign traffic, the same parts in each world.
        groups: Poisoned groups in each; 0 = none.
        seed: Of the first world.
        settings: Of the scans.
        scratch: For worlds and results.

    Returns:
        The reference, and the tokens that the poisoned groups spent on what was no harvest.
    """
    steps = worlds.poisoning(base, POISON_STEPS, groups) if groups else [base] * POISON_STEPS
    folders, wasted = [], 0
    for number, world in enumerate(steps):
        built = worlds.build(replace(world, name="learning"), _SEEDS + 100 * seed + number, scratch / f"learning-{number}")
        folders.append(scratch / f"learned-{number}")
        pipeline.scan([str(built.log)], folders[-1], settings)
        wasted += _wasted(built.log, built.truth)
    out = scratch / "own.parquet"
    program = Path(sys.executable).parent / "stillwatch"
    subprocess.run([program, "reference", "learn", *folders, "--out", out], check=True, capture_output=True)
    return out, wasted


def _wasted(log: Path, truth: Path) -> int:
    told = pq.read_table(truth / "exchanges.parquet", columns=["exchange_id", "campaign", "harvested"])
    mine = told.filter(pc.and_(pc.is_valid(told["campaign"]), pc.invert(told["harvested"]))).select(["exchange_id"])
    sent = pq.read_table(log, columns=["exchange_id", *_TOKENS]).join(mine, "exchange_id", join_type="inner")
    return sum(pc.sum(sent[c]).as_py() or 0 for c in _TOKENS)
