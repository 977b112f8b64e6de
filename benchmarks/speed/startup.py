"""
speed.startup: how long until something is seen: `--help`, and the first result of a log of 10,000 lines.

    python -m benchmarks.speed.startup [--dry]

The log is the preset small at 10,000 exchanges, one JSON object a line. It is scanned twice by the command line in processes of
their own: with an empty folder for compiled kernels, and again with what the first run left there. CPU and wall seconds of
the whole process tree; the yardstick is the same Python that imports numba and pyarrow and does nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
import pyarrow.parquet as pq
from benchmarks.record import record

from stillwatch import worlds

LINES = 10_000
STILLWATCH = str(Path(sys.executable).with_name("stillwatch"))
BARE = [sys.executable, "-c", "import numba, pyarrow"]


def spent(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, float]:
    """CPU and wall seconds of a command with all that it starts; a campaign that was found is no failure."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"{command[1]} failed with {os.waitstatus_to_exitcode(status)}")
    return {"cpu_s": round(usage.ru_utime + usage.ru_stime, 3), "wall_s": round(time.perf_counter() - began, 3)}


def best(command: Sequence[str], rounds: int) -> dict[str, float]:
    """The round with the least CPU."""
    return min((spent(command, os.environ) for _ in range(rounds)), key=lambda told: told["cpu_s"])


def write_log(folder: Path) -> Path:
    """The log as JSON lines."""
    built = worlds.build(worlds.preset("small").sized(exchanges=LINES), 3, folder / "world")
    rows = (row for part in sorted(built.log.glob("*.parquet")) for row in pq.read_table(part).to_pylist())
    path = folder / "log.jsonl"
    path.write_bytes(b"".join(orjson.dumps({k: v for k, v in row.items() if v is not None}) + b"\n" for row in rows))
    return path


def main() -> None:
    """Measure and append one line."""
    parser = argparse.ArgumentParser(description="Time the start.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    given = parser.parse_args()
    numbers: dict[str, object] = {
        "lines": LINES,
        "help": best([STILLWATCH, "--help"], given.rounds),
        "bare_import": best(BARE, given.rounds),
    }
    with tempfile.TemporaryDirectory(prefix="stillwatch-start-") as scratch:
        folder = Path(scratch)
        (folder / "key").write_bytes(b"a key of benchmarks, no secret..")
        log = write_log(folder)
        environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "kernels")}
        command = [STILLWATCH, "scan", str(log), "--key-file", str(folder / "key"), "--out"]
        numbers["first_scan"] = spent([*command, str(folder / "first")], environment)
        again = [spent([*command, str(folder / f"again-{i}")], environment) for i in range(3)]
        numbers["warm_scan"] = min(again, key=lambda told: told["cpu_s"])
    for name in ("help", "bare_import", "first_scan", "warm_scan"):
        print(name, numbers[name])
    if not given.dry:
        record("speed.startup", numbers)


if __name__ == "__main__":
    main()
