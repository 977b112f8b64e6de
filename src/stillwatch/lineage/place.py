"""Where a tensor lies on disk, and the files we refuse to open."""

import math
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import LineageError
from stillwatch.lineage.decode import Code

_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xfd7zXZ": "an xz archive",
}
_PICKLE_PROTOCOLS = frozenset({2, 3, 4, 5})


@dataclass(frozen=True, slots=True)
class Place:
    """One stored tensor: file, first byte, shape (slowest axis first), format."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    code: Code

    @property
    def rows_and_columns(self) -> tuple[int, int]:
        """The tensor as a matrix: all axes but the last are rows; a vector is one row."""
        columns = self.shape[-1] if self.shape else 1
        return math.prod(self.shape[:-1]), columns

    @property
    def row_bytes(self) -> int:
        """Stored bytes of one row."""
        return self.rows_and_columns[1] // self.code.values * self.code.n_bytes

    @property
    def n_bytes(self) -> int:
        """Stored bytes of the tensor."""
        return self.rows_and_columns[0] * self.row_bytes


def read_start(path: Path, n_bytes: int) -> bytes:
    """The first bytes of a file, fewer where it is shorter."""
    try:
        with path.open("rb") as file:
            return file.read(n_bytes)
    except OSError as error:
        raise LineageError(f"{path}: cannot be read ({error.strerror})") from error


def refuse_pickle(path: Path) -> None:
    """
    Refuse by content, whatever the name says: unpickling runs code, and an archive may unpack to anything.

    Raises:
        LineageError: the file is a pickle or an archive.
    """
    start = read_start(path, 9)
    kind = next((told for magic, told in _ARCHIVES.items() if start.startswith(magic)), None)
    if kind is None and len(start) >= 2 and start[0] == 0x80 and start[1] in _PICKLE_PROTOCOLS and start[8:] != b"{":
        kind = "a Python pickle"
    if kind is not None:
        raise LineageError(
            f"{path}: {kind}, as torch.save writes them. Stillwatch opens no pickle and no archive, because loading one can run "
            "code. Convert the checkpoint to safetensors on a machine that trusts it"
        )
