"""
Features of a block's units, read from disk no further than they are used.

Any fixed choice of features keeps a permutation test exact, so large blocks are subsampled: some units, some rows. Both models
get the same choice, drawn from the seed and the block's place.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage.blocks import Block, Index, Move
from stillwatch.lineage.decode import Float32
from stillwatch.lineage.weights import Weights
from stillwatch.methods.matching import cosines

_MOST_ROWS = 256  # of a matrix whose columns are compared: 256 features tell 4,096 units apart
_MOST_VALUES = 4_000_000  # decoded at once for one role of one block: 16 MB
_EXPERT_ROWS = 4  # rows of an expert's own matrices; its router row is compared whole


@dataclass(frozen=True, slots=True)
class Pair:
    """Similarity of the units of one block of the suspect with those of the base, `(n, n)`, same units in the same order."""

    kind: str
    layer: int | None
    label: str
    similarity: NDArray[np.float32]


def chosen(seed: int, block: Block, of: int, most: int, what: str) -> Index:
    """A sorted choice of at most `most` of `of`, the same for every model with such a block."""
    return _choice(seed, f"{block.kind}/{block.layer}/{block.label}/{what}", of, most)


def _choice(seed: int, place: str, of: int, most: int) -> Index:
    if of <= most:
        return np.arange(of)
    return np.sort(np.random.default_rng([seed, zlib.crc32(place.encode())]).choice(of, most, replace=False))


def similarity(
    suspect: tuple[Weights, Block], base: tuple[Weights, Block], units: Index, seed: int
) -> NDArray[np.float32] | None:
    """
    Sum over roles of the cosines of units; None where no role can be compared.

    Columns of two quantised tensors are left out: both formats share scales between neighbouring columns, so that columns are not
    strictly exchangeable. Roles whose features differ in number are left out, too.
    """
    total: NDArray[np.float32] | None = None
    theirs = {move.role: move for move in base[1].moves if move.compared}
    for move in suspect[1].moves:
        other = theirs.get(move.role)
        if not move.compared or other is None or _extent(suspect[0], move) != _extent(base[0], other):
            continue
        if move.along == "columns" and _both_quantised(suspect[0], move, base[0], other):
            continue
        left = read(suspect[0], suspect[1], move, units, seed)
        right = read(base[0], suspect[1], other, units, seed)
        found = cosines(left, right)
        total = found if total is None else total + found
    return total


def _extent(weights: Weights, move: Move) -> tuple[int, int]:
    """Features that a unit has in this tensor: positions of its own, times what lies across."""
    rows, columns = weights.shape(move.tensors[0])
    if move.along == "tensors":
        return move.at.shape[1] * rows, columns
    across = columns if move.along == "rows" else (rows if move.within is None else move.within[1] - move.within[0])
    return move.at.shape[1], across


def _both_quantised(suspect: Weights, move: Move, base: Weights, other: Move) -> bool:
    return suspect.places[move.tensors[0]].code.quantised and base.places[other.tensors[0]].code.quantised


def read(weights: Weights, block: Block, move: Move, units: Index, seed: int, rows: Index | None = None) -> Float32:
    """
    Features `(units, …)` of one move.

    Args:
        block: Names the choice of rows; the suspect's for both models, so that both get the same.
        rows: Rows to read where units are columns; a choice of at most 256 without it.
    """
    at = move.at[units]
    if move.along == "columns":
        start, stop = move.within or (0, weights.shape(move.tensors[0])[0])
        # one choice for all blocks of a layer that look at this tensor, so that its rows are read once
        picked = start + _choice(seed, f"{block.layer}/{move.role}", stop - start, _MOST_ROWS) if rows is None else rows
        values = weights.rows(move.tensors[0], picked)[:, at.ravel()]
        return values.reshape(len(picked), *at.shape).transpose(1, 0, 2).reshape(len(units), -1)
    if move.along == "rows":
        columns = weights.shape(move.tensors[0])[1]
        most = max(1, min(_MOST_VALUES // (len(units) * columns), at.shape[1]))
        picked = chosen(seed, block, at.shape[1], min(most, _EXPERT_ROWS) if "expert" in block.kind else most, move.role)
        return weights.rows(move.tensors[0], at[:, picked].ravel()).reshape(len(units), -1)
    deep = weights.shape(move.tensors[0])[0]
    picked = chosen(seed, block, at.shape[1] * deep, _EXPERT_ROWS, move.role)
    return np.stack([np.concatenate([weights.rows(move.tensors[one[p // deep]], [p % deep])[0] for p in picked]) for one in at])


def pairs(suspect: Weights, theirs: list[Block], base: Weights, ours: list[Block], most_units: int, seed: int) -> Iterator[Pair]:
    """
    Similarities of all blocks that both models have with as many units.

    Args:
        theirs: Blocks of the suspect, independent of each other under the null (`distinct`).
        most_units: Units compared of a block; 512 of them push p below 1e-1000 already.
    """
    there = {block.place: block for block in ours}
    for block in theirs:
        other = there.get(block.place)
        if other is None or other.n != block.n:
            continue
        found = similarity((suspect, block), (base, other), chosen(seed, block, block.n, most_units, "units"), seed)
        if found is not None:
            yield Pair(block.kind, block.layer, block.label, found)
