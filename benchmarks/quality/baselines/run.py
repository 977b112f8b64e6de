"""
quality.baselines: what simpler rules find on the worlds of quality.calibration, beside a scan.

    python -m benchmarks.quality.baselines.run --seeds 3201-3203 [--honeypotllm PEERS/bin/python]

A rule gets the threshold that suits it best: the lowest at which at most 1 % of all benign accounts are accused. Stillwatch
has its own: an account at core or probable of a likely campaign. The peer honeypotllm has a row for each way, and is run by
the Python of an environment that has it (the group quality-peers). Licensed distillers count for neither side.
"""

import argparse
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.quality.baselines import mmd
from benchmarks.quality.baselines.rules import RULES, Scores
from benchmarks.quality.calibration.run import KEY, WORLDS
from benchmarks.record import record, seeds_of

from stillwatch import pipeline, worlds
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import LICENSED, Share

ALLOWED = 0.01  # of benign accounts
COLUMNS = ["account_id", "prompt", "prompt_tokens", "system_prompt", "payment_id", "asn", "seen_at"]
PEER = Path(__file__).with_name("honeypot.py")


def flagged(scores: Scores, benign: set[str]) -> set[str]:
    """Accounts above the lowest threshold that accuses at most ALLOWED of the benign ones."""
    ordered = sorted((scores.get(a, 0.0) for a in benign), reverse=True)
    threshold = ordered[int(ALLOWED * len(ordered))]
    return {a for a, s in scores.items() if s > threshold}


def scanned(log: Path, scratch: Path) -> set[str]:
    """Accounts that a scan puts at core or probable of a likely campaign."""
    (scratch / "key").write_bytes(KEY)
    settings = with_changes(
        Settings(),
        privacy={"key_file": scratch / "key"},
        engine={"workers": 1, "memory_gb": 1.0},
        campaigns={"frontier": False},
    )
    outcome = pipeline.scan([str(log)], scratch / "results", settings)
    likely = {c.campaign_id for c in outcome.document.campaigns if c.verdict == "likely"}
    rows = pq.read_table(scratch / "results" / "accounts.parquet").to_pylist()
    return {r["account_id"] for r in rows if r["campaign_id"] in likely and r["membership"] != "touched"}


def windowed(log: pa.Table, benign: set[str], alarms: Counter[str]) -> dict[str, Scores]:
    """
    The MMD test over each kind of window, with benign history known from the truth.

    Args:
        log: Of one world.
        benign: Its benign accounts.
        alarms: Windows that alarm and all windows are counted here, those that hold a harvesting account's requests apart; of all
            traffic, where every window does, also those of the log without these accounts.
    """
    vectors = mmd.embedded([p or "" for p in log["prompt"].to_pylist()])
    history = np.asarray(pc.is_in(log["account_id"], pa.array(sorted(benign))))
    out = {}
    for name, cut in mmd.WINDOWS.items():
        told = mmd.tested(vectors, cut(log), history, seed=1)
        out[name] = mmd.scores(log, told)
        for window in told:
            which = "benign" if history[window.rows].all() else "harvested"
            alarms.update({f"{name}, {which}": 1, f"{name}, {which}, alarm": int(window.p <= mmd.ALARM)})
    rows = np.flatnonzero(history)
    quiet = mmd.tested(vectors, (rows[w] for w in mmd.in_time(log.filter(pa.array(history)))), history, seed=1)
    alarms.update(
        {"MMD, all traffic, benign": len(quiet), "MMD, all traffic, benign, alarm": sum(w.p <= mmd.ALARM for w in quiet)}
    )
    return out


def peer(log: pa.Table, python: Path, scratch: Path) -> tuple[str, float, Scores]:
    """honeypotllm's version, its own threshold, and its highest score of each account."""
    pq.write_table(log, scratch / "peer.parquet")
    subprocess.run([python, PEER, scratch / "peer.parquet", scratch / "peer.json"], check=True)
    told = orjson.loads((scratch / "peer.json").read_bytes())
    return told["version"], told["threshold"], told["scores"]


def accusations(seed: int, folder: Path, python: Path | None, alarms: Counter[str]) -> tuple[dict[str, set[str]], dict[str, str]]:
    """Whom each rule, the peer and a scan accuse in the world of one seed; and what each account is, licensed ones left out."""
    built = worlds.build(worlds.load(WORLDS["common"]), seed, folder / "world")
    people = {p["account_id"]: p for p in pq.read_table(built.truth / "accounts.parquet").to_pylist()}
    what = {
        a: "harvesting" if p["campaign"] else p["kind"] for a, p in people.items() if p["campaign"] or p["kind"] not in LICENSED
    }
    benign = {a for a, kind in what.items() if kind != "harvesting"}
    log = pq.read_table(built.log, columns=COLUMNS)
    told = {name: flagged(rule(log), benign) for name, rule in RULES.items()}
    told |= {name: flagged(scores, benign) for name, scores in windowed(log, benign, alarms).items()}
    if python:
        version, threshold, scores = peer(log, python, folder)
        told[f"honeypotllm {version}, best threshold"] = flagged(scores, benign)
        told[f"honeypotllm {version}, its own threshold"] = {a for a, s in scores.items() if s >= threshold}
    told["Stillwatch"] = scanned(built.log, folder)
    return told, what


def main() -> None:
    """Every rule and a scan on every world; one line in the results."""
    parser = argparse.ArgumentParser(description="Simpler rules on the same worlds.")
    parser.add_argument("--seeds", default="3201-3203", help="first and last seed")
    parser.add_argument("--honeypotllm", type=Path, help="Python of an environment with the group quality-peers")
    given = parser.parse_args()
    seeds = seeds_of(given.seeds)
    accused: Counter[tuple[str, str]] = Counter()
    size: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    names: list[str] = []
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="stillwatch-baselines-") as folder:
            told, what = accusations(seed, Path(folder), given.honeypotllm, alarms)
        size.update(what.values())
        names = list(told)
        for name, accounts in told.items():
            accused.update((name, what[a]) for a in accounts if a in what)
    lines = [_line(name, accused, size) for name in names]
    for line in lines:
        found, false = line["recall"], line["false"]
        print(
            f"{line['rule']:<36} finds {found['hits']:>4} of {found['n']}, accuses {false['hits']:>4} of {false['n']}; "
            f"worst: {line['worst_kind']} {line['worst']:.3f}"
        )
    record("quality.baselines", {"seeds": list(seeds), "rules": lines, "windows": dict(alarms)})


def _line(name: str, accused: Mapping[tuple[str, str], int], size: Mapping[str, int]) -> dict[str, Any]:
    kinds = sorted(set(size) - {"harvesting"})
    rates = {k: accused[name, k] / size[k] for k in kinds}
    worst = max(kinds, key=rates.__getitem__)
    recall = Share(accused[name, "harvesting"], size["harvesting"])
    false = Share(sum(accused[name, k] for k in kinds), sum(size[k] for k in kinds))
    return {"rule": name, "recall": _told(recall), "false": _told(false), "worst_kind": worst, "worst": rates[worst]}


def _told(share: Share) -> dict[str, object]:
    return {"hits": share.hits, "n": share.n, "interval": list(share.interval)}


if __name__ == "__main__":
    main()
