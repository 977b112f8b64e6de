"""
From signatures to recipes: by wording, by contract, and by meaning where there is no shared wording.

Every pass streams the signatures; what stays in memory grows with the fragments that many accounts share, not with the
log. Results do not depend on the order of rows, on how they are split into parts, or on what rows are called.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine import parts
from stillwatch.engine.ahead import ahead
from stillwatch.engine.base import Engine
from stillwatch.methods.intern import Interner
from stillwatch.methods.nearness import cells
from stillwatch.methods.postings import Sketches
from stillwatch.records.tables import FRAGMENTS, RECIPES, USES
from stillwatch.settings import TemplateSettings
from stillwatch.templates.families import Kin, Relations
from stillwatch.templates.heavy import Heavy, heavy
from stillwatch.templates.recipes import Recipes, contract_recipes, name_recipes, semantic_recipes
from stillwatch.templates.stream import Batch, batches, contracts, fragments
from stillwatch.templates.uses import recipes_of

_FRAGMENTS_A_TEXT = 12  # of mixed traffic (docs/reference/signatures.md); it sizes a sieve and moves no result


@dataclass(frozen=True, slots=True)
class Mined:
    """All that an exchange is matched against."""

    worded: Heavy
    recipes: Recipes
    agreed: Heavy  # contracts
    cells: npt.NDArray[np.int64]  # recipes of meaning
    cell_rows: npt.NDArray[np.int64]  # exchanges in a cell, sorted by row
    cell_of: npt.NDArray[np.int64]  # place in `cells` of each

    @property
    def contract_ids(self) -> npt.NDArray[np.int64]:
        """The recipe of each heavy contract."""
        return contract_recipes(self.agreed.value)


@dataclass(frozen=True, slots=True)
class Unworded:
    """Exchanges that share no wording: row, account and both halves of S4."""

    row: npt.NDArray[np.int64]
    account: npt.NDArray[np.int64]
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]


_NO_UNWORDED = Unworded(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.uint64))


def mine(engine: Engine, settings: TemplateSettings) -> None:
    """
    Write `fragments`, `recipes` and `uses` from the stored signatures.

    Args:
        engine: Holds `signatures`.
        settings: When shared wording, a shared contract or a shared meaning is a recipe.
    """
    n_fragments, n_contracts = _count(engine)
    worded = heavy(lambda: fragments(engine), n_fragments, settings.min_requests, settings.min_accounts)
    agreed = heavy(lambda: contracts(engine), n_contracts, settings.min_requests, settings.min_accounts)
    recipes, rest = _joined(engine, worded, settings)
    mined = _with_cells(worded, recipes, agreed, rest, settings)
    ids = np.unique(np.concatenate([recipes.ids, mined.contract_ids, mined.cells]))
    relations = Relations(ids)
    engine.write(FRAGMENTS, _fragment_table(worded, recipes))
    parts.drop(engine.root, USES)
    parts.write_part(engine.root, USES, 0, ahead(_uses(engine, mined, settings, ids, relations)))
    engine.write(RECIPES, _recipe_table(mined, ids, relations.kin(settings), relations.counts()))


def _count(engine: Engine) -> tuple[int, int]:
    """About how many fragments and contracts will come."""
    told = engine.query("SELECT COUNT(exact) AS texts, COUNT(contract) AS contracts FROM signatures")
    return _FRAGMENTS_A_TEXT * int(told["texts"][0].as_py()), int(told["contracts"][0].as_py())


def _joined(engine: Engine, worded: Heavy, settings: TemplateSettings) -> tuple[Recipes, Unworded]:
    """Join fragments whose posting lists agree; keep the exchanges without shared wording, if they have words enough."""
    sketches, rest = Sketches(worded.value), []
    for batch in batches(engine):
        known = sketches.add(batch.fragments, batch.offsets, batch.request)
        chosen = ~known & (batch.n_words >= settings.semantic_words)
        rest.append((batch.row[chosen], batch.account[chosen], batch.high[chosen], batch.low[chosen]))
    recipes = name_recipes(worded.value, sketches.components(settings.posting_agreement))
    return recipes, Unworded(*map(np.concatenate, zip(*rest, strict=True))) if rest else _NO_UNWORDED


def _with_cells(worded: Heavy, recipes: Recipes, agreed: Heavy, rest: Unworded, settings: TemplateSettings) -> Mined:
    """Look for cells of near meaning among the exchanges that share no wording."""
    found = cells(rest.high, rest.low, rest.account, settings.semantic_radius, settings.min_requests, settings.min_accounts)
    inside = found.cell >= 0
    order = np.argsort(rest.row[inside])
    return Mined(worded, recipes, agreed, semantic_recipes(found.name), rest.row[inside][order], found.cell[inside][order])


class Matcher:
    """Finds the recipes that an exchange runs."""

    def __init__(self, mined: Mined, settings: TemplateSettings) -> None:
        self._mined = mined
        self._most = settings.recipes_per_exchange
        self._fragments, self._contracts = Interner(), Interner()
        self._fragments.add(mined.worded.value)
        self._contracts.add(mined.agreed.value)
        self._contract_ids = mined.contract_ids

    def worded(self, batch: Batch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Recipes of wording and their matched fragments, (n, most); 0 matched where there is none."""
        recipes = self._mined.recipes
        return recipes_of(batch.fragments, batch.offsets, self._fragments.table, recipes.component, recipes.ids, self._most)

    def all(self, batch: Batch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """The same with contract and meaning; a contract takes the last place where all are taken."""
        recipe, matched = self.worded(batch)
        mined = self._mined
        if len(mined.cell_rows):
            at = np.minimum(np.searchsorted(mined.cell_rows, batch.row), len(mined.cell_rows) - 1)
            inside = mined.cell_rows[at] == batch.row
            recipe[inside, 0], matched[inside, 0] = mined.cells[mined.cell_of[at[inside]]], 1
        place = np.where(batch.has_contract, self._contracts.find(batch.contract), -1)
        held = np.flatnonzero(place >= 0)
        slot = np.minimum((matched[held] > 0).sum(axis=1), self._most - 1)
        recipe[held, slot], matched[held, slot] = self._contract_ids[place[held]], 1
        return recipe, matched


def _uses(
    engine: Engine, mined: Mined, settings: TemplateSettings, ids: npt.NDArray[np.int64], relations: Relations
) -> Iterator[pa.Table]:
    """Stream the uses, and tell `relations` of each on the way."""
    numbers = Interner()
    numbers.add(ids)
    for batch, recipe, matched in ahead(_matched(engine, Matcher(mined, settings))):
        used = matched > 0
        of = np.repeat(np.arange(len(batch.row)), used.sum(axis=1))
        relations.add(numbers.find(recipe[used]), batch.account[of], batch.high[of], batch.low[of], batch.contract[of])
        yield pa.table({"row": batch.row[of], "account": batch.account[of], "recipe": recipe[used], "matched": matched[used]})


def _matched(engine: Engine, matcher: Matcher) -> Iterator[tuple[Batch, npt.NDArray[np.int64], npt.NDArray[np.int32]]]:
    for batch in batches(engine):
        yield batch, *matcher.all(batch)


def _fragment_table(worded: Heavy, recipes: Recipes) -> pa.Table:
    return pa.table(
        {
            "fragment": worded.value,
            "recipe": recipes.ids[recipes.component],
            "n_requests": worded.n_requests,
            "n_accounts": worded.n_accounts,
        }
    )


def _recipe_table(
    mined: Mined, ids: npt.NDArray[np.int64], kin: Kin, counts: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
) -> pa.Table:
    """A row a recipe, of those that some exchange runs."""
    kind = np.full(len(ids), "wording", object)
    kind[np.searchsorted(ids, mined.contract_ids)] = "contract"
    kind[np.searchsorted(ids, mined.cells)] = "semantic"
    n_fragments = np.zeros(len(ids), np.int32)
    n_fragments[np.searchsorted(ids, mined.recipes.ids)] = mined.recipes.n_fragments
    n_requests, n_accounts = counts
    table = pa.table(
        {
            "recipe": ids,
            "kind": pa.array(kind, pa.string()),
            "family": kin.family,
            "bundle": kin.bundle,
            "n_requests": n_requests,
            "n_accounts": n_accounts,
            "n_fragments": n_fragments,
        }
    )
    return table.filter(pa.array(n_requests > 0))
