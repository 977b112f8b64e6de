"""
From signatures to recipes: wording first, then contracts, each counted by the distinct accounts that hold it.

Every pass streams the signatures; what stays in memory grows with the fragments that many accounts share, not with the
log. Results do not depend on the order of rows, on how they are split into parts, or on what rows are called.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.methods.intern import Interner
from stillwatch.methods.postings import Sketches
from stillwatch.records.tables import FRAGMENTS, RECIPES, USES
from stillwatch.settings import TemplateSettings
from stillwatch.templates.heavy import Heavy, Held, heavy
from stillwatch.templates.recipes import Recipes, contract_recipes, name_recipes
from stillwatch.templates.stream import batches
from stillwatch.templates.uses import recipes_of


def mine(engine: Engine, settings: TemplateSettings) -> None:
    """
    Write `fragments`, `recipes` and `uses` from the stored signatures.

    Args:
        engine: Holds `signatures`.
        settings: When shared wording is a recipe.
    """
    n_lists = _count(engine)
    worded = heavy(lambda: _fragments(engine), n_lists[0], settings.min_requests, settings.min_accounts)
    agreed = heavy(lambda: _contracts(engine), n_lists[1], settings.min_requests, settings.min_accounts)
    recipes = _joined(engine, worded, settings)
    engine.write(FRAGMENTS, _fragment_table(worded, recipes))
    parts.drop(engine.root, USES)
    parts.write_part(engine.root, USES, 0, _uses(engine, worded, recipes, agreed, settings))
    engine.write(RECIPES, _recipe_table(engine, recipes, agreed))


def _count(engine: Engine) -> tuple[int, int]:
    told = engine.query("SELECT CAST(COALESCE(SUM(LEN(fragments)), 0) AS BIGINT) f, COUNT(contract) c FROM signatures")
    return int(told["f"][0].as_py()), int(told["c"][0].as_py())


def _fragments(engine: Engine) -> Iterator[Held]:
    for batch in batches(engine):
        yield Held(batch.fragments, batch.offsets, batch.account)


def _contracts(engine: Engine) -> Iterator[Held]:
    for batch in batches(engine):
        has = batch.has_contract
        yield Held(batch.contract[has], np.arange(int(has.sum()) + 1), batch.account[has])


def _joined(engine: Engine, worded: Heavy, settings: TemplateSettings) -> Recipes:
    """Join fragments whose posting lists agree."""
    sketches = Sketches(worded.value)
    for batch in batches(engine):
        sketches.add(batch.fragments, batch.offsets, batch.request)
    return name_recipes(worded.value, sketches.components(settings.posting_agreement))


def _uses(engine: Engine, worded: Heavy, recipes: Recipes, agreed: Heavy, settings: TemplateSettings) -> Iterator[pa.Table]:
    most = settings.recipes_per_exchange
    known, contracts = Interner(), Interner()
    known.add(worded.value)
    contracts.add(agreed.value)
    contract_ids = contract_recipes(agreed.value)
    for batch in batches(engine):
        recipe, matched = recipes_of(batch.fragments, batch.offsets, known.table, recipes.component, recipes.ids, most)
        place = np.where(batch.has_contract, contracts.find(batch.contract), -1)
        held = np.flatnonzero(place >= 0)
        slot = np.minimum((matched[held] > 0).sum(axis=1), most - 1)
        recipe[held, slot], matched[held, slot] = contract_ids[place[held]], 1
        yield _use_table(batch.row, batch.account, recipe, matched)


def _use_table(
    row: npt.NDArray[np.int64], account: npt.NDArray[np.int64], recipe: npt.NDArray[np.int64], matched: npt.NDArray[np.int32]
) -> pa.Table:
    used = matched > 0
    n_used = used.sum(axis=1)
    return pa.table(
        {
            "row": np.repeat(row, n_used),
            "account": np.repeat(account, n_used),
            "recipe": recipe[used],
            "matched": matched[used],
        }
    )


def _fragment_table(worded: Heavy, recipes: Recipes) -> pa.Table:
    return pa.table(
        {
            "fragment": worded.value,
            "recipe": recipes.ids[recipes.component],
            "n_requests": worded.n_requests,
            "n_accounts": worded.n_accounts,
        }
    )


def _recipe_table(engine: Engine, recipes: Recipes, agreed: Heavy) -> pa.Table:
    contract_ids = contract_recipes(agreed.value)
    known = pa.table(
        {
            "recipe": np.concatenate([recipes.ids, contract_ids]),
            "kind": ["wording"] * len(recipes.ids) + ["contract"] * len(contract_ids),
            "n_fragments": np.concatenate([recipes.n_fragments, np.zeros(len(contract_ids), np.int32)]),
        }
    )
    return engine.query(
        """
        SELECT k.recipe, k.kind, k.recipe AS family, k.recipe AS bundle, u.n_requests, u.n_accounts, k.n_fragments
        FROM known k JOIN (
            SELECT recipe, COUNT(*) AS n_requests, COUNT(DISTINCT account) AS n_accounts FROM uses GROUP BY recipe
        ) u ON k.recipe = u.recipe
        ORDER BY k.recipe
        """,
        known=known,
    )
