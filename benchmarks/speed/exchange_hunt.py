"""
speed.exchange_hunt: sketches a second held against a thousand of peers', beside a bare pass over the same bytes.

    python -m benchmarks.speed.exchange_hunt [--own 1000000] [--peers 1000] [--workers 2] [--dry]

Random sketches, one in a thousand of one's own near a peer's (similarity 0.76 to 0.95); least CPU time of all threads in five
rounds, because wall times of a shared machine say little. The yardstick is numpy's sum over the same array: what any program
must do to look at each byte once. Recall is against the planted pairs.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.record import record

from stillwatch.sharing.export.sketch import PERMUTATIONS
from stillwatch.sharing.hunt.indicators import Sketched
from stillwatch.sharing.hunt.match import Matcher, bytes_needed

ROUNDS = 5
THRESHOLD = 0.7


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of the cheapest round, and what the work returned."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        got = work()
        times.append(time.process_time() - began)
    return min(times), got


def main() -> None:
    """Run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", type=int, default=1_000_000)
    parser.add_argument("--peers", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="do not record")
    given = parser.parse_args()
    rng = np.random.default_rng(11)
    peers = rng.integers(0, 256, (given.peers, PERMUTATIONS), dtype=np.uint8)
    own = rng.integers(0, 256, (given.own, PERMUTATIONS), dtype=np.uint8)
    planted = np.arange(0, given.own, 1_000)
    for row in planted:
        keep = rng.permutation(PERMUTATIONS) < round(rng.uniform(0.76, 0.95) * PERMUTATIONS)
        own[row, keep] = peers[row % given.peers, keep]
    matcher = Matcher([Sketched(str(i), peers[i].tobytes(), THRESHOLD) for i in range(given.peers)])
    matcher.match(own[:1_000], given.workers)  # compile
    seconds, got = best(lambda: matcher.match(own, given.workers))
    yardstick_s, _ = best(lambda: own.sum(dtype=np.uint64))
    near = [row for row in planted.tolist() if int((own[row] == peers[row % given.peers]).sum()) >= bytes_needed(THRESHOLD)]
    told = {
        "n_own": given.own,
        "n_peers": given.peers,
        "workers": given.workers,
        "million_a_cpu_s": round(given.own / seconds / 1e6, 2),
        "times_yardstick": round(seconds / yardstick_s, 2),
        "planted": len(near),
        "recall": float(np.isin(near, got.rows).mean()),
        "false": len(set(got.rows.tolist()) - set(near)),
    }
    print(told)
    if not given.dry:
        print(record("speed.exchange_hunt", told))


if __name__ == "__main__":
    main()
