"""
Families and bundles of recipes.

A *family* holds the variants of one template: recipes whose exchanges mean nearly the same by the majority of their S4, or
roughly the same and also share their contract or most of their accounts. Accounts alone never make a family: a framework
that a quarter of all accounts use contains everything. A *bundle* holds recipes that the same accounts run (Jaccard of
the account sets), so that a framework with twelve prompts counts once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, mix
from stillwatch.methods.intern import Interner
from stillwatch.methods.nearness import Signs, link_near, link_within, majorities
from stillwatch.methods.postings import Sketches, roots
from stillwatch.methods.ragged import distinct_by_number
from stillwatch.settings import TemplateSettings


@dataclass(frozen=True, slots=True)
class Kin:
    """For each recipe, by number: the smallest recipe of its family, and of its bundle."""

    family: npt.NDArray[np.int64]
    bundle: npt.NDArray[np.int64]


class Relations:
    """
    What the uses of each recipe say of it: meaning, contract and accounts in 1,100 bytes a recipe, and eight bytes a use.

    The contract of a recipe is the bitwise majority of its exchanges' contracts: that of more than half of them, whatever the
    others hold; that of fewer where the others scatter; none where most hold none. It needs no list of the contracts seen.

    Args:
        ids: Recipes, sorted; a recipe's number is its place.
    """

    def __init__(self, ids: npt.NDArray[np.int64]) -> None:
        self._ids = ids
        self._meaning = Signs(len(ids))
        self._contract = Signs(len(ids), 64)
        self._holders = Sketches(np.arange(len(ids)))
        self._accounts = Interner()
        self._used: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []

    def add(
        self,
        recipe: npt.NDArray[np.int32],
        account: npt.NDArray[np.int64],
        high: npt.NDArray[np.uint64],
        low: npt.NDArray[np.uint64],
        contract: npt.NDArray[np.int64],
    ) -> None:
        """Add uses: the recipe's number, the account, and both halves of S4 and the contract (0 for none) of the exchange."""
        self._meaning.add(high, low, recipe)
        self._contract.add(contract.view(np.uint64), low, recipe)
        hashed = np.empty(len(account), np.uint64)
        _hash(account, hashed)
        self._holders.add(recipe.astype(np.int64), np.arange(len(recipe) + 1), hashed)
        self._used.append((recipe, self._accounts.add(account)))

    def counts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Exchanges and distinct accounts of each recipe."""
        recipe, account = map(np.concatenate, zip(*self._used, strict=True)) if self._used else (np.empty(0, np.int32),) * 2
        starts, _ = distinct_by_number(recipe, account, len(self._ids), len(self._accounts))
        return np.bincount(recipe, minlength=len(self._ids)), np.diff(starts)

    def kin(self, settings: TemplateSettings) -> Kin:
        """Families and bundles under the settings' thresholds."""
        high, low = self._sketches()
        near, related = settings.semantic_hamming, 2 * settings.semantic_hamming
        parents = np.arange(len(self._ids), dtype=np.int32)
        link_near(high, low, near, parents)
        # two sets of one size that contain half of each other have this Jaccard
        mutual = self._holders.components(settings.family_containment / (2 - settings.family_containment))
        link_within(mutual.astype(np.int64), high, low, related, parents)
        link_within(self._contract_keys(), high, low, related, parents)
        return Kin(self._ids[roots(parents)], self._ids[self._holders.components(settings.bundle_jaccard)])

    def _sketches(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Majorities of S4; a recipe without words gets one that is near to no other."""
        high, low = majorities(self._meaning.totals())
        blank = (high == 0) & (low == 0)
        apart = np.empty(len(high), np.uint64)
        _hash(self._ids, apart)
        high[blank], low[blank] = apart[blank], ~apart[blank]
        return high, low

    def _contract_keys(self) -> npt.NDArray[np.int64]:
        """Majority contracts; a recipe without one gets a key that no other has."""
        contract = majorities(self._contract.totals())[0].view(np.int64)
        return np.where(contract == 0, self._ids, contract)


@njit(cache=True, nogil=True)
def _hash(values: Any, out: Any) -> None:
    for i in range(len(values)):
        out[i] = mix(U(values[i]))
