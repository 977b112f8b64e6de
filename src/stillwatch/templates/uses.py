"""Which exchange runs which recipe: the recipes with most matched fragments, at most a few an exchange."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.intern import number_of

MAX_FRAGMENTS = 64


@njit(cache=True, nogil=True)
def match(fragments: Any, offsets: Any, table: Any, component: Any, ids: Any, most: int, recipe: Any, matched: Any) -> Any:
    """
    Recipes of each exchange, most matched fragments first, ties by the smaller recipe.

    Args:
        fragments: int64, all lists one after the other.
        offsets: (n + 1,) where each list lies.
        table: `Interner.table` of the heavy fragments.
        component: Recipe number of each heavy fragment.
        ids: Recipe by its number.
        most: Recipes kept an exchange.
        recipe: (n, most) int64, receives recipes.
        matched: (n, most) int32, receives counts; 0 where there is none.
    """
    found = np.empty(MAX_FRAGMENTS, np.int64)
    counts = np.empty(MAX_FRAGMENTS, np.int32)
    for i in range(len(offsets) - 1):
        n = 0
        for j in range(offsets[i], offsets[i + 1]):
            at = number_of(table, fragments[j])
            if at < 0:
                continue
            this = component[at]
            k = 0
            while k < n and found[k] != this:
                k += 1
            if k == n:
                if n == MAX_FRAGMENTS:
                    continue
                found[n], counts[n] = this, 0
                n += 1
            counts[k] += 1
        for k in range(most):
            best = -1
            for j in range(n):
                if counts[j] > 0 and (
                    best < 0 or counts[j] > counts[best] or (counts[j] == counts[best] and ids[found[j]] < ids[found[best]])
                ):
                    best = j
            if best < 0:
                break
            recipe[i, k], matched[i, k] = ids[found[best]], counts[best]
            counts[best] = 0


def recipes_of(
    fragments: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], table: Any, component: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64], most: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:  # fmt: skip
    """Recipes and matched fragments of each exchange, (n, most); see `match`."""
    recipe = np.zeros((len(offsets) - 1, most), np.int64)
    matched = np.zeros((len(offsets) - 1, most), np.int32)
    if len(component):
        match(fragments, offsets, table, component, ids, most, recipe, matched)
    return recipe, matched
