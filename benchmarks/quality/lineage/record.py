"""One JSON line a run, as every benchmark writes it, with the numbers of a lineage scenario under one name; printed too."""

from collections.abc import Mapping
from typing import Any

import orjson
from benchmarks import record as benchmark


def record(scenario: str, numbers: Mapping[str, Any]) -> None:
    """Append one run and print it."""
    path = benchmark.record(scenario, {"numbers": dict(numbers)})
    line = orjson.loads(path.read_bytes().splitlines()[-1])
    print(orjson.dumps(line, option=orjson.OPT_INDENT_2).decode())
