"""Writes docs/reference/cluster-costs.md from the newest lines of scale.cluster: what was measured, and what follows from it on paper."""

from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[1]
LINES = ROOT / "benchmarks" / "results" / "scale.cluster.jsonl"
PAGE = ROOT / "docs" / "reference" / "cluster-costs.md"

ONE, TWO = "spark, 1 worker", "spark, 2 workers"
ON_WORKERS = ("read",)  # one task a split, nothing shared: the only stage counted as divisible by workers
SIZES = (1_000_000_000, 100_000_000_000)
CORES = (100, 1_000)
USD_PER_CORE_HOUR = 0.05  # an assumption, near what public clouds ask for a core; put in your own

HEAD = """# What a cluster costs

Generated from `benchmarks/results/scale.cluster.jsonl` by `make docs`. `python -m benchmarks.scale.cluster` measures it: Spark's own cluster of
processes on one machine of {cores} cores, which other work shared, so times are upper bounds and only their order of magnitude counts.
"""


def runs() -> list[dict[str, Any]]:
    """The newest line of each size, smallest size first."""
    newest = {r["n_exchanges"]: r for r in map(orjson.loads, LINES.read_bytes().splitlines())}
    return [newest[n] for n in sorted(newest)]


def measured(run: dict[str, Any]) -> str:
    """Seconds of each stage on each engine, and bytes moved an exchange."""
    engines, n = run["engines"], run["n_exchanges"]
    rows = []
    for stage in engines[ONE]:
        seconds = " | ".join(f"{told[stage]['seconds']:.1f}" for told in engines.values())
        moved = " | ".join(f"{engines[TWO][stage][what] / n:,.1f}" for what in ("shuffled_bytes", "to_driver_bytes"))
        rows.append(f"| {stage} | {seconds} | {engines[TWO][stage]['tasks']:,} | {moved} |")
    total = " | ".join(f"{sum(s['seconds'] for s in told.values()):.1f}" for told in engines.values())
    moved = " | ".join(f"{sum(s[w] for s in engines[TWO].values()) / n:,.1f}" for w in ("shuffled_bytes", "to_driver_bytes"))
    rows.append(f"| all | {total} | {sum(s['tasks'] for s in engines[TWO].values()):,} | {moved} |")
    names = " | ".join(f"{name}, s" for name in engines)
    return "\n".join(
        [
            f"\n## Measured: {n:,} exchanges of {run['n_accounts']:,} accounts\n",
            f"| stage | {names} | Spark tasks | bytes shuffled an exchange | bytes to the driver an exchange |",
            "|---|" + "---|" * (len(engines) + 3),
            *rows,
            f"\nStored signatures: {run['signature_bytes'] / n:,.0f} bytes an exchange. Bytes are Spark's task metrics, with two workers.\n",
        ]
    )


def slopes(small: dict[str, Any], big: dict[str, Any]) -> dict[str, float]:
    """Core-seconds an exchange of each stage, with one worker: what the larger log took more; of one log, all that it took."""
    if small is big:
        return {s: told["seconds"] / big["n_exchanges"] for s, told in big["engines"][ONE].items()}
    more = big["n_exchanges"] - small["n_exchanges"]
    first, second = (r["engines"][ONE] for r in (small, big))
    return {s: max(second[s]["seconds"] - first[s]["seconds"], 0.0) / more for s in second}


def hours(slope: dict[str, float], n: int, cores: int) -> dict[str, float]:
    """Hours of each stage on so many cores: reading is divided by them, all else is not."""
    return {s: v * n / 3600 / (cores if s in ON_WORKERS else 1) for s, v in slope.items()}


def on_paper(small: dict[str, Any], big: dict[str, Any]) -> str:
    """The measured rates, carried far beyond what was run."""
    slope = slopes(small, big)
    shuffled = sum(s["shuffled_bytes"] for s in big["engines"][TWO].values()) / big["n_exchanges"]
    stored = big["signature_bytes"] / big["n_exchanges"]
    rows = []
    for n in SIZES:
        for cores in CORES:
            told = hours(slope, n, cores)
            worst = max(told, key=lambda s: told[s])
            paid = slope["read"] * n / 3600 + sum(v for s, v in told.items() if s not in ON_WORKERS)
            rows.append(
                f"| {n:,} | {cores:,} | {told['read']:,.1f} h | {sum(told.values()) - told['read']:,.1f} h | {worst}, {told[worst]:,.1f} h "
                f"| {n * stored / 1e12:,.2f} TB | {n * shuffled / 1e12:,.2f} TB | {paid:,.0f} | {paid * USD_PER_CORE_HOUR:,.0f} |"
            )
    told = ", ".join(f"{s} {v * 1e6:,.0f}" for s, v in slope.items())
    return "\n".join(
        [
            "\n## On paper: 1 billion and 100 billion exchanges\n",
            "**Extrapolation, not a measurement.** Each stage is taken to grow in proportion to the exchanges, at the rate of what the",
            "largest log above took more than the smallest (of a single log: all that it took),",
            "with one worker. Reading is divided by the cores. Everything else is counted as if no worker helped, because its loops and joins",
            "end on the driver: an upper bound for the queries. Idle workers are not counted as paid. No allowance is made for the driver's",
            "memory, for lost machines or for skew.\n",
            f"Microseconds an exchange: {told}.\n",
            "| exchanges | cores | reading | all else, on the driver | what limits | signatures stored | shuffled | core-hours used "
            f"| USD at {USD_PER_CORE_HOUR} a core-hour |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            f"\nWith {CORES[0]} cores or more it is the driver that limits, in the stage {worst}: each of these stages ends in one process there.",
            "A log of that size is better cut into windows of some days, each scanned by itself; the windows are independent and",
            "can run side by side.\n",
        ]
    )


def page() -> str:
    """The whole page."""
    found = runs()
    text = HEAD.format(cores=found[-1]["machine"]["cores"]) + "".join(measured(r) for r in found)
    return text + on_paper(found[0], found[-1])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
