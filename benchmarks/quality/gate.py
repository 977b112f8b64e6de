"""
The gate of a release: no benign class worse than its target, whatever the average.

    python -m benchmarks.quality.gate [--shown]

Reads the worlds that `benchmarks.quality.calibration.run` measured. The exit code is 1 where a figure misses its target, and
with --shown also where too little was measured to show that it is met.
"""

import argparse
import sys

from benchmarks.quality.calibration import report
from benchmarks.quality.calibration.run import SCENARIO, lines
from benchmarks.record import RESULTS

from stillwatch.settings import Settings


def main() -> None:
    """Print every figure with its interval and its verdict."""
    parser = argparse.ArgumentParser(description="The gate of a release.")
    parser.add_argument("--shown", action="store_true", help="a figure that too little was measured of fails too")
    given = parser.parse_args()
    worlds = lines(RESULTS / f"{SCENARIO}.jsonl")
    if not worlds:
        sys.exit("nothing was measured. Run: python -m benchmarks.quality.calibration.run")
    commits = sorted({w["commit"] for w in worlds})
    print(f"{len(worlds)} worlds, {sum(w['n_accounts'] for w in worlds):,} accounts, measured on {', '.join(commits)}")
    verdicts = []
    for figure in report.figures(worlds):
        low, high = figure.share.interval
        verdicts.append(figure.verdict)
        print(
            f"{figure.verdict:<7} {figure.name:<32} {figure.share.hits:>7,} of {figure.share.n:>9,}  "
            f"{low:.2g} to {high:.2g}  target {'≤' if figure.at_most else '≥'} {figure.target:g}"
        )
    mean, half, n = report.false_share(worlds)
    q = Settings().campaigns.q
    verdicts.append("met" if mean + half <= q else "missed" if mean > q else "open")
    print(f"{verdicts[-1]:<7} false share of what is likely    {mean:.3f} ± {half:.3f} over {n} worlds  target ≤ {q:g}")
    distance, p = report.uniformity(report.ordinary(worlds))
    print(f"        Kolmogorov-Smirnov of p, one-sided: D+ {distance:.3f}, p {p:.2g}")
    sys.exit(1 if "missed" in verdicts or (given.shown and "open" in verdicts) else 0)


if __name__ == "__main__":
    main()
