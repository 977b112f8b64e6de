"""
Speed and memory of mining recipes, against a yardstick timed in the same run: DuckDB's own exact heavy hitters.

The signatures are made up: of each exchange's fragments some are nobody else's, some come from a heavy-tailed pool of shared
wording, and half of the exchanges run a recipe whose fragments travel together. The yardstick is one SQL statement over the same
table that counts requests and distinct accounts of every fragment: the first of the five things that mining does.

Run: `python -m benchmarks.speed.templates --rows 2000000`. One line is appended to benchmarks/results/speed.templates.jsonl.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.record import record

from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import EngineSettings, TemplateSettings
from stillwatch.templates import mine

PER_EXCHANGE, PER_RECIPE, PART = 12, 6, 262_144
YARDSTICK = """
SELECT f, COUNT(*) AS n, COUNT(DISTINCT account) AS a FROM (SELECT account, UNNEST(fragments) AS f FROM signatures)
GROUP BY f HAVING COUNT(*) >= 20 AND COUNT(DISTINCT account) >= 5
"""


def mixed(values: npt.NDArray[np.int64], salt: int) -> npt.NDArray[np.int64]:
    """A digest of each value, as uniform as a keyed one."""
    x = (values.astype(np.uint64) + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    x ^= x >> np.uint64(31)
    x *= np.uint64(0xD6E8FEB86659FD93)
    return (x ^ (x >> np.uint64(29))).view(np.int64)


def part(first: int, n: int, total: int) -> pa.Table:
    """Signatures of `n` exchanges."""
    rng = np.random.default_rng(first)
    account = (total / 8 * rng.beta(0.4, 3, n)).astype(np.int64)
    recipe = rng.zipf(1.15, n) % (total // 200)
    runs = rng.random(n) < 0.5
    fragments = mixed(rng.integers(0, 2**40, (n, PER_EXCHANGE)), 1)  # nobody else's
    shared = rng.random((n, PER_EXCHANGE)) < 0.2
    fragments[shared] = mixed(rng.zipf(1.3, int(shared.sum())), 2)
    fragments[runs, :PER_RECIPE] = mixed(recipe[runs, None] * PER_RECIPE + np.arange(PER_RECIPE), 3)
    high, low = (mixed(np.where(runs, recipe, first + np.arange(n)), salt) for salt in (4, 5))
    told = {
        "row": np.arange(first, first + n),
        "exchange_id": np.char.add("e", np.arange(first, first + n).astype(str)),
        "account": mixed(account, 6),
        "seen_at": pa.array(np.arange(first, first + n) * 1000, pa.timestamp("us", tz="UTC")),
        "model": pa.array(["m"] * n),
        "exact": mixed(np.arange(first, first + n), 7),
        "fragments": pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32) * PER_EXCHANGE, np.sort(fragments).reshape(-1)),
        "contract": pa.array(mixed(recipe, 8), mask=~(runs & (recipe % 5 == 0))),
        "semantic_hi": high,
        "semantic_lo": low,
        "config": mixed(account % 50, 9),
        "n_words": np.full(n, 60, np.int32),
    }
    return pa.table({c.name: told.get(c.name, pa.nulls(n, c.type)) for c in SIGNATURES.columns})


def main() -> None:
    """Measure and append one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, DuckDBEngine(Path(folder), EngineSettings(memory_gb=2)) as engine:
        for number, first in enumerate(range(0, options.rows, PART)):
            parts.write_part(engine.root, SIGNATURES, number, part(first, min(PART, options.rows - first), options.rows))
        mine(engine, TemplateSettings())  # kernels compiled or loaded
        wall, cpu = time.perf_counter(), time.process_time()
        mine(engine, TemplateSettings())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        told = engine.query("SELECT kind, COUNT(*) AS n FROM recipes GROUP BY kind ORDER BY kind").to_pylist()
        began, n_heavy = time.process_time(), engine.query(YARDSTICK).num_rows
        yardstick = time.process_time() - began
    line = {
        "rows": options.rows,
        "fragments": options.rows * PER_EXCHANGE,
        "recipes": {row["kind"]: row["n"] for row in told},
        "heavy_fragments": n_heavy,
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "cpu_over_heavy_hitters_sql": round(cpu / yardstick, 2),
        "peak_gb": round(peak / 1e9, 2),
    }
    record("speed.templates", line)
    print(json.dumps(line, indent=1))


if __name__ == "__main__":
    main()
