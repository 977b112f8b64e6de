"""
Blocks of one model that may be counted separately.

The exact test adds up blocks because each is its own uniform permutation under the null. Copies inside one model are not: an
upcycled mixture's experts start as one MLP, and a depth-expanded model repeats layers, so an innocent suspect of that kind has
the same permutation many times. Of blocks that are alike inside the suspect only the first is counted; the choice looks at the
suspect alone, so it costs the test nothing but power.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np

from stillwatch.lineage.blocks import Block
from stillwatch.lineage.features import chosen, read
from stillwatch.lineage.weights import Weights

_UNITS = 32
_FEATURES = 256
# correlation of units in the same place: copies start at 1; between layers of trained tiny Llamas and of SmolLM2-135M it stays
# below 0.13, below 0.18 for blocks of two or three heads
_ALIKE = 0.2


def distinct(weights: Weights, blocks: Iterable[Block], most: int, seed: int) -> list[Block]:
    """
    At most `most` blocks of each symmetry in a layer, none of them a copy of another.

    Args:
        blocks: All blocks of the model, those of one symmetry and layer next to each other; never all held at once.
        most: Bounds what is read of models with hundreds of experts.
    """
    kinds: dict[tuple[str, int], list[Block]] = {}
    for block in _thinned(blocks, most, seed):
        kinds.setdefault((block.kind, block.n), []).append(block)
    return [block for alike in kinds.values() for block in _first_of_copies(weights, alike, seed)]


def _thinned(blocks: Iterable[Block], most: int, seed: int) -> Iterator[Block]:
    for _, alike in groupby(blocks, key=lambda block: (block.kind, block.layer)):
        held = list(alike)
        yield from (held[i] for i in chosen(seed, held[0], len(held), most, "blocks"))


def _first_of_copies(weights: Weights, blocks: list[Block], seed: int) -> list[Block]:
    if len(blocks) < 2:
        return blocks
    units = chosen(seed, blocks[0], blocks[0].n, _UNITS, "copies")
    looks = np.stack([_look(weights, block, blocks[0], units, seed) for block in blocks])
    alike = looks @ looks.T > _ALIKE
    kept: list[int] = []
    for i in range(len(blocks)):
        if not alike[i, kept].any():
            kept.append(i)
    return [blocks[i] for i in kept]


def _look(weights: Weights, block: Block, named: Block, units: np.ndarray, seed: int) -> np.ndarray:
    """Features of some units, less what all units share, as one vector of length 1; `named` names the choice of rows."""
    move = next(move for move in block.moves if move.compared)
    rows = read(weights, named, move, units, seed)
    step = max(1, rows.shape[1] // _FEATURES)
    rows = rows[:, ::step][:, :_FEATURES]
    flat = (rows - rows.mean(axis=0)).ravel()
    norm = float(np.linalg.norm(flat))
    return flat / norm if norm > 0 else flat
