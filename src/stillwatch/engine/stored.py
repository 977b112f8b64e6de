"""What every engine does alike: tables in a folder, read and written whole, and an end that lets go of what it holds."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from stillwatch.engine import parts
from stillwatch.engine.spill import Spill
from stillwatch.records.tables import TableSpec


class Stored:
    """
    Tables below a folder, of which an engine is made; what runs the queries is the engine's own.

    Args:
        root: Folder of the tables; made if absent.
        temporary: Folder to spill into; None = beside the tables.
    """

    def __init__(self, root: Path, temporary: Path | None = None) -> None:
        self._root = root
        self._temporary = temporary or root / "spill"
        self._spilled_bytes = 0
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
        if self._temporary == self._root / "spill":  # one that the settings name is not ours to remove
            with suppress(OSError):  # somebody else's files are in it, or it never was
                self._temporary.rmdir()

    @contextmanager
    def spill(self) -> Iterator[Spill]:
        """Room for arrays that need not stay in memory; its bytes are counted when it is given back."""
        with Spill(self._temporary / f"arrays-{os.getpid()}") as room:
            try:
                yield room
            finally:
                self._spilled_bytes += room.n_bytes

    @property
    def spilled_bytes(self) -> int:
        """Bytes of arrays that stages have spilled so far; what queries spill is the database's own."""
        return self._spilled_bytes

    def has(self, spec: TableSpec) -> bool:
        """Is the table stored?"""
        return bool(parts.part_files(self._root, spec))

    def read(self, spec: TableSpec, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole stored table."""
        return parts.read_table(self._root, spec, columns)

    def write(self, spec: TableSpec, table: pa.Table) -> None:
        """Replace a stored table."""
        parts.write_table(self._root, spec, table)
