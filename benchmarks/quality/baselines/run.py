"""
quality.baselines: what simpler rules find on the worlds of quality.calibration, beside a scan.

    python -m benchmarks.quality.baselines.run --seeds 3201-3203

A rule gets the threshold that suits it best: the lowest at which at most 1 % of all benign accounts are accused. Stillwatch
has its own: an account at core or probable of a likely campaign. Licensed distillers count for neither side.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from benchmarks.quality.baselines.rules import RULES, Scores
from benchmarks.quality.calibration.run import KEY, WORLD
from benchmarks.record import record

from stillwatch import pipeline, worlds
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import LICENSED, Share

ALLOWED = 0.01  # of benign accounts
COLUMNS = ["account_id", "prompt", "system_prompt", "payment_id", "seen_at"]


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


def main() -> None:
    """Every rule and a scan on every world; one line in the results."""
    parser = argparse.ArgumentParser(description="Simpler rules on the same worlds.")
    parser.add_argument("--seeds", default="3201-3203", help="first and last seed")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    found: Counter[str] = Counter()
    accused: Counter[tuple[str, str]] = Counter()
    size: Counter[str] = Counter()
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="stillwatch-baselines-") as folder:
            built = worlds.build(worlds.load(WORLD), seed, Path(folder) / "world")
            people = {p["account_id"]: p for p in pq.read_table(built.truth / "accounts.parquet").to_pylist()}
            benign = {a for a, p in people.items() if p["campaign"] is None and p["kind"] not in LICENSED}
            log = pq.read_table(built.log, columns=COLUMNS)
            told = {name: flagged(rule(log), benign) for name, rule in RULES.items()}
            told["Stillwatch"] = scanned(built.log, Path(folder))
        size.update(people[a]["kind"] if a in benign else "harvesting" for a in people if a in benign or people[a]["campaign"])
        for name, accounts in told.items():
            found[name] += sum(people[a]["campaign"] is not None for a in accounts)
            accused.update((name, people[a]["kind"]) for a in accounts & benign)
    names = [*RULES, "Stillwatch"]
    kinds = sorted(set(size) - {"harvesting"})
    lines = []
    for name in names:
        recall = Share(found[name], size["harvesting"])
        false = Share(sum(accused[name, k] for k in kinds), sum(size[k] for k in kinds))
        rates = {k: accused[name, k] / size[k] for k in kinds}
        worst = max(kinds, key=rates.__getitem__)
        lines.append({"rule": name, "recall": _told(recall), "false": _told(false), "worst_kind": worst, "worst": rates[worst]})
        print(
            f"{name:<26} finds {recall.hits:>4} of {recall.n}, accuses {false.hits:>4} of {false.n}; "
            f"worst: {worst} {np.round(rates[worst], 3)}"
        )
    record("quality.baselines", {"seeds": list(seeds), "rules": lines})


def _told(share: Share) -> dict[str, object]:
    return {"hits": share.hits, "n": share.n, "interval": list(share.interval)}


if __name__ == "__main__":
    main()
