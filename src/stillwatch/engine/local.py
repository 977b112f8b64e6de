"""The engine that a map task opens where it runs: the stored tables, one core, a bounded share of memory."""

import os
from pathlib import Path

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.settings import EngineSettings

MEMORY_GB = 1.0  # for a task's own queries; what it holds in arrays is bounded by its unit of work


class Local(DuckDBEngine):
    """
    The stored tables of another engine, read by one task.

    Args:
        root: Folder of the tables, which every worker sees.
    """

    def __init__(self, root: Path) -> None:
        spill = root / "spill" / f"task-{os.getpid()}"  # two engines must not spill into one folder
        super().__init__(root, EngineSettings(workers=1, memory_gb=MEMORY_GB, temp_dir=spill))
