"""The log of a world on disk: Parquet parts, or JSON lines for readers that want them; sorted by time over all parts."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import EngineError, SettingsError
from stillwatch.records.tables import EXCHANGES

STORAGE: dict[str, Any] = {"compression": "zstd", "compression_level": 1}
FORMATS = ("parquet", "ndjson")


def fresh(out: Path) -> Path:
    """
    The log's folder below `out`, without the parts of an earlier world.

    Raises:
        SettingsError: there is a log that no world left there; it may be somebody's only copy.
        EngineError: the folder may not be written.
    """
    folder = out / "log"
    with _told(out):
        folder.mkdir(parents=True, exist_ok=True)
        old = list(folder.glob("part-*.*"))
        if old and not (out / "truth" / "exchanges.parquet").exists():
            raise SettingsError(f"{folder}: holds a log that is no world's. Choose another --out")
        for part in old:
            part.unlink()
    return folder


@contextmanager
def _told(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full. Free some space and run again" if full else str(error.strerror)
        raise EngineError(f"{where}: cannot write: {what}") from error


class Part:
    """One open part."""

    def __init__(self, parquet: pq.ParquetWriter | None, lines: IO[bytes] | None) -> None:
        self._parquet, self._lines = parquet, lines

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if self._parquet:
            self._parquet.write_table(table)
        if self._lines:
            for row in table.to_pylist():
                told = {name: value for name, value in row.items() if value is not None}
                self._lines.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))


@contextmanager
def open_part(folder: Path, number: int, form: str) -> Iterator[Part]:
    """
    Open part `number` for writing.

    Raises:
        EngineError: the disk is full or may not be written.
    """
    if form not in FORMATS:
        raise ValueError(f"form must be one of {', '.join(FORMATS)}")
    path = folder / f"part-{number:06d}.{form}"
    with _told(folder):
        if form == "ndjson":
            with path.open("wb") as lines:
                yield Part(None, lines)
        else:
            with pq.ParquetWriter(path, EXCHANGES.schema, **STORAGE) as parquet:
                yield Part(parquet, None)
