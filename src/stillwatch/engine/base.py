"""
All that a stage may ask of an engine: map a task over items, run a query, read and write tables.

Why not a data-frame API: stages would learn one library's dialect. A task is a pure picklable function; a query is plain
SQL in the small subset that DuckDB and Spark share (own hash values only, BIGINT signed, `1.0e0` not `1.0`,
ORDER BY wherever order matters). The same tables come out on every engine.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

from stillwatch.engine.spill import Spill
from stillwatch.records.tables import TableSpec

Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """What every stage is handed."""

    @property
    def root(self) -> Path:
        """The folder that holds the tables, one folder a table, one Parquet file a part."""
        ...

    def map(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """
        Run `task` over `items` in parallel; results come back in the order of `items`.

        Args:
            task: Pure and picklable. It writes its output with `parts.write_part` and returns a small report.
            items: Picklable units of work.
        """
        ...

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """
        Run one SELECT over the stored tables (by their names) and over `tables` handed in.

        Raises:
            EngineError: the query failed; the message names the stage's remedy (memory, disk), never a value.
        """
        ...

    def batches(self, sql: str, rows: int = 131_072) -> Iterator[pa.RecordBatch]:
        """Run one SELECT and stream its rows; for results that need not fit in memory."""
        ...

    def spill(self) -> AbstractContextManager[Spill]:
        """
        Room on disk for arrays that need not stay in memory.

        Raises:
            EngineError: the disk is full or may not be written.
        """
        ...

    @property
    def spilled_bytes(self) -> int:
        """Bytes of arrays that stages have spilled so far; what queries spill is the database's own."""
        ...

    def has(self, spec: TableSpec) -> bool:
        """Is the table stored?"""
        ...

    def read(self, spec: TableSpec, columns: Sequence[str] | None = None) -> pa.Table:
        """
        A whole stored table, in its stored order.

        Raises:
            EngineError: the table is missing.
        """
        ...

    def write(self, spec: TableSpec, table: pa.Table) -> None:
        """Replace a stored table; columns are checked against the declaration, order of rows is kept."""
        ...
