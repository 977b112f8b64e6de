"""
scale.simulate: exchanges a second and peak memory of building a world, against a bare Parquet write of the same rows.

    python -m benchmarks.scale.simulate [--sizes 200000 1000000 4000000] [--dry]

The world is the preset demo at other sizes, own grammars, one core. Every size runs in a process of its own; the yardstick reads
the log back into memory and times writing it again, with the same settings, in the same process. CPU time.
"""

import argparse
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.record import record

from stillwatch.records.tables import EXCHANGES
from stillwatch.worlds import build, preset
from stillwatch.worlds.log import STORAGE

SEED = 1


def cpu_seconds() -> float:
    """Of this process, all its threads."""
    return time.process_time()


def bare_write(log: Path, target: Path) -> float:
    """CPU seconds of writing the rows of a log again, a part at a time."""
    spent = 0.0
    for part in sorted(log.glob("*.parquet")):
        table = pq.read_table(part)
        began = cpu_seconds()
        with pq.ParquetWriter(target, EXCHANGES.schema, **STORAGE) as writer:
            writer.write_table(table)
        spent += cpu_seconds() - began
    return spent


def measured(n: int) -> dict[str, float | int]:
    """One size: build, then the yardstick."""
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as scratch:
        began = cpu_seconds()
        report = build(preset("demo").sized(exchanges=n), SEED, Path(scratch))
        built = cpu_seconds() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        size = sum(p.stat().st_size for p in report.log.glob("*.parquet"))
        bare = bare_write(report.log, Path(scratch) / "again.parquet")
    return {
        "n_exchanges": report.n_exchanges,
        "exchanges_per_cpu_s": round(n / built),
        "yardstick_exchanges_per_cpu_s": round(n / bare),
        "times_yardstick": round(built / bare, 2),
        "peak_rss_gb": round(peak / 1e9, 3),
        "peak_bytes_an_exchange": round(peak / n),
        "log_mb": round(size / 1e6, 1),
    }


def main() -> None:
    """Run every size, print a line each, append one JSON line to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200_000, 1_000_000, 4_000_000])
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    asked = parser.parse_args()
    results = []
    for n in asked.sizes:
        with get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(measured, (n,)))
        print(", ".join(f"{name} {value:,}" for name, value in results[-1].items()), flush=True)
    if not asked.dry:
        record("scale.simulate", {"seed": SEED, "preset": "demo", "sizes": results})


if __name__ == "__main__":
    main()
