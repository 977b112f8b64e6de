"""
A block of exchangeable units: which tensors move with them, and where.

The list of moves is the claim "permuting the units leaves the function unchanged"; tests hold it against real forward passes. The
features of the exact test are the moves marked `compared`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


@lru_cache(maxsize=64)
def in_order(n: int) -> Index:
    """`(n, 1)` one position a unit, in order; one array for all blocks of that size, and read-only for that reason."""
    positions = np.arange(n)[:, None]
    positions.flags.writeable = False
    return positions


@dataclass(frozen=True, slots=True)
class Move:
    """
    How one tensor follows its units.

    Args:
        role: What the tensor does; features of two models are compared role by role.
        tensors: One name; or one name a unit, where every unit has its own tensors.
        along: "rows" or "columns" of the tensor seen as a matrix (all axes but the last are rows), or "tensors".
        at: `(n, m)` the m positions of each of the n units along it.
        within: Half-open range of rows that the columns run over; all rows where None.
        compared: Is it a feature of the exact test?
    """

    role: str
    tensors: tuple[str, ...]
    along: str
    at: Index
    within: tuple[int, int] | None = None
    compared: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """n exchangeable units: `kind` is the symmetry's name, `label` which of its blocks in the layer."""

    kind: str
    layer: int | None
    label: str
    moves: tuple[Move, ...]

    @property
    def n(self) -> int:
        """Units."""
        return len(self.moves[0].at)

    @property
    def place(self) -> tuple[str, int | None, str]:
        """What has to be equal for a block of another model to be held against this one."""
        return self.kind, self.layer, self.label
