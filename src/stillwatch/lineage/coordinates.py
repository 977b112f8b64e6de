"""Residual coordinates of the suspect seen from the base: as they are, permuted with signs, or rotated."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage.names import Model
from stillwatch.lineage.stream import Tokens
from stillwatch.methods.alignment import rotation, signed_permutation

_TOKENS_PER_DIMENSION = 2
_WIDEST_ROTATION = 8_192  # one SVD of this size takes minutes on two cores
_FEWEST_TOKENS = 1_024


@dataclass(frozen=True, slots=True)
class View:
    """How the base's residual coordinates became the suspect's: by `turn`, `(base, suspect)`; None = they are the same."""

    name: str
    turn: NDArray[np.float32] | None
    folded: bool = False  # compare readers with their norm's weights folded in, as a rotation requires

    def of(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The suspect's rows, over the base's coordinates: few rows are moved back rather than all of the base forth."""
        return rows if self.turn is None else rows @ self.turn.T


def views(suspect: Model, base: Model, tokens: Tokens | None, seed: int) -> Iterator[View]:
    """
    Views from the cheapest to the dearest; made only when asked for.

    Args:
        tokens: Tokens that both models know; without them the coordinates cannot be moved, only taken as they are.
    """
    if suspect.width == base.width:
        yield View("as they are", None)
    if tokens is None:
        return
    rng = np.random.default_rng([seed, 3])
    most = max(_TOKENS_PER_DIMENSION * max(suspect.width, base.width), _FEWEST_TOKENS)
    picked = np.sort(rng.choice(len(tokens.suspect), min(most, len(tokens.suspect)), replace=False))
    left = suspect.weights.rows(suspect.top["embed"], tokens.suspect[picked])
    right = base.weights.rows(base.top["embed"], tokens.base[picked])
    yield View("permuted with signs", signed_permutation(left, right, rng))
    if max(suspect.width, base.width) <= _WIDEST_ROTATION:
        yield View("rotated", rotation(left, right), folded=True)
