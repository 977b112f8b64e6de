"""Real text for worlds: a folder of prompt sources, read once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Corpora:
    """Where real text lies."""

    folder: Path
