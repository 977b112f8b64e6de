"""
`make accept`: does a scan find what is planted in real text, and does it leave everybody else alone?

Builds the world `accept` from the shared corpora (real chats, real automated traffic, prompt sets that were really used to
harvest teachers; 500,000 exchanges; a campaign of 300 accounts at half cover, and one of 300 without any template), scans it
with the shipped settings and reference, and grades the scan against the truth.

The shipped reference is not built on what is reported here, but on other seeds, from the shipped grammars and
from half A of the corpora; this world uses half B. The halves share no text.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.record import record

from stillwatch import pipeline, worlds
from stillwatch.cli.demo import print_grade
from stillwatch.privacy import Key
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import Found, Grade, Share

SEED = 20261
CORE_PRECISION = 0.95


def main() -> None:
    """Build, scan, grade, record; the exit code is 1 where the bar is missed."""
    options = argparse.ArgumentParser(description="Accept a scan on real text.")
    options.add_argument("--corpus", type=Path, required=True, help="the folder of the shared corpora")
    options.add_argument("--traces", type=Path, help="the shared traces folder")
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--half", choices=["A", "B"], default="B")
    options.add_argument("--preset", default="accept")
    options.add_argument("--keep", type=Path, help="keep the world and the results here")
    given = options.parse_args()
    if not given.corpus.exists():
        sys.exit(f"{given.corpus}: no corpora. Set STILLWATCH_DATA to the folder that holds prompts/ and traces/")
    with tempfile.TemporaryDirectory(prefix="stillwatch-accept-") as scratch:
        sys.exit(0 if _accepted(given, given.keep or Path(scratch)) else 1)


def _accepted(given: argparse.Namespace, folder: Path) -> bool:
    world = worlds.preset(given.preset)
    traces = given.traces if given.traces and given.traces.exists() else None
    built = worlds.build(world, given.seed, folder, given.corpus, given.half, traces)
    (folder / "key").write_bytes(b"acceptance: not a secret key....")
    registry = folder / "entitlements.toml"
    orgs = worlds.organisations_of(built.truth, "licensed")
    registry.write_text("".join(f'[[entitlement]]\norg = "{org}"\npurpose = "licensed"\n' for org in orgs))
    settings = with_changes(
        Settings(), privacy={"key_file": folder / "key"}, campaigns={"entitlements": registry if orgs else None}
    )
    began = time.perf_counter()
    outcome = pipeline.scan([str(built.log)], folder / "results", settings)
    seconds = time.perf_counter() - began
    found = Found.all_of(outcome.document)
    graded = worlds.grade(built.truth, folder / "results", found)
    print(
        f"{built.n_exchanges:,} exchanges of {built.n_accounts:,} accounts, {built.n_harvested:,} harvested; scan {seconds:.0f} s"
    )
    for c in outcome.document.campaigns:
        print(
            f"  {c.campaign_id} {c.verdict:<8} {c.score_bits:5.1f} bits  p {c.p_value:.1e}  "
            f"{c.n_accounts:,} accounts, {c.n_exchanges:,} exchanges"
        )
    print_grade(graded)
    assert Key.from_file(folder / "key").key_id == outcome.document.key_id
    record(
        "quality.accept",
        {"seed": given.seed, "half": given.half, "preset": given.preset, **_numbers(graded, built.n_exchanges, seconds)},
    )
    return _met(graded)


def _met(graded: Grade) -> bool:
    precision = graded.core_precision.value
    return all(graded.planted.values()) and not graded.false_campaigns and precision is not None and precision >= CORE_PRECISION


def _numbers(graded: Grade, n_exchanges: int, seconds: float) -> dict[str, object]:
    return {
        "n_exchanges": n_exchanges,
        "exchanges_per_s": n_exchanges / seconds,
        "peak_rss_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "planted": graded.planted,
        "false_campaigns": len(graded.false_campaigns),
        "core_precision": _share(graded.core_precision),
        "core_recall": _share(graded.core_recall),
        "precision": _share(graded.precision),
        "recall": _share(graded.recall),
        "exchange_precision": _share(graded.exchange_precision),
        "exchange_recall": _share(graded.exchange_recall),
        "share_error": graded.share_error,
        "false_positives": {kind: _share(share) for kind, share in graded.false_positives.items()},
    }


def _share(share: Share) -> dict[str, object]:
    return {"hits": share.hits, "n": share.n, "value": share.value, "interval": list(share.interval)}


if __name__ == "__main__":
    main()
