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
class Listed:
    """
    Tokens and who holds them.

    Args:
        tokens: (n,) digests, ascending.
        starts: (n + 1,) where the accounts of each begin.
        account: Their numbers, ascending and each once within a token; every token has some.
    """

    tokens: Ints
    starts: Ints
    account: npt.NDArray[np.int32]


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
        n = engine.query("SELECT count(*) AS n FROM uses")["n"][0].as_py()
        table = engine.read(tables.RECIPES).sort_by("recipe")
        layers = {name: table[name].to_numpy() for name in ("recipe", "family", "bundle")}
        recipes, holders = Interner(), Interner()
        recipes.add(layers["recipe"])
        holders.add(accounts)
        recipe, account, at = np.empty(n, np.int32), np.empty(n, np.int32), 0
        for batch in engine.batches("SELECT recipe, account FROM uses"):
            here = slice(at, at + batch.num_rows)
            recipe[here] = recipes.find(batch.column("recipe").to_numpy())
            account[here] = holders.find(batch.column("account").to_numpy())
            at += batch.num_rows
        pairs = distinct_by_number(recipe, account, table.num_rows, len(accounts))
        return cls(accounts, layers, *pairs)

    def lists(self, kind: str) -> Listed:
        """
        The accounts of each token of a layer; families of one recipe are left out.

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
        there = np.diff(starts) > 0
        return Listed(digests[there], np.append(starts[:-1][there], starts[-1]), account)
