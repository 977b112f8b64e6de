"""Arrays that need not stay in memory: appended to files, then read from anywhere in them, and gone at the end."""

import mmap
import shutil
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stillwatch.engine.parts import told

Array = npt.NDArray[Any]


class Spill:
    """
    Named columns on disk, each one array that only grows.

    Why not one large array in memory: it would grow with the log. The files are mapped when they are read; `let_go` gives
    the pages back.

    Args:
        folder: Made if absent; must hold nothing of somebody else's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Any] = {}
        self._mapped: list[Any] = []
        self.n_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, name: str, values: Array) -> None:
        """
        Write more of a column.

        Raises:
            EngineError: the disk is full or may not be written.
        """
        try:
            if name not in self._files:
                self._files[name] = open(self._folder / name, "wb")  # noqa: SIM115 closed by `array` or `close`
            self._files[name].write(np.ascontiguousarray(values).data)
        except OSError as error:
            raise told(error, self._folder) from error
        self.n_bytes += values.nbytes

    def array(self, name: str, dtype: npt.DTypeLike) -> Array:
        """A whole column, mapped; nothing more can be written to it."""
        if name in self._files:
            self._files.pop(name).close()
        path = self._folder / name
        if not path.exists() or not path.stat().st_size:
            return np.empty(0, dtype)
        with open(path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._mapped.append(mapped)
        return np.frombuffer(mapped, dtype)

    def let_go(self) -> None:
        """Give the pages that were read back to the system; they are read again where they are needed."""
        for mapped in self._mapped:
            mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Remove the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._mapped.clear()  # arrays that still stand keep their own hold of the map
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
