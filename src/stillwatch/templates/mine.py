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
    recipes = _joined(engine, worded, settings)
    mined = _with_cells(engine, worded, recipes, agreed, settings)
    ids = np.unique(np.concatenate([recipes.ids, mined.contract_ids, mined.cells]))
    relations = Relations(ids)
    engine.write(FRAGMENTS, _fragment_table(worded, recipes))
    parts.drop(engine.root, USES)
    parts.write_part(engine.root, USES, 0, _uses(engine, mined, settings, ids, relations))
    engine.write(RECIPES, _recipe_table(engine, mined, ids, relations.kin(settings)))


def _count(engine: Engine) -> tuple[int, int]:
    told = engine.query("SELECT CAST(COALESCE(SUM(ARRAY_LENGTH(fragments)), 0) AS BIGINT) f, COUNT(contract) c FROM signatures")
    return int(told["f"][0].as_py()), int(told["c"][0].as_py())


def _joined(engine: Engine, worded: Heavy, settings: TemplateSettings) -> Recipes:
    """Join fragments whose posting lists agree."""
    sketches = Sketches(worded.value)
    for batch in batches(engine):
        sketches.add(batch.fragments, batch.offsets, batch.request)
    return name_recipes(worded.value, sketches.components(settings.posting_agreement))


def _with_cells(engine: Engine, worded: Heavy, recipes: Recipes, agreed: Heavy, settings: TemplateSettings) -> Mined:
    """Look for cells of near meaning among the exchanges that share no wording and have enough words to mean something."""
    mined = Mined(worded, recipes, agreed, *(np.empty(0, np.int64) for _ in range(3)))
    matcher = Matcher(mined, settings)
    row, account, high, low = [], [], [], []
    for batch in batches(engine):
        _, matched = matcher.worded(batch)
        chosen = (matched[:, 0] == 0) & (batch.n_words >= settings.semantic_words)
        row.append(batch.row[chosen])
        account.append(batch.account[chosen])
        high.append(batch.high[chosen])
        low.append(batch.low[chosen])
    if not row:
        return mined
    found = cells(
        np.concatenate(high),
        np.concatenate(low),
        np.concatenate(account),
        settings.semantic_radius,
        settings.min_requests,
        settings.min_accounts,
    )
    rows, inside = np.concatenate(row), found.cell >= 0
    order = np.argsort(rows[inside])
    return Mined(worded, recipes, agreed, semantic_recipes(found.name), rows[inside][order], found.cell[inside][order])


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
    matcher = Matcher(mined, settings)
    for batch in batches(engine):
        recipe, matched = matcher.all(batch)
        used = matched > 0
        of = np.repeat(np.arange(len(batch.row)), used.sum(axis=1))
        relations.add(np.searchsorted(ids, recipe[used]), batch.account[of], batch.high[of], batch.low[of], batch.contract[of])
        yield pa.table({"row": batch.row[of], "account": batch.account[of], "recipe": recipe[used], "matched": matched[used]})


def _fragment_table(worded: Heavy, recipes: Recipes) -> pa.Table:
    return pa.table(
        {
            "fragment": worded.value,
            "recipe": recipes.ids[recipes.component],
            "n_requests": worded.n_requests,
            "n_accounts": worded.n_accounts,
        }
    )


def _recipe_table(engine: Engine, mined: Mined, ids: npt.NDArray[np.int64], kin: Kin) -> pa.Table:
    kind = np.full(len(ids), "wording", object)
    kind[np.searchsorted(ids, mined.contract_ids)] = "contract"
    kind[np.searchsorted(ids, mined.cells)] = "semantic"
    n_fragments = np.zeros(len(ids), np.int32)
    n_fragments[np.searchsorted(ids, mined.recipes.ids)] = mined.recipes.n_fragments
    known = pa.table(
        {
            "recipe": ids,
            "kind": pa.array(kind, pa.string()),
            "family": kin.family,
            "bundle": kin.bundle,
            "n_fragments": n_fragments,
        }
    )
    return engine.query(_RECIPES, known=known)


_RECIPES = """
SELECT k.recipe, k.kind, k.family, k.bundle, u.n_requests, u.n_accounts, k.n_fragments
FROM known k JOIN (
    SELECT recipe, COUNT(*) AS n_requests, COUNT(DISTINCT account) AS n_accounts FROM uses GROUP BY recipe
) u ON k.recipe = u.recipe
ORDER BY k.recipe
"""
