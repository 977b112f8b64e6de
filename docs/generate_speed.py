"""Writes docs/reference/speed.md from the newest line of each benchmark of speed: figures in the docs are never typed."""

from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "reference" / "speed.md"

HEAD = """# What it costs to run

Generated from `benchmarks/results` by `make docs`; every table names the command that makes it. CPU seconds of two cores of a
small machine (x86-64, AVX2), so that they hold on a busy one too; what counts is the ratio to a yardstick timed in the same run.
"""


def newest(scenario: str) -> list[dict[str, Any]]:
    """Lines of a scenario, newest first; empty where it was not run."""
    path = RESULTS / f"{scenario}.jsonl"
    return [orjson.loads(line) for line in reversed(path.read_bytes().splitlines())] if path.exists() else []


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def section(title: str, told: str, *parts: str) -> str:
    """A heading, a paragraph, and what follows."""
    return "\n".join([f"\n## {title}\n", f"{told}\n", *parts])


def scan() -> str:
    """A scan by stage."""
    runs = {r["n_exchanges"]: r for r in reversed(newest("speed.scan")) if "cpu_us_per_exchange" in r}
    if not runs:
        return ""
    sizes = sorted(runs)
    names = list(runs[sizes[-1]]["stages"])
    rows = [[n, *(f"{runs[s]['stages'][n]['cpu_us_per_exchange']:.1f}" for s in sizes)] for n in names]
    rows.append(["all", *(f"{runs[s]['cpu_us_per_exchange']:.1f}" for s in sizes)])
    rows.append(["exchanges a CPU-second", *(f"{s / runs[s]['cpu_s']:,.0f}" for s in sizes)])
    rows.append(["times a bare pass over the text", *(f"{runs[s]['times_yardstick']:.0f}" for s in sizes)])
    rows.append(["peak memory of one process", *(f"{runs[s]['peak_rss_gb']:.1f} GB" for s in sizes)])
    told = (
        "`python -m benchmarks.speed.scan`: CPU microseconds an exchange, workers' start included. The bare pass reads the same "
        "files and hashes every word."
    )
    return section("A scan, by stage", told, table(["stage", *(f"{s:,} exchanges" for s in sizes)], rows))


def full_size() -> str:
    """The first published case, at a quarter and whole."""
    runs = {r["simulate"]["n_exchanges"]: r for r in reversed(newest("scale.full_size")) if r["until"] == "document"}
    if not runs:
        return ""
    sizes = sorted(runs)
    shown = [n for n in runs[sizes[-1]]["stages"] if n != "start"]
    rows = [
        [n, *(f"{runs[s]['stages'][n]['cpu_s']:.0f} s, {runs[s]['stages'][n]['peak_bytes'] / 1e9:.1f} GB" for s in sizes)]
        for n in shown
    ]
    rows.append(["all", *(f"{runs[s]['cpu_s']:.0f} s, {runs[s]['peak_bytes'] / 1e9:.1f} GB" for s in sizes)])
    rows.append(["CPU microseconds an exchange", *(f"{runs[s]['cpu_us_an_exchange']:.0f}" for s in sizes)])
    rows.append(["wall time on two cores", *(f"{runs[s]['wall_s']:.0f} s" for s in sizes)])
    rows.append(["exchanges a second", *(f"{s / runs[s]['wall_s']:,.0f}" for s in sizes)])
    rows.append(["of the peak, not mapped from disk", *(f"{runs[s]['anonymous_bytes'] / 1e9:.1f} GB" for s in sizes)])
    rows.append(["spilled at most at once", *(f"{runs[s]['spill_bytes'] / 1e9:.1f} GB" for s in sizes)])
    told = (
        "`python -m benchmarks.scale.full_size --share S`: the accounts of the first published case, 24,000 of campaigns and "
        "their cover among 77,183, and a share of their exchanges. CPU seconds of all processes and their memory together, at "
        "its highest. What is left between stages (duplicates, explanations, the frontier, results) is `document`."
    )
    return section("The first published case", told, table(["stage", *(f"{s:,} exchanges" for s in sizes)], rows))


def growth() -> str:
    """Ten times as much of one thing."""
    runs = newest("scale.growth")
    if not runs:
        return ""
    found = runs[0]["sizes"]
    rows = [
        [
            told,
            f"{found[name]['n_exchanges']:,}",
            f"{found[name]['n_accounts']:,}",
            f"{found[name]['cpu_s']:.0f} s",
            f"{found[name]['cpu_s'] / found['one']['cpu_s']:.1f}",
        ]
        for told, name in (("one", "one"), ("ten times the exchanges", "exchanges"), ("ten times the accounts", "accounts"))
    ]
    told = "`python -m benchmarks.scale.growth`: scans of the preset `demo` at other sizes, each in a process of its own."
    return section("Growth", told, table(["log", "exchanges", "accounts", "CPU", "times the first"], rows))


def signatures() -> str:
    """The signature stage."""
    runs = newest("speed.signatures")
    if not runs:
        return ""
    rows = [
        [
            name,
            f"{r['bytes_per_prompt']}",
            f"{r['minhash_mb_per_s']}",
            f"{r['sign_mb_per_s']}",
            f"{r['sign_over_minhash']}",
            f"{r['sign_text_over_minhash']}",
        ]
        for name, r in ((n, runs[0][n]) for n in ("ascii", "all"))
    ]
    head = ["prompts", "bytes each", "one-kernel pass, MB/s", "signatures, MB/s", "times the pass", "times, text alone"]
    told = (
        "`python -m benchmarks.speed.signatures`, one core, real prompts. The pass is 64-permutation MinHash, one of the eight "
        "things that a signature holds."
    )
    return section("Signatures", told, table(head, rows) + _parts(runs[0].get("ns_per_byte", {})))


def _parts(costs: dict[str, float]) -> str:
    """What each signature costs by itself."""
    if not costs:
        return ""
    whole, pass_ = costs["sign_text"], costs["minhash"]
    kernels = {name: ns for name, ns in costs.items() if name not in ("sign_text", "minhash")}
    rest = whole - sum(kernels.values())
    rows = [
        [n, f"{ns:.2f}", f"{ns / pass_:.2f}"]
        for n, ns in (*kernels.items(), ("looking up, joining, tables", rest), ("all", whole))
    ]
    told = (
        "\nWhat each part costs on the ASCII prompts, text alone, each kernel run by itself. The target for all together is "
        "three times the pass.\n\n"
    )
    return told + table(["part", "ns a byte", "times the pass"], rows)


def ingest() -> str:
    """Each adapter against the fastest reader."""
    runs = newest("speed.ingest")
    if not runs:
        return ""
    rows = [
        [r["log"], f"{r['mb_per_s']}", r["yardstick"], f"{r['yardstick_mb_per_s']}", f"{r['times_yardstick']}"]
        for r in runs[0]["races"]
    ]
    told = "`python -m benchmarks.speed.ingest`, one core; MB of uncompressed JSON, for Parquet of the table in memory."
    return section("Reading logs", told, table(["log", "MB/s", "yardstick", "its MB/s", "times its time"], rows))


def startup() -> str:
    """Until something is seen."""
    runs = newest("speed.startup")
    if not runs:
        return ""
    rows = [
        [what, f"{runs[0][name]['cpu_s']:.2f}", f"{runs[0][name]['wall_s']:.2f}"]
        for what, name in (
            ("`stillwatch --help`", "help"),
            (f"`stillwatch scan` of {runs[0]['lines']:,} lines, kernels compiled for the first time", "first_scan"),
            (f"`stillwatch scan` of {runs[0]['lines']:,} lines, kernels from the disk cache", "warm_scan"),
            ("yardstick: a Python that imports numba and pyarrow and ends", "bare_import"),
        )
    ]
    told = "`python -m benchmarks.speed.startup`, processes with all that they start. Wall seconds are those of a busy machine."
    return section("Start-up", told, table(["what", "CPU s", "wall s"], rows))


def beside() -> str:
    """What one would build or install instead."""
    runs = newest("speed.side_by_side")
    if not runs:
        return ""
    line = runs[0]
    rows = [
        [
            r["tool"],
            f"{r['cpu_s']:.1f}",
            f"{r['exchanges_per_cpu_s']:,}",
            f"{r['times_stillwatch']}",
            f"{r['found']} of {line['planted']}",
            f"{r['benign_accused']:,} of {line['benign']:,}",
        ]
        for r in line["tools"]
    ]
    head = ["tool", "CPU s", "exchanges a CPU-s", "times Stillwatch", "campaign accounts accused", "benign accounts accused"]
    quoted = [f"{q['tool']}, not run here: {q['exchanges_per_s']} exchanges a second ({q['told']}).\n" for q in line["quoted"]]
    told = (
        f"`python -m benchmarks.speed.side_by_side`: the same log of {line['n_exchanges']:,} exchanges for all. Those that are "
        "built link accounts by near-equal prompts and accuse components of at least five; Stillwatch accuses core and probable "
        "of a likely campaign."
    )
    return section("Beside what one would build, or install", told, table(head, rows), *quoted)


def page() -> str:
    """The whole page."""
    return HEAD + scan() + full_size() + growth() + signatures() + ingest() + startup() + beside()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
