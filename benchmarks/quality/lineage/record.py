"""One JSON line a run, appended to benchmarks/results: scenario, commit, machine, numbers."""

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

RESULTS = Path(__file__).parents[2] / "results"


def record(scenario: str, numbers: Mapping[str, Any]) -> None:
    """Append one run and print it."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=RESULTS.parent, check=False
    )
    line = {
        "scenario": scenario,
        "commit": commit.stdout.strip() or None,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.system(), "architecture": platform.machine(), "cores": os.cpu_count()},
        "numbers": dict(numbers),
    }
    RESULTS.mkdir(exist_ok=True)
    raw = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
    with (RESULTS / f"{scenario}.jsonl").open("ab") as file:
        file.write(raw)
    print(orjson.dumps(line, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode())
