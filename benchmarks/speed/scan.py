"""
`scan`, stage by stage, in CPU microseconds an exchange, against a bare pass over the same text in the same run.

The yardstick reads the same Parquet files, finds the words of system prompt and newest turn and hashes each (FNV-1a), on one
core, and keeps nothing: what any tool that looks at the text at all has to do. CPU seconds are of this process and of the workers
it waited for, so that they hold on a busy machine; wall seconds, recorded beside them, do not.

Run: python -m benchmarks.speed.scan --exchanges 200000 1000000
One JSON line an input size is appended to benchmarks/results/speed.scan.jsonl.
"""

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from benchmarks.record import record

from stillwatch import pipeline, worlds
from stillwatch.settings import Settings, with_changes

SEED = 3


def cpu_seconds() -> float:
    """Of this process and of its workers that have ended."""
    told = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(t.ru_utime + t.ru_stime for t in told)


@dataclass
class Watch:
    """Wall and CPU seconds of each stage."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    _name: str = ""
    _began: tuple[float, float] = (0.0, 0.0)

    def stage(self, name: str, total_rows: int | None) -> None:
        """A stage begins."""
        self._name, self._began = name, (time.perf_counter(), cpu_seconds())

    def advance(self, rows: int) -> None:
        """Rows are not timed one by one."""

    def done(self) -> None:
        """The stage has ended."""
        self.wall[self._name] = time.perf_counter() - self._began[0]
        self.cpu[self._name] = cpu_seconds() - self._began[1]

    def say(self, sentence: str) -> None:
        """Nothing is said in a benchmark."""


@numba.njit(nogil=True)
def _hash_words(data: npt.NDArray[np.uint8], first: int, last: int) -> tuple[int, np.uint64]:
    n, total, h, inside = 0, np.uint64(0), np.uint64(14695981039346656037), False
    for i in range(first, last):
        c = data[i]
        if c >= 128 or (48 <= c <= 57) or (65 <= c <= 90) or (97 <= c <= 122):
            h = (h ^ np.uint64(c)) * np.uint64(1099511628211)
            inside = True
        elif inside:
            total ^= h
            n += 1
            h, inside = np.uint64(14695981039346656037), False
    return n, total


def yardstick(log: Path) -> tuple[float, int]:
    """CPU seconds of the bare pass on one core, and bytes of text."""
    _hash_words(np.zeros(8, np.uint8), 0, 8)
    began, n_bytes = time.process_time(), 0
    for path in sorted(log.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(65_536, columns=["system_prompt", "prompt"], use_threads=False):
            for column in batch.columns:
                offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
                if column.buffers()[2] is not None and len(column):
                    _hash_words(np.frombuffer(column.buffers()[2], np.uint8), int(offsets[0]), int(offsets[-1]))
                    n_bytes += int(offsets[-1] - offsets[0])
    return time.process_time() - began, n_bytes


def measured(n_exchanges: int, workers: int | None) -> dict[str, Any]:
    """Build a world of that size, warm the compiled kernels on a small one, scan, and time the yardstick before and after."""
    world = worlds.preset("demo").sized(exchanges=n_exchanges, accounts=max(3_010, n_exchanges // 20))
    with tempfile.TemporaryDirectory(prefix="stillwatch-speed-") as scratch:
        folder = Path(scratch)
        (folder / "key").write_bytes(b"a key of benchmarks, no secret..")
        settings = with_changes(Settings(), privacy={"key_file": folder / "key"}, engine={"workers": workers})
        warm = worlds.build(worlds.preset("small"), SEED, folder / "warm")
        pipeline.scan([str(warm.log)], folder / "warm-results", settings)
        built = worlds.build(world, SEED, folder / "world")
        before, n_bytes = yardstick(built.log)
        watch, began, spent = Watch(), time.perf_counter(), cpu_seconds()
        pipeline.scan([str(built.log)], folder / "results", settings, observer=watch)
        total, spent = time.perf_counter() - began, cpu_seconds() - spent
        after, _ = yardstick(built.log)
    bare = min(before, after)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e6
    return {
        "n_exchanges": built.n_exchanges,
        "n_accounts": built.n_accounts,
        "text_mb": n_bytes / 1e6,
        "total_s": total,
        "cpu_s": spent,
        "cpu_us_per_exchange": spent / built.n_exchanges * 1e6,
        "exchanges_per_cpu_s": built.n_exchanges / spent,
        "yardstick_cpu_s": bare,
        "times_yardstick": spent / bare,
        "peak_rss_gb": peak,
        "stages": {
            name: {"cpu_s": s, "cpu_us_per_exchange": s / built.n_exchanges * 1e6, "wall_s": watch.wall[name]}
            for name, s in watch.cpu.items()
        },
    }


def main() -> None:
    """Measure each size and print a table of its stages."""
    options = argparse.ArgumentParser(description="Time a scan by stage.")
    options.add_argument("--exchanges", type=int, nargs="+", default=[200_000, 1_000_000])
    options.add_argument("--workers", type=int)
    given = options.parse_args()
    for n in given.exchanges:
        numbers = measured(n, given.workers)
        print(f"{numbers['n_exchanges']:,} exchanges, {numbers['text_mb']:.0f} MB of text, {numbers['peak_rss_gb']:.1f} GB each")
        for name, stage in [*numbers["stages"].items(), ("all", numbers)]:
            print(f"  {name:<12}{stage['cpu_s']:8.1f} CPU-s {stage['cpu_us_per_exchange']:8.1f} CPU-µs an exchange")
        print(f"  bare pass {numbers['yardstick_cpu_s']:.2f} CPU-s; the scan takes {numbers['times_yardstick']:.1f} x that")
        record("speed.scan", numbers)


if __name__ == "__main__":
    main()
