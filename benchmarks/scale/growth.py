"""
scale.growth: what a scan costs with ten times the exchanges, and with ten times the accounts. CPU seconds.

    python -m benchmarks.scale.growth [--exchanges 100000] [--accounts 3010] [--dry]

The world is the preset demo at other sizes; a scan of each is a process of its own, after a small one that warms the compiled
kernels. What a scan costs whatever its size (processes that start) is part of every figure.
"""

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.record import record
from benchmarks.scale.full_size import scanned

from stillwatch import worlds

SEED = 3
TIMES = 10


def scan_of(world: worlds.World, folder: Path) -> dict[str, Any]:
    """Build a world, scan it in a process of its own; CPU seconds by stage, and in all."""
    built = worlds.build(world, SEED, folder / "world")
    (folder / "key").write_bytes(b"a key of benchmarks, no secret..")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # not daemonic: it has children of its own
        found = pool.submit(scanned, str(built.log), str(folder / "out"), str(folder / "key")).result()
    stages = {name: round(stage.get("cpu_s", 0.0), 2) for name, stage in found["stages"].items()}
    return {
        "n_exchanges": built.n_exchanges,
        "n_accounts": built.n_accounts,
        "n_groups": found["n_groups"],
        "n_campaigns": found["n_campaigns"],
        "cpu_s": round(sum(stages.values()), 2),
        "peak_rss_gb": round(max(s.get("peak_bytes", 0.0) for s in found["stages"].values()) / 1e9, 2),
        "stages": stages,
    }


def main() -> None:
    """Scan three sizes, print a line each, append one JSON line to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--exchanges", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=3_010)
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    asked = parser.parse_args()
    n, accounts = int(asked.exchanges), int(asked.accounts)
    sizes: dict[str, tuple[int, int]] = {
        "warm": (n // 2, accounts),
        "one": (n, accounts),
        "exchanges": (TIMES * n, accounts),
        "accounts": (n, TIMES * accounts),
    }
    found: dict[str, Any] = {}
    for name, (n_exchanges, n_accounts) in sizes.items():
        with tempfile.TemporaryDirectory(prefix="stillwatch-growth-") as scratch:
            world = worlds.preset("demo").sized(exchanges=n_exchanges, accounts=n_accounts)
            found[name] = scan_of(world, Path(scratch))
        print(name, found[name], flush=True)
    del found["warm"]
    times = {name: round(found[name]["cpu_s"] / found["one"]["cpu_s"], 2) for name in ("exchanges", "accounts")}
    print(f"{TIMES} x the exchanges costs {times['exchanges']} x, {TIMES} x the accounts {times['accounts']} x")
    if not asked.dry:
        load = {"load_average": os.getloadavg()[1]}
        record("scale.growth", {"seed": SEED, "preset": "demo", "times": TIMES, "costs": times, **load, "sizes": found})


if __name__ == "__main__":
    main()
