"""What every engine does alike: tables in a folder, read and written whole, and an end that lets go of what it holds."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from stillwatch.engine import parts
from stillwatch.records.tables import TableSpec


class Stored:
    """
    Tables below a folder, of which an engine is made; what runs the queries is the engine's own.

    Args:
        root: Folder of the tables; made if absent.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    @property
    def root(self) -> Path:
        """The folder that holds the tables."""
        return self._root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what the engine holds; the tables stay."""

    def has(self, spec: TableSpec) -> bool:
        """Is the table stored?"""
        return bool(parts.part_files(self._root, spec))

    def read(self, spec: TableSpec, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole stored table."""
        return parts.read_table(self._root, spec, columns)

    def write(self, spec: TableSpec, table: pa.Table) -> None:
        """Replace a stored table."""
        parts.write_table(self._root, spec, table)
