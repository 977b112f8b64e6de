"""Small tables for tests: rows as dicts, the columns that a test does not care about filled in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.candidates import incidence
from stillwatch.candidates.incidence import Incidence
from stillwatch.candidates.uses import Uses
from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records.tables import ALL, TableSpec
from stillwatch.settings import EngineSettings

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def an_engine(root: Path) -> DuckDBEngine:
    """An engine of one worker over `root`."""
    return DuckDBEngine(root, EngineSettings(workers=1, memory_gb=1.0))


def a_table(spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of a declared table; a missing column is null where it may be, else a plain value of its type."""
    filled = [{c.name: row.get(c.name, None if c.nullable else _plain(c.type)) for c in spec.columns} for row in rows]
    return pa.Table.from_pylist(filled, schema=spec.schema)


def stored(engine: DuckDBEngine, **tables: Sequence[Mapping[str, Any]]) -> DuckDBEngine:
    """Write tables by name into an engine's store."""
    for name, rows in tables.items():
        spec = next(s for s in ALL if s.name == name)
        engine.write(spec, a_table(spec, rows))
    return engine


def minutes(n: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=n)


def _plain(kind: pa.DataType) -> Any:
    if pa.types.is_timestamp(kind):
        return NOON
    if pa.types.is_string(kind):
        return "x"
    return 0.0 if pa.types.is_floating(kind) else 0


def incidence_of(engine: Engine) -> Incidence:
    """Accounts and tokens of the stored tables."""
    return incidence.load(engine, Uses.load(engine, incidence.accounts_of(engine)))
