"""Which account runs which recipe, each pair once: read once for all that is asked of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stillwatch.engine.base import Engine
from stillwatch.methods.intern import Interner
from stillwatch.methods.ragged import distinct_by_number
from stillwatch.records import tables

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Uses:
    """
    Args:
        accounts: (n_accounts,) all digests of the log, ascending; an account's number is its place here.
        layers: Of each recipe number its digest ("recipe", ascending), family and bundle.
        starts: (n_recipes + 1,) where the accounts of each recipe begin.
        account: (n,) their numbers, ascending and each once within a recipe.
    """

    accounts: Ints
    layers: dict[str, Ints]
    starts: Ints
    account: npt.NDArray[np.int32]

    @classmethod
    def load(cls, engine: Engine, accounts: Ints) -> Self:
        """One pass over USES; eight bytes a use for a while, and no join."""
        table = engine.read(tables.RECIPES).sort_by("recipe")
        layers = {name: table[name].to_numpy() for name in ("recipe", "family", "bundle")}
        recipes, holders = Interner(), Interner()
        recipes.add(layers["recipe"])
        holders.add(accounts)
        recipe, account = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for batch in engine.batches("SELECT recipe, account FROM uses"):
            recipe.append(recipes.find(batch.column("recipe").to_numpy()))
            account.append(holders.find(batch.column("account").to_numpy()))
        pairs = distinct_by_number(np.concatenate(recipe), np.concatenate(account), table.num_rows, len(accounts))
        return cls(accounts, layers, *pairs)

    def pairs(self, kind: str) -> tuple[Ints, Ints]:
        """
        Digest and account number of each pair of a layer, once, sorted by both; families of one recipe are left out.

        Args:
            kind: "recipe", "family" or "bundle".
        """
        digests, number, n_recipes = np.unique(self.layers[kind], return_inverse=True, return_counts=True)
        sizes, starts, account = np.diff(self.starts), self.starts, self.account
        if kind == "family":
            several = n_recipes[number] > 1
            account = account[np.repeat(several, sizes)]
            sizes = sizes * several
        if kind != "recipe":  # whose numbers are the recipes' own
            used = np.repeat(number.astype(np.int32), sizes)
            starts, account = distinct_by_number(used, account, len(digests), len(self.accounts))
        return np.repeat(digests, np.diff(starts)), account.astype(np.int64)
