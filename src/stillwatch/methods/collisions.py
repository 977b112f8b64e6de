"""How many units of a group meet another of it on an infrastructure value, and how many would by its popularity."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stillwatch.methods.numbering import numbered

CROWD = 20.0  # units on a value from which it counts less: a household or team is smaller, a campus or carrier larger


@dataclass(frozen=True, slots=True)
class Collisions:
    """
    Args:
        sharing: Units that share a value with another unit of the group; one on a crowded value counts CROWD / crowd.
        n_units: Units of the group that have a value.
        expected_share: Share of them expected to, were the group drawn from the platform without regard to the value.
        n_shared_values: Values that two or more of the units hold.
    """

    sharing: float
    n_units: int
    expected_share: float
    n_shared_values: int


def collisions(unit: NDArray[np.int64], value: NDArray[np.int64], popularity: NDArray[np.int64], n_platform: int) -> Collisions:
    """
    Count units that meet on a value.

    A unit is an organisation, or an account without one: members of one organisation cannot collide. Values that many
    units of the platform hold (an address behind which a campus sits, a cloud, a common client) carry little twice over:
    they are expected to be met, and they count less.

    Args:
        unit: Unit of each holding, `(n,)`.
        value: Value of each holding, `(n,)`.
        popularity: Units of the whole platform on that value, `(n,)`.
        n_platform: Units of the platform.

    >>> pairs = collisions(np.arange(6), np.array([1, 1, 2, 2, 3, 4]), np.array([2, 2, 2, 2, 1, 1]), 1_000)
    >>> pairs.sharing, pairs.n_units, pairs.n_shared_values, round(pairs.expected_share, 3)
    (4.0, 6, 2, 0.003)
    """
    if unit.size == 0:
        return Collisions(0.0, 0, 0.0, 0)
    units, who = np.unique(unit, return_inverse=True)
    held, _ = numbered(value)
    pair, n_pairs = numbered(held * units.size + who)
    first = np.empty(n_pairs, np.int64)
    first[pair[::-1]] = np.arange(pair.size - 1, -1, -1)
    who, held = who[first], held[first]
    here = np.bincount(held)
    n_here = here[held]
    crowd = np.maximum(popularity[first], n_here)
    counts = np.minimum(1.0, CROWD / crowd)
    met = _largest(who, np.where(n_here >= 2, counts, 0.0), units.size)
    chance = -np.expm1(-(crowd - 1) * (units.size - 1) / max(n_platform - 1, units.size - 1, 1))
    expected = _largest(who, chance * counts, units.size)
    return Collisions(float(met.sum()), units.size, float(expected.mean()), int((here >= 2).sum()))


@njit(cache=True, nogil=True)
def _largest(number: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The largest value of each number, at least 0."""
    out = np.zeros(n)
    for i in range(number.size):
        out[number[i]] = max(out[number[i]], values[i])
    return out
