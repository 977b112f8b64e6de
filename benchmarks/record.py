"""One JSON line a run: what was measured, on which commit and machine."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

RESULTS = Path(__file__).parent / "results"


def record(scenario: str, numbers: dict[str, Any]) -> Path:
    """
    Append one line to `results/<scenario>.jsonl`.

    Args:
        scenario: Permanent id of the scenario, as quality.accept.
        numbers: What was measured, with n and intervals.
    """
    line = {
        "scenario": scenario,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _commit(),
        "machine": {"cores": len(os.sched_getaffinity(0)), "arch": platform.machine(), "python": platform.python_version()},
        **numbers,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{scenario}.jsonl"
    with open(path, "ab") as out:
        out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY))
    return path


def _commit() -> str:
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def seeds_of(told: str) -> range:
    """
    Seeds as they are asked for: one, or the first and the last.

    >>> seeds_of("3-5"), seeds_of("7")
    (range(3, 6), range(7, 8))
    """
    first, _, last = told.partition("-")
    return range(int(first), int(last or first) + 1)
