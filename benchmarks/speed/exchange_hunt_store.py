"""
speed.exchange_hunt_store: signatures a second in a store, on disk, held against a thousand of peers' sketches.

    python -m benchmarks.speed.exchange_hunt_store [--own 1000000] [--peers 1000] [--workers 2] [--dry]

A store of as many shared sketches, each of one exchange (the worst case: equal sketches stand once), in parts of 65,536 as a scan
leaves them, one in a thousand near a peer's. Timed is all that `stillwatch hunt STORE` does with templates: reading the Parquet
parts, matching, and making the table of hits. Least wall and CPU time of five rounds, files in the page cache; the yardstick
is reading the same columns and nothing else. `load_1m` and `nice` say what else the machine did: on a loaded one, wall times are
upper bounds.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.record import record

from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.privacy import Key
from stillwatch.records.tables import SHARED_SKETCHES, SKETCH_BYTES
from stillwatch.settings import EngineSettings
from stillwatch.sharing.hunt.indicators import Sketched, Wanted
from stillwatch.sharing.hunt.match import bytes_needed
from stillwatch.sharing.hunt.store import StoreHunt

ROUNDS = 5
THRESHOLD = 0.7
PART = 65_536


def best(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and CPU seconds of the quickest round, and what the work returned."""
    told = []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        got = work()
        told.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(w for w, _ in told), min(c for _, c in told), got


def fill(root: Path, own: np.ndarray) -> None:
    """A store's shared sketches, in parts."""
    for number, start in enumerate(range(0, len(own), PART)):
        here = own[start : start + PART]
        rows = np.arange(start, start + len(here))
        sketches = pa.FixedSizeBinaryArray.from_buffers(pa.binary(SKETCH_BYTES), len(here), [None, pa.py_buffer(here.tobytes())])
        lists = pa.ListArray.from_arrays(np.arange(len(here) + 1, dtype=np.int32), pa.array(rows))
        columns = [pa.array(["2026q4"] * len(here)), sketches, lists]
        parts.write_part(root, SHARED_SKETCHES, number, pa.table(columns, names=list(SHARED_SKETCHES.names)))


def main() -> None:
    """Run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", type=int, default=1_000_000)
    parser.add_argument("--peers", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="do not record")
    given = parser.parse_args()
    rng = np.random.default_rng(11)
    peers = rng.integers(0, 256, (given.peers, SKETCH_BYTES), dtype=np.uint8)
    own = rng.integers(0, 256, (given.own, SKETCH_BYTES), dtype=np.uint8)
    planted = np.arange(0, given.own, 1_000)
    for row in planted:
        keep = rng.permutation(SKETCH_BYTES) < round(rng.uniform(0.76, 0.95) * SKETCH_BYTES)
        own[row, keep] = peers[row % given.peers, keep]
    near = [row for row in planted.tolist() if int((own[row] == peers[row % given.peers]).sum()) >= bytes_needed(THRESHOLD)]
    wanted = Wanted([Sketched(f"indicator--{i}", peers[i].tobytes(), THRESHOLD) for i in range(given.peers)])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root, own)
        with DuckDBEngine(root, EngineSettings(workers=given.workers)) as engine:
            hunt = StoreHunt(wanted, "2026q4", Key(bytes(32)), {}, given.workers)
            hunt.hits(engine)  # compile, and fill the page cache
            wall_s, cpu_s, hits = best(lambda: hunt.hits(engine))
        files = parts.part_files(root, SHARED_SKETCHES)
        _, yardstick_s, _ = best(lambda: [pq.read_table(f, columns=["epoch", "sketch"], use_threads=False) for f in files])
    told = {
        "n_own": given.own,
        "n_peers": given.peers,
        "workers": given.workers,
        "load_1m": round(os.getloadavg()[0], 1),
        "nice": os.nice(0),
        "million_a_s": round(given.own / wall_s / 1e6, 2),
        "million_a_cpu_s": round(given.own / cpu_s / 1e6, 2),
        "times_yardstick": round(cpu_s / yardstick_s, 2),
        "planted": len(near),
        "recall": float(np.isin(near, hits["row"].to_numpy()).mean()),
        "false": len(set(hits["row"].to_pylist()) - set(near)),
    }
    print(told)
    if not given.dry:
        print(record("speed.exchange_hunt_store", told))


if __name__ == "__main__":
    main()
