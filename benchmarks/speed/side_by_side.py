"""
speed.side_by_side: what one would build instead, or could install, over the same log: CPU seconds, and what each accuses.

    python -m benchmarks.speed.side_by_side [--peers PEERS/bin/python] [--spark] [--dry]

A log of the preset demo. The usual recipe links accounts by near-equal prompts (MinHash, 128 permutations, Jaccard of word
3-shingles at least 0.5) and calls a component of at least five accounts a campaign: once with datasketch and networkx, once with
Spark's MinHashLSH and a connected-components pass on the driver (GraphFrames needs a JAR that no wheel holds). Each is given
every distinct prompt once, which flatters both. honeypotllm scores each request, and its own threshold counts.

PEERS is an environment with pyarrow and the groups speed-peers and quality-peers; a peer without its environment is left out.
CPU seconds are of the whole process tree, start included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from benchmarks.record import record
from benchmarks.speed.startup import STILLWATCH, spent

from stillwatch import worlds

SEED = 3
HERE = Path(__file__).parent
HONEYPOT = HERE.parent / "quality" / "baselines" / "honeypot.py"
# what the authors or our own runs of them tell; each with its source
QUOTED = (
    {
        "tool": "Glasswally",
        "exchanges_per_s": 5,
        "told": "our run of it on another, easier log: 20 a second at first, 5 once 1,000 accounts were seen; 0 of 492 found",
    },
)


def scanned(log: Path, scratch: Path) -> tuple[dict[str, float], set[str]]:
    """Stillwatch: core and probable of a likely campaign."""
    (scratch / "key").write_bytes(b"a key of benchmarks, no secret..")
    out = scratch / "results"
    cost = spent([STILLWATCH, "scan", str(log), "--out", str(out), "--key-file", str(scratch / "key")], os.environ)
    document = json.loads((out / "campaigns.json").read_bytes())
    likely = {c["campaign_id"] for c in document["campaigns"] if c["verdict"] in ("likely", "confirmed")}
    members = pq.read_table(out / "accounts.parquet").to_pylist()
    return cost, {m["account_id"] for m in members if m["campaign_id"] in likely and m["membership"] in ("core", "probable")}


def linked(script: str, python: str, log: Path, scratch: Path) -> tuple[dict[str, float], set[str]]:
    """A program of its own that writes the accounts it accuses as a JSON list."""
    out = scratch / f"{script}.json"
    cost = spent([python, str(HERE / "instead" / f"{script}.py"), str(log), str(out)], os.environ)
    return cost, set(json.loads(out.read_bytes()))


def scored(python: str, log: Path, scratch: Path) -> tuple[dict[str, float], set[str]]:
    """honeypotllm with its own threshold."""
    out = scratch / "honeypot.json"
    cost = spent([python, str(HONEYPOT), str(log), str(out)], os.environ)
    told = json.loads(out.read_bytes())
    return cost, {a for a, s in told["scores"].items() if s >= told["threshold"]}


def has(python: str, module: str) -> bool:
    """Has this environment the module?"""
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def main() -> None:
    """Run each, print a line each, append one JSON line to the results."""
    parser = argparse.ArgumentParser(description="What one would build instead, over the same log.")
    parser.add_argument("--exchanges", type=int, default=50_000)
    parser.add_argument("--peers", help="Python of an environment with the groups speed-peers and quality-peers")
    parser.add_argument("--honeypotllm", help="Python of an environment with the group quality-peers, where it is another")
    parser.add_argument("--spark", action="store_true", help="also Spark's MinHashLSH (this environment needs the extra spark)")
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-side-") as folder:
        scratch = Path(folder)
        built = worlds.build(
            worlds.preset("demo").sized(exchanges=given.exchanges, accounts=given.exchanges // 12), SEED, scratch / "world"
        )
        people = pq.read_table(built.truth / "accounts.parquet").to_pylist()
        planted = {p["account_id"] for p in people if p["campaign"]}
        told: dict[str, tuple[dict[str, float], set[str]]] = {"stillwatch": scanned(built.log, scratch)}
        if given.peers and has(given.peers, "datasketch"):
            told["datasketch + networkx"] = linked("datasketch_networkx", given.peers, built.log, scratch)
        honeypot = given.honeypotllm or given.peers
        if honeypot and has(honeypot, "honeypotllm"):
            told["honeypotllm"] = scored(honeypot, built.log, scratch)
        if given.spark:
            told["Spark MinHashLSH + union-find"] = linked("spark_minhash", sys.executable, built.log, scratch)
        n_benign = len(people) - len(planted)
        rows: list[dict[str, Any]] = []
        for name, (cost, accused) in told.items():
            rows.append(
                {
                    "tool": name,
                    **cost,
                    "exchanges_per_cpu_s": round(built.n_exchanges / cost["cpu_s"]),
                    "times_stillwatch": round(cost["cpu_s"] / told["stillwatch"][0]["cpu_s"], 2),
                    "found": len(accused & planted),
                    "benign_accused": len(accused - planted),
                }
            )
            print(rows[-1])
        line = {
            "n_exchanges": built.n_exchanges,
            "planted": len(planted),
            "benign": n_benign,
            "tools": rows,
            "quoted": list(QUOTED),
        }
    if not given.dry:
        record("speed.side_by_side", line)


if __name__ == "__main__":
    main()
