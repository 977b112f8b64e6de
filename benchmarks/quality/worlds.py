"""
quality.worlds: is the traffic of a built world as persistent as real traffic, kind by kind?

    python -m benchmarks.quality.worlds [--worlds demo accept] [--seed 2] [--dry]

The plain persistence ratio (W/w over X/x): how often do pairs of requests of one account, and pairs of different accounts,
share a word that at most 0.5 % of all accounts use. Traffic through an app's or framework's template, an account's own, and a
harvest count apart. Template words are not taken out, so an app whose template stands in the prompt has ratio 1 where its words
are rare. `accept` needs the shared corpora (`STILLWATCH_DATA`), `demo` is made of the shipped grammars.
"""

import argparse
import os
import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from benchmarks.record import record

from stillwatch.worlds import build, preset

DATA = Path(os.environ.get("STILLWATCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
RARE_SHARE = 0.005
SAMPLE = 8_000  # exchanges of a group that are looked at
MIN_SHARED_PAIRS = 20  # between accounts; below it the ratio is noise and left out
_WORD = re.compile(r"\w+")


def ratios(world: Path) -> dict[str, dict[str, float | int | None]]:
    """The persistence ratio of every kind of traffic in a world."""
    log = pq.read_table(world / "log", columns=["prompt", "account_id", "system_prompt"]).to_pydict()
    harvested = pq.read_table(world / "truth" / "exchanges.parquet")["harvested"].to_pylist()
    accounts = pq.read_table(world / "truth" / "accounts.parquet").to_pydict()
    kind = dict(zip(accounts["account_id"], accounts["kind"], strict=True))
    part = dict(zip(accounts["account_id"], accounts["part"], strict=True))
    words = [set(_WORD.findall(p.lower())) for p in log["prompt"]]
    rare = _rare(words, log["account_id"])
    common = {s for s, n in Counter(log["system_prompt"]).items() if s and n > 200}
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, account in enumerate(log["account_id"]):
        how = kind[account]
        if harvested[row]:
            how += ", harvest"
        elif how in ("hydra", "split", "elicitation"):
            how += ", cover"
        elif how in ("framework", "organisation", "app"):
            framed = log["system_prompt"][row] in common or (how == "app" and "\n\n" in log["prompt"][row])
            how += ", through it" if framed else ", own"
        groups[how, part[account]].append(row)
    found: dict[str, list[tuple[int, float, int]]] = defaultdict(list)
    for (how, _), rows in sorted(groups.items()):
        n, ratio, shared = _ratio(_sampled(rows), log["account_id"], words, rare)
        if shared >= MIN_SHARED_PAIRS:
            found[how].append((n, ratio, shared))
    return {
        how: {"ratio": float(np.median([r for _, r, _ in rs])), "groups": len(rs), "n": sum(n for n, _, _ in rs)}
        for how, rs in found.items()
    }


def _rare(words: list[set[str]], accounts: list[str]) -> set[str]:
    users: dict[str, set[str]] = defaultdict(set)
    for row, account in zip(words, accounts, strict=True):
        for word in row:
            users[word].add(account)
    limit = RARE_SHARE * len(set(accounts))
    return {w for w, s in users.items() if len(s) <= limit}


def _sampled(rows: list[int]) -> list[int]:
    if len(rows) <= SAMPLE:
        return rows
    return [rows[i] for i in np.random.default_rng(0).choice(len(rows), SAMPLE, replace=False)]


def _ratio(rows: list[int], accounts: list[str], words: list[set[str]], rare: set[str]) -> tuple[int, float, int]:
    """Exchanges, ratio, and pairs between accounts that share a rare word."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter()
    for row in rows:
        sizes[accounts[row]] += 1
        for word in words[row] & rare:
            counts[word][accounts[row]] += 1
    inside = sum(_pairs(n) for c in counts.values() for n in c.values())
    between = sum(_pairs(sum(c.values())) for c in counts.values()) - inside
    own = sum(_pairs(n) for n in sizes.values())
    other = _pairs(len(rows)) - own
    ratio = (inside / own) / (between / other) if own and other and between else float("inf")
    return len(rows), ratio, between


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def main() -> None:
    """Build each world, print its ratios, append one JSON line a world to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--worlds", nargs="+", default=["demo", "accept"])
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    asked = parser.parse_args()
    for name in asked.worlds:
        corpus = DATA if name == "accept" else None
        if corpus and not corpus.exists():
            sys.exit("quality.worlds needs the shared corpora for accept: set STILLWATCH_DATA to their folder")
        with tempfile.TemporaryDirectory() as scratch:
            build(preset(name), asked.seed, Path(scratch), corpus, traces=corpus / "traces" if corpus else None)
            found = ratios(Path(scratch))
        for how, told in found.items():
            print(f"{name}: {how:28} {told['ratio']:8.3g}  ({told['groups']} groups, {told['n']:,} exchanges)", flush=True)
        if not asked.dry:
            record("quality.worlds", {"world": name, "seed": asked.seed, "ratios": found})


if __name__ == "__main__":
    main()
