"""The engine that a map task opens where it runs."""

from pathlib import Path

import pyarrow as pa

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.engine.local import Local
from stillwatch.records.tables import MODELS
from stillwatch.settings import EngineSettings


def test_a_task_reads_the_tables_of_its_scan(tmp_path: Path) -> None:
    """What the scan stored is there inside a task, beside the scan's own open engine."""
    models = pa.Table.from_pylist([{"model": "m", "released_at": None, "n_accounts": 3, "n_adopters": 0}], schema=MODELS.schema)
    with DuckDBEngine(tmp_path, EngineSettings(workers=1, memory_gb=1.0)) as engine:
        engine.write(MODELS, models)

        with Local(tmp_path) as inside:
            found = inside.query("SELECT n_accounts FROM models")

    assert found["n_accounts"].to_pylist() == [3]
