"""Which account runs which recipe, each pair once: read once for all that is asked of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stillwatch.engine.base import Engine
from stillwatch.records import tables

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Uses:
    """
    Args:
        accounts: (n_accounts,) all digests of the log, ascending; an account's number is its place here.
        layers: Of each recipe number its digest ("recipe"), family and bundle.
        recipe, account: (n,) numbers, each pair once.
    """

    accounts: Ints
    layers: dict[str, Ints]
    recipe: Ints
    account: Ints

    @classmethod
    def load(cls, engine: Engine, accounts: Ints) -> Self:
        """One pass over USES."""
        table = engine.read(tables.RECIPES).sort_by("recipe")
        layers = {name: table[name].to_numpy() for name in ("recipe", "family", "bundle")}
        pairs = engine.query("SELECT DISTINCT u.recipe, u.account FROM uses u JOIN recipes r ON r.recipe = u.recipe")
        recipe = np.searchsorted(layers["recipe"], pairs["recipe"].to_numpy())
        return cls(accounts, layers, recipe, np.searchsorted(accounts, pairs["account"].to_numpy()))

    def pairs(self, kind: str) -> tuple[Ints, Ints]:
        """
        Digest and account number of each pair of a layer, once, sorted by both; families of one recipe are left out.

        Args:
            kind: "recipe", "family" or "bundle".
        """
        digests, number, n_recipes = np.unique(self.layers[kind], return_inverse=True, return_counts=True)
        used, account = number[self.recipe], self.account
        if kind == "family":
            several = n_recipes[used] > 1
            used, account = used[several], account[several]
        keys = np.unique(used * len(self.accounts) + account)
        return digests[keys // len(self.accounts)], keys % len(self.accounts)
