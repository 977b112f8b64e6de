"""
Logs in, exchanges out: one file a log format.

>>> [a.name for a in ADAPTERS]
['exchanges', 'signatures', 'litellm', 'pairs']
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from stillwatch.ingest import inspection, sources
from stillwatch.ingest.base import Adapter, BadLine, LogFile, Piece, Skipped, Source, Split
from stillwatch.ingest.canonical import CANONICAL
from stillwatch.ingest.inspection import enough
from stillwatch.ingest.litellm import LITELLM
from stillwatch.ingest.pairs import PAIRS
from stillwatch.ingest.signed import SIGNED
from stillwatch.settings import IngestSettings

ADAPTERS: tuple[Adapter, ...] = (CANONICAL, SIGNED, LITELLM, PAIRS)

__all__ = [
    "ADAPTERS",
    "Adapter",
    "BadLine",
    "LogFile",
    "Piece",
    "Skipped",
    "Source",
    "Split",
    "discover",
    "enough",
    "inspect",
    "read",
]


def discover(paths: Sequence[str], settings: IngestSettings) -> Source:
    """
    Find the logs below `paths` (files, folders, globs), tell each one's format by its content, and split them.

    Raises:
        LogFormatError: a path is missing, a named file is no log, or nothing below the paths is one.
    """
    return sources.discover(paths, settings, ADAPTERS)


def read(split: Split, settings: IngestSettings) -> Iterator[Piece]:
    """
    The pieces of one split, in the order of the file; a worker process needs nothing but the split and the settings.

    Raises:
        LogFormatError: the file cannot be opened, or a line is bad and `on_bad_line` is "fail".
    """
    adapter = next(a for a in ADAPTERS if a.name == split.format)
    first = 0
    for part in (split, *split.also):
        n_rows = 0
        for piece in adapter.read(part, settings):
            n_rows += piece.n_rows
            yield replace(piece, first_index=piece.first_index + first)
        first += n_rows


def inspect(paths: Sequence[str], settings: IngestSettings, most_rows: int | None = None) -> inspection.Inspection:
    """
    What the logs below `paths` hold, from all rows or from about `most_rows` of them, spread evenly.

    Raises:
        LogFormatError: as `discover`, or too little of the input could be read.
    """
    return inspection.inspect(discover(paths, settings), settings, read, most_rows)
