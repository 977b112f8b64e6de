"""Lines that could not be read, kept with their place and reason, so that they can be mended and read again."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import orjson

from stillwatch.engine import parts
from stillwatch.ingest.base import Piece

FOLDER = "bad"


def lines(piece: Piece) -> list[bytes]:
    """Quarantine lines of one piece: where, why, and the line itself (invalid UTF-8 replaced)."""
    return [
        orjson.dumps(
            {"path": bad.path, "line": bad.line, "reason": bad.reason, "raw": raw.decode("utf-8", "replace")},
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for bad, raw in zip(piece.bad, piece.raw_bad, strict=True)
    ]


def write_part(root: Path, number: int, found: Iterable[bytes], label: str | None = None) -> None:
    """
    Keep the bad lines of one split.

    Raises:
        EngineError: the disk is full or may not be written.
    """
    path = root / FOLDER / f"part-{number:06d}{'-' + label if label else ''}.ndjson"
    try:
        _write_private(path, found)
    except OSError as error:
        raise parts.told(error, path) from error


def gather(root: Path, target: Path) -> None:
    """One file of all bad lines in the order of the log; none where every line was read."""
    files = sorted((root / FOLDER).glob("part-*.ndjson"))
    if files:
        _write_private(target, (f.read_bytes() for f in files))


def drop(root: Path) -> None:
    """Forget the bad lines of an earlier run."""
    shutil.rmtree(root / FOLDER, ignore_errors=True)


def _write_private(path: Path, found: Iterable[bytes]) -> None:
    """They are customers' own lines: readable by their owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.writelines(found)
