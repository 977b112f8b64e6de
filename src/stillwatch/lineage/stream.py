"""
The residual stream's dimensions as units: embedding and head columns over the tokens that two models share.

Where both embeddings are quantised, neighbouring columns share scales; units are then compared only inside runs that share one
scale, because only there do they change places without changing anything else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stillwatch.lineage.blocks import Block, Index, Move
from stillwatch.lineage.features import Pair, chosen, read
from stillwatch.lineage.names import Model
from stillwatch.lineage.symmetries import residual
from stillwatch.lineage.vocabulary import shared_tokens
from stillwatch.methods.matching import cosines

_FEWEST_TOKENS = 64
_MOST_TOKENS = 1_024
_MOST_RUNS = 32


@dataclass(frozen=True, slots=True)
class Tokens:
    """Ids of the same tokens in two models, and how they were found."""

    suspect: Index
    base: Index
    note: str


def common_tokens(suspect: Model, base: Model) -> Tokens | str:
    """Tokens with equal byte strings; by id where a checkpoint brings no vocabulary; or why there are none, in words."""
    rows = suspect.weights.shape(suspect.top["embed"])[0], base.weights.shape(base.top["embed"])[0]
    left, right = suspect.weights.vocabulary, base.weights.vocabulary
    if left is None or right is None:
        if rows[0] != rows[1]:
            return f"a vocabulary is missing and the embeddings have {rows[0]} and {rows[1]} rows"
        same = np.arange(rows[0])
        return Tokens(same, same, "token ids are taken to mean the same in both, because a vocabulary is missing")
    pairs = np.array([p for p in shared_tokens(left, right) if p[0] < rows[0] and p[1] < rows[1]], dtype=np.int64).reshape(-1, 2)
    if len(pairs) < _FEWEST_TOKENS:
        return f"the vocabularies share {len(pairs)} tokens, fewer than {_FEWEST_TOKENS}"
    return Tokens(pairs[:, 0], pairs[:, 1], f"{len(pairs)} tokens are shared as byte strings")


def stream_pairs(suspect: Model, base: Model, tokens: Tokens, most_units: int, seed: int) -> Iterator[Pair]:
    """Similarities of the residual dimensions: one block, or a block a run where both are quantised; none if widths differ."""
    if suspect.width != base.width:
        return
    block, other = residual(suspect), {move.role: move for move in residual(base).moves if move.compared}
    picked = chosen(seed, block, len(tokens.suspect), _MOST_TOKENS, "tokens")
    moves = [(move, other[move.role]) for move in block.moves if move.compared and move.role in other]
    runs = _runs(suspect, base, moves)
    for number, units in enumerate(_unit_sets(block, runs, suspect.width, most_units, seed)):
        total = np.zeros((len(units), len(units)), dtype=np.float32)
        for move, there in moves:
            left = read(suspect.weights, block, move, units, seed, rows=tokens.suspect[picked])
            right = read(base.weights, block, there, units, seed, rows=tokens.base[picked])
            total += cosines(left, right)
        yield Pair(block.kind, None, "" if runs is None else f"run {number}", total)


def _runs(suspect: Model, base: Model, moves: list[tuple[Move, Move]]) -> int | None:
    """Length of the runs inside which dimensions are exchangeable; None where all are, 0 where none are."""
    longest: list[int] = []
    for move, there in moves:
        codes = suspect.weights.places[move.tensors[0]].code, base.weights.places[there.tensors[0]].code
        if codes[0].quantised and codes[1].quantised:
            longest.append(max(codes[0].run, codes[1].run))  # it is enough that one side's units may change places
    return min(longest) if longest else None


def _unit_sets(block: Block, run: int | None, width: int, most: int, seed: int) -> Iterator[Index]:
    if run is None:
        yield chosen(seed, block, width, most, "units")
    elif run > 1:
        starts = np.arange(0, width - run + 1, run)
        for i in chosen(seed, block, len(starts), _MOST_RUNS, "runs"):
            yield starts[i] + np.arange(run)
