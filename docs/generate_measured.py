"""Writes docs/reference/measured.md from the newest line of each benchmark: figures in the docs are never typed."""

import sys
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks is no installed package

from benchmarks.quality.calibration import report  # noqa: E402
from benchmarks.quality.calibration.run import SCENARIO, lines  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "reference" / "measured.md"

HEAD = """# What was measured

Generated from `benchmarks/results` by `make docs`; every table names the command that makes it. The machine has two cores, so
speed has a page of its own, [what it costs to run](speed.md). Intervals are exact 95 % intervals (Clopper and Pearson).
"""


def newest(scenario: str) -> list[dict[str, Any]]:
    """Lines of a scenario, newest first; empty where it was not run."""
    path = RESULTS / f"{scenario}.jsonl"
    return [orjson.loads(line) for line in reversed(path.read_bytes().splitlines())] if path.exists() else []


def accept() -> str:
    """The acceptance world, on text that nothing was fitted on."""
    runs = {r["seed"]: r for r in reversed(newest("quality.accept")) if r["half"] == "B" and r["preset"] == "accept"}
    if not runs:
        return ""
    kinds = sorted(next(iter(runs.values()))["false_positives"])
    shares = ("core_precision", "core_recall", "recall", "exchange_precision", "exchange_recall")
    rows = []
    for seed, r in sorted(runs.items()):
        found = f"{sum(bool(v) for v in r['planted'].values())} of {len(r['planted'])}"
        rows.append(f"| {seed} | {found} | {r['false_campaigns']} | " + " | ".join(told(r[s]) for s in shares) + f" | {r['share_error']:.3f} |")
    rates = []
    for kind in kinds:
        hits = sum(r["false_positives"][kind]["hits"] for r in runs.values())
        n = sum(r["false_positives"][kind]["n"] for r in runs.values())
        rates.append(f"| {kind} | {hits} of {n:,} |")
    first = next(iter(runs.values()))
    return "\n".join(
        [
            "\n## Found and accused, on real text that the reference was not built on\n",
            "`make accept` (`python -m benchmarks.quality.accept --corpus DIR --seed N`). "
            f"{first['n_exchanges']:,} exchanges; half B of the corpora. Fitted on: grammar text (seeds 101 to 104, 301 to 306) and half "
            "A (seeds 201 to 206, 401 to 406). The rules of the verdict were settled on seeds 20261 to 20263; later seeds were looked at once.\n",
            "| seed | campaigns found | false campaigns | precision, core | recall, core | recall, core + probable "
            "| precision, exchanges | recall, exchanges | share error |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "\n**Limits.** Not reached: a recall of 0.90 at core and probable together (the two newest seeds have 0.87 and 0.88), and a share error of 0.05 "
            "(0.12). What is missed is in the split campaign: of its 300 accounts each sends some twenty exchanges of an untemplated set in "
            "as much cover, so that few of an account's exchanges can be told from its cover at all.\n",
            "Accounts of each benign kind that were put at core of a likely campaign, all seeds together:\n",
            "| kind | accused |",
            "|---|---|",
            *rates,
            "",
        ]
    )


def told(share: dict[str, Any]) -> str:
    """A share with its interval."""
    if share["value"] is None:
        return "none"
    low, high = share["interval"]
    return f"{share['value']:.3f} ({low:.3f} to {high:.3f})"


def baselines() -> str:
    """Simpler rules on the same worlds."""
    runs = newest("quality.baselines")
    if not runs:
        return ""
    rows = [
        f"| {r['rule']} | {share(r['recall'])} | {r['false']['hits']} of {r['false']['n']:,} | {_worst(r)} |"
        for r in runs[0]["rules"]
    ]
    return "\n".join(
        [
            "\n## Simpler rules, and a peer, on the same worlds\n",
            "`python -m benchmarks.quality.baselines.run --honeypotllm PEERS/bin/python`, seeds "
            f"{runs[0]['seeds'][0]} to {runs[0]['seeds'][-1]}. A rule has the best threshold under which at most 1 % of all benign accounts "
            "are accused, known from the truth; Stillwatch has its own (core or probable of a likely campaign).\n",
            "| rule | harvesting accounts found | benign accounts accused | worst kind |",
            "|---|---|---|---|",
            *rows,
            _alarms(runs[0].get("windows", {})),
        ]
    )


def _alarms(windows: dict[str, int]) -> str:
    """How many windows the MMD test alarms on, with a harvest in them and without."""
    names = dict.fromkeys(name.rpartition(", ")[0] for name in windows if name.endswith((", benign", ", harvested")))
    told = []
    for name in names:
        with_it, without = (
            f"{windows.get(f'{name}, {which}, alarm', 0)} of {windows.get(f'{name}, {which}', 0)}"
            for which in ("harvested", "benign")
        )
        told.append(f"{name.removeprefix('MMD, ')}: {with_it} windows that hold a harvest, {without} that hold none")
    return f"\nMMD alarms at p ≤ 0.01 (all traffic also with the harvest taken out). {'; '.join(told)}.\n" if told else ""


def _worst(rule: dict[str, Any]) -> str:
    return f"{rule['worst_kind']}, {rule['worst']:.1%}" if rule["worst"] else "none"


def share(told_share: dict[str, Any]) -> str:
    """A share as counts with its interval."""
    low, high = told_share["interval"]
    return f"{told_share['hits']} of {told_share['n']:,} ({low:.2f} to {high:.2f})"


def calibration() -> str:
    """p, q and the classes over small seeded worlds."""
    worlds = lines(RESULTS / f"{SCENARIO}.jsonl")
    if not worlds:
        return ""
    rows = [
        f"| {f.name} | {f.share.hits:,} of {f.share.n:,} | {f.share.interval[0]:.2g} to {f.share.interval[1]:.2g} "
        f"| {'≤' if f.at_most else '≥'} {f.target:g} | {f.verdict} |"
        for f in report.figures(worlds)
    ]
    mean, half, n = report.false_share(worlds)
    distance, p = report.uniformity(report.ordinary(worlds))
    kind, hard = report.hardest(worlds)
    n_common = sum(w["world"] == "common" for w in worlds)
    return "\n".join(
        [
            "\n## Are p, q and the rates what they say?\n",
            "`python -m benchmarks.quality.calibration.run`, the same with `--world rare`, then `python -m benchmarks.quality.gate`; "
            f"{n_common} small worlds that look as traffic does and {n - n_common} most of whose accounts are of rare kinds, grammar "
            f"text, {sum(w['n_accounts'] for w in worlds):,} accounts. Observed share of false campaigns {mean:.3f} ± {half:.3f} where q "
            f"is 0.1; p of benign groups of the first kind of world against uniform: D+ {distance:.3f} (p {p:.2g}); "
            f"a small p is rare in a mixture and not in each kind: the hardest, {kind}, has {hard.hits:,} of {hard.n:,} at or below 0.01. "
            "*met* is shown by the whole interval, *missed* by the count, *open* means that too little was measured.\n",
            "| what | observed | 95 % interval | target | |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def alarm() -> str:
    """How much of a harvest is done when its campaign is first found."""
    runs = {r["seed"]: r for r in reversed(newest("quality.alarm"))}
    rows = []
    for seed, r in sorted(runs.items()):
        for name, first in r["first"].items():
            if first is None:
                rows.append(f"| {seed} | {name} | not found | | |")
            else:
                rows.append(f"| {seed} | {name} | {first['hours']} | {first['n_exchanges']:,} | {first['share']:.1%} |")
    if not rows:
        return ""
    n_false = sum(step["n_false"] for r in runs.values() for step in r["steps"])
    core = [sum(step["core"][i] for r in runs.values() for step in r["steps"]) for i in (0, 1)]
    return "\n".join(
        [
            "\n## How soon is a campaign found?\n",
            "`python -m benchmarks.quality.alarm.run --seeds 2-3`: fourteen days of traffic, scanned as far as they had come at eight "
            "hours from 3 to 336. What had been harvested at the first of them at which the campaign was likely. A scan asks for 250 "
            f"exchanges of 20 accounts at least. False campaigns over all these scans: {n_false}; accounts at core that harvest: "
            f"{core[0]:,} of {core[1]:,}.\n",
            "**Limit.** One hundredth of the harvest is not reached. At a hundredth these fleets have sent one exchange an account: return to own "
            "words, common lists and common hours need several, and what is left is one family of evidence where two are asked for. A "
            "verdict may also be lost again for a while, where two fleets of one log run a common sentence.\n",
            "| seed | campaign | hours | exchanges harvested | of its harvest |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def page() -> str:
    """The whole page."""
    return HEAD + accept() + calibration() + alarm() + baselines()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
