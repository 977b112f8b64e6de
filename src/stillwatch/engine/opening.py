"""Which engine a run gets: the embedded one, or the cluster that the settings name."""

import importlib
from contextlib import AbstractContextManager
from pathlib import Path

from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import SettingsError
from stillwatch.settings import EngineSettings

_CLUSTER = "stillwatch.engine.spark"  # imported where it is asked for: it needs an extra, and a Java machine


def opened(root: Path, settings: EngineSettings) -> AbstractContextManager[Engine]:
    """
    The engine of a run over the tables below `root`.

    Raises:
        SettingsError: `engine.name` names no engine.
        EngineError: the engine's packages, or its cluster, are not there.
    """
    if settings.kind == "duckdb":
        return DuckDBEngine(root, settings)
    if settings.kind == "spark":
        made: AbstractContextManager[Engine] = importlib.import_module(_CLUSTER).SparkEngine(root, settings)
        return made
    raise SettingsError(
        f"engine.name '{settings.name}' is unknown. Known: duckdb, or a Spark master as spark-submit spells it "
        "(spark://host:7077, local[2], yarn), or spark for the session that spark-submit has set up"
    )
