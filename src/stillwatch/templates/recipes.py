"""Heavy fragments that travel together are one recipe, named by what it is made of and by nothing else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, mix

NAMED_BY = 4  # smallest fragments that make the name: more would rename the recipe whenever one of many fades
_CONTRACT, _SEMANTIC = U(0xC047), U(0x5E3A)


@dataclass(frozen=True, slots=True)
class Recipes:
    """Recipes by number, and the number of the recipe that each heavy fragment belongs to."""

    ids: npt.NDArray[np.int64]
    component: npt.NDArray[np.int64]
    n_fragments: npt.NDArray[np.int32]


def name_recipes(fragments: npt.NDArray[np.int64], roots: npt.NDArray[np.int32]) -> Recipes:
    """
    One recipe a component.

    Args:
        fragments: Heavy fragments, sorted.
        roots: Component of each.
    """
    _, component = np.unique(roots, return_inverse=True)
    n = int(component.max()) + 1 if len(component) else 0
    ids, sizes = np.zeros(n, np.uint64), np.zeros(n, np.int32)
    _name(fragments, component, ids, sizes)
    return Recipes(ids.view(np.int64), component.astype(np.int64), sizes)


@njit(cache=True, nogil=True)
def _name(fragments: Any, component: Any, ids: Any, sizes: Any) -> None:
    for i in range(len(fragments)):
        c = component[i]
        if sizes[c] < NAMED_BY:
            ids[c] = mix(ids[c] ^ U(fragments[i]))
        sizes[c] += 1


@njit(cache=True, nogil=True)
def _salted(values: Any, salt: np.uint64, out: Any) -> None:
    for i in range(len(values)):
        out[i] = np.int64(mix(U(values[i]) ^ salt))


def contract_recipes(contracts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The recipe of each contract."""
    out = np.empty(len(contracts), np.int64)
    _salted(contracts, _CONTRACT, out)
    return out


def semantic_recipes(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The recipe of each semantic cell."""
    out = np.empty(len(cells), np.int64)
    _salted(cells, _SEMANTIC, out)
    return out
