"""
scale.incremental: CPU seconds of the 31st day on a store of thirty, beside one scan of all 31 days, stage by stage.

    python -m benchmarks.scale.incremental [--exchanges 600000] [--dry]

The world is the preset demo at another size and over 31 days, one Parquet file a day. Every scan is a process of its own, with
kernels compiled before; CPU seconds are of the process and its workers. The two results are compared byte by byte.
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.record import record

from stillwatch import pipeline
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds import build, preset

SEED, DAYS = 1, 31
COMPARED = ("campaigns.json", "accounts.parquet", "exchanges.parquet")


def cpu_s() -> float:
    """CPU seconds of this process and of the workers that have ended."""
    told = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(t.ru_utime + t.ru_stime for t in told)


class Clock:
    """Sums the CPU seconds of each stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._name, self._began = "", 0.0

    def stage(self, name: str, total_rows: int | None) -> None:
        """A stage begins."""
        self._name, self._began = name, cpu_s()

    def advance(self, rows: int) -> None:
        """Rows are done; not of interest here."""

    def done(self) -> None:
        """The stage has ended."""
        self.stages[self._name] = self.stages.get(self._name, 0.0) + cpu_s() - self._began

    def say(self, sentence: str) -> None:
        """A remark; not of interest here."""


def scanned(logs: list[str], out: str, key: str, store: str | None) -> dict[str, Any]:
    """CPU and wall seconds of one scan, and of its stages."""
    settings = with_changes(Settings(), privacy={"key_file": Path(key)}, engine={"workers": 2})
    clock, began, at = Clock(), cpu_s(), time.perf_counter()
    pipeline.scan(logs, Path(out), settings, observer=clock, store=Path(store) if store else None)
    total = cpu_s() - began
    stages = {name: round(s, 2) for name, s in clock.stages.items()} | {"other": round(total - sum(clock.stages.values()), 2)}
    return {"cpu_s": round(total, 2), "wall_s": round(time.perf_counter() - at, 2), "stages_cpu_s": stages}


def alone(*arguments: Any) -> dict[str, Any]:
    """`scanned` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(scanned, *arguments).result()


def by_day(log: Path, folder: Path) -> list[str]:
    """The log, one file a day."""
    folder.mkdir()
    table = pq.read_table(sorted(log.glob("*.parquet")))
    day = pc.strftime(table["seen_at"], "%Y-%m-%d")
    for one in sorted(pc.unique(day).to_pylist()):
        pq.write_table(table.filter(pc.equal(day, one)), folder / f"{one}.parquet", row_group_size=65_536, compression="zstd")
    return [str(p) for p in sorted(folder.iterdir())]


def main() -> None:
    """Build the world, scan it whole, then thirty days and the last one; append one JSON line to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--exchanges", type=int, default=600_000)
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "key").write_bytes(b"a key of benchmarks, no secret..")
        key, store = str(root / "key"), str(root / "store")
        world = replace(preset("demo"), days=float(DAYS))
        world = world.sized(exchanges=asked.exchanges, accounts=max(3_010, asked.exchanges // 20))
        built = build(world, SEED, root / "world")
        files = by_day(built.log, root / "log")
        alone(files[:1], str(root / "warm"), key, None)
        told = {
            "full": alone(files, str(root / "full"), key, None),
            "thirty_days": alone(files[:-1], str(root / "out"), key, store),
            "last_day": alone(files[-1:], str(root / "out"), key, store),
        }
        told["nothing_new"] = alone(files, str(root / "out"), key, store)
        equal = all((root / "full" / n).read_bytes() == (root / "out" / n).read_bytes() for n in COMPARED)
        stored = sum(p.stat().st_size for p in Path(store).rglob("*") if p.is_file())
    share = {
        "whole": told["last_day"]["cpu_s"] / told["full"]["cpu_s"],
        "read": told["last_day"]["stages_cpu_s"]["read"] / told["full"]["stages_cpu_s"]["read"],
    }
    for name, numbers in told.items():
        print(name, numbers)
    print(f"last day / full: {share['whole']:.3f} in all, {share['read']:.3f} of reading and signing; equal bytes: {equal}")
    numbers = {
        "seed": SEED,
        "preset": "demo",
        "days": len(files),
        "n_exchanges": built.n_exchanges,
        "n_accounts": built.n_accounts,
    }
    if not asked.dry:
        record("scale.incremental", numbers | told | {"share_of_full": share, "equal_bytes": equal, "store_bytes": stored})


if __name__ == "__main__":
    main()
