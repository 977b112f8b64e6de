"""What the atlas's lines say together, cell by cell, and the frontier that follows from them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.quality.atlas.run import Cell

Told = Mapping[Cell, tuple[int, int]]
OFTEN = 0.8  # of the plantings of a cell: with six of them, five


def together(lines: Iterable[Mapping[str, Any]]) -> dict[Cell, tuple[int, int]]:
    """How often each cell was seen, and how often it was planted, over all worlds."""
    seen: Counter[Cell] = Counter()
    planted: Counter[Cell] = Counter()
    for line in lines:
        for *dials, n_seen, n_planted in line["cells"]:
            seen[Cell(*dials)] += n_seen
            planted[Cell(*dials)] += n_planted
    return {cell: (seen[cell], n) for cell, n in planted.items()}


def smallest(told: Told, shape: str, cover: float) -> Cell | None:
    """The cell of fewest exchanges on the size map that was seen as often as OFTEN, with all larger ones that were planted."""
    size = {c: hits for c, hits in told.items() if (c.map, c.shape, c.cover) == ("size", shape, cover) and hits[1]}
    safe = [
        c
        for c in size
        if all(s >= OFTEN * n for o, (s, n) in size.items() if o.n_accounts >= c.n_accounts and o.requests >= c.requests)
    ]
    return min(safe, key=lambda c: (c.n_accounts * c.requests, c.n_accounts), default=None)


def shares(told: Told, rows: Sequence[Sequence[Cell]]) -> list[list[float | None]]:
    """Share seen of each cell; None where it could not be planted."""
    counts = [[told.get(cell, (0, 0)) for cell in row] for row in rows]
    return [[seen / n if n else None for seen, n in row] for row in counts]
