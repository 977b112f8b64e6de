"""
scale.cluster: seconds of each stage on Spark with one and two workers, and bytes moved an exchange, beside the embedded engine.

    python -m benchmarks.scale.cluster [--exchanges 200000] [--dry]

The world is the preset demo at another size. Each run is a process of its own; a worker is one process with one core and 2 GB, as
`local-cluster[n,1,2048]` starts it. Bytes are Spark's own task metrics, from its event log: shuffled between tasks, and sent
to the driver. Needs the extra stillwatch[spark] and a Java machine.
"""

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import orjson
from benchmarks.record import record

from stillwatch import pipeline
from stillwatch.records import tables
from stillwatch.settings import EngineSettings, Settings
from stillwatch.worlds import build, preset

SEED = 1
ENGINES = {
    "duckdb, two processes": "duckdb",
    "spark, 1 worker": "local-cluster[1,1,2048]",
    "spark, 2 workers": "local-cluster[2,1,2048]",
}


class Clock:
    """Notes when each stage begins."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []

    def stage(self, name: str, total_rows: int | None) -> None:
        """A stage begins."""
        self.begun.append((name, time.time()))

    def advance(self, rows: int) -> None:
        """Rows are done; not of interest here."""

    def done(self) -> None:
        """A stage ends; the next one says when."""

    def say(self, sentence: str) -> None:
        """A remark; not of interest here."""


def scanned(engine: str, log: str, out: str, events: str) -> dict[str, dict[str, float]]:
    """Stage -> seconds, bytes shuffled and bytes sent to the driver of one scan."""
    conf = {"eventLog.enabled": "true", "eventLog.dir": f"file://{events}", "eventLog.rolling.enabled": "false"}
    conf["eventLog.compress"] = "false"
    told = " ".join(f"--conf spark.{k}={v}" for k, v in conf.items())
    os.environ["SPARK_WORKER_DIR"] = f"{events}-work"  # else beside the installed package
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"{told} pyspark-shell"
    clock = Clock()
    settings = Settings(engine=EngineSettings(engine, workers=2, memory_gb=2.0))
    pipeline.scan([log], Path(out), settings, observer=clock)
    ended = time.time()
    ends = [at for _, at in clock.begun[1:]] + [ended]
    spans = [(name, begin, end) for (name, begin), end in zip(clock.begun, ends, strict=True)]
    moved = tasks(Path(events))
    return {
        name: {
            "seconds": round(end - begin, 2),
            "tasks": sum(begin <= at < end for at, _, _ in moved),
            "shuffled_bytes": sum(s for at, s, _ in moved if begin <= at < end),
            "to_driver_bytes": sum(d for at, _, d in moved if begin <= at < end),
        }
        for name, begin, end in spans
    }


def tasks(events: Path) -> list[tuple[float, int, int]]:
    """(when it ended, bytes it shuffled, bytes it sent to the driver) of every task in Spark's event log."""
    out = []
    for file in sorted(p for p in events.iterdir() if p.is_file() and not p.name.startswith(".")):
        for line in file.read_bytes().splitlines():
            event = orjson.loads(line)
            if event["Event"] == "SparkListenerTaskEnd" and event.get("Task Metrics"):
                metrics = event["Task Metrics"]
                shuffled = metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                out.append((event["Task Info"]["Finish Time"] / 1000, shuffled, metrics["Result Size"]))
    return out


def main() -> None:
    """Build the world, run every engine, print a line a stage, append one JSON line to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--exchanges", type=int, default=200_000)
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = build(preset("demo").sized(exchanges=asked.exchanges), SEED, Path(scratch) / "world")
        found = {}
        for number, (name, engine) in enumerate(ENGINES.items()):
            out, events = Path(scratch) / f"out{number}", Path(scratch) / f"events{number}"
            events.mkdir()
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # not daemonic: it has children of its own
                found[name] = pool.submit(scanned, engine, str(report.log), str(out), str(events)).result()
            for stage, told in found[name].items():
                print(name, stage, told, flush=True)
        signatures = Path(scratch) / "out0" / pipeline.STORE / tables.SIGNATURES.name
        stored = sum(p.stat().st_size for p in signatures.iterdir())
    numbers = {"seed": SEED, "preset": "demo", "n_exchanges": report.n_exchanges, "n_accounts": report.n_accounts}
    if not asked.dry:
        record("scale.cluster", numbers | {"signature_bytes": stored, "engines": found})


if __name__ == "__main__":
    main()
