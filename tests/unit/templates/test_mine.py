"""From signatures to recipes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.tables import an_engine
from tests.templated import Sent, chats, fleet, signatures_of, words

from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records.tables import FRAGMENTS, RECIPES, SIGNATURES, USES
from stillwatch.settings import TemplateSettings
from stillwatch.templates import mine

SETTINGS = TemplateSettings()
GRADE = "please grade the following short essay for clarity and style {} then explain your mark in one line"
TRANSLATE = "translate this sentence into formal german and list the hard words {} thank you very much indeed"
ASK = 'answer about {} and return {{"score": 1, "reason": "why"}} only'


def mined(root: Path, table: pa.Table, settings: TemplateSettings = SETTINGS) -> DuckDBEngine:
    """An engine with the mined tables of some signatures."""
    engine = an_engine(root)
    engine.write(SIGNATURES, table)
    mine(engine, settings)
    return engine


def recipe_of(engine: DuckDBEngine, rows: range, kind: str) -> list[dict[str, Any]]:
    """Recipes of one kind that hold three quarters of some rows."""
    sql = f"""
    SELECT r.* FROM recipes r JOIN uses u ON r.recipe = u.recipe
    WHERE r.kind = '{kind}' AND u.row >= {rows.start} AND u.row < {rows.stop}
    GROUP BY ALL HAVING COUNT(*) > {len(rows) * 3 // 4} ORDER BY r.recipe
    """
    return engine.query(sql).to_pylist()


def test_each_template_is_one_recipe(tmp_path: Path) -> None:
    """
    Two templates among chats give two recipes of wording with exact counts, and chats give none.
    """
    sent = fleet(GRADE, 60, 12, 1) + fleet(TRANSLATE, 40, 8, 2) + chats(300, 50, 3)

    engine = mined(tmp_path, signatures_of(sent))

    first, second = recipe_of(engine, range(60), "wording"), recipe_of(engine, range(60, 100), "wording")
    assert [(r["n_requests"], r["n_accounts"]) for r in first + second] == [(60, 12), (40, 8)]
    assert first[0]["family"] != second[0]["family"]
    assert engine.query("SELECT COUNT(*) AS n FROM uses WHERE row >= 100")["n"].to_pylist() == [0]


@pytest.mark.parametrize(("n", "n_accounts"), [(19, 19), (60, 4)])
def test_too_few_requests_or_accounts_are_no_recipe(tmp_path: Path, n: int, n_accounts: int) -> None:
    """
    Below twenty requests or five accounts nothing is mined.
    """
    engine = mined(tmp_path, signatures_of(fleet(GRADE, n, n_accounts, 1)))

    assert engine.read(RECIPES).num_rows == 0
    assert engine.read(USES).num_rows == 0
    assert engine.read(FRAGMENTS).num_rows == 0


def test_a_shared_contract_is_a_recipe_without_shared_wording(tmp_path: Path) -> None:
    """
    Prompts with nothing in common but the keys they ask for form a recipe of kind contract.
    """
    rng = np.random.default_rng(1)
    sent = [(f"a{i % 9}", f'{words(rng, 20)} "verdict": {words(rng, 9)} "grounds": {words(rng, 9)}') for i in range(45)]

    engine = mined(tmp_path, signatures_of(sent))

    told = engine.read(RECIPES).to_pylist()
    assert [(r["kind"], r["n_requests"], r["n_accounts"], r["n_fragments"]) for r in told] == [("contract", 45, 9, 0)]
    assert engine.read(USES)["matched"].to_pylist() == [1] * 45


def paraphrases(n: int, seed: int, n_words: int = 40) -> list[Sent]:
    """Texts of the same words, every one in another order, two replaced: near in meaning, without a common run of words."""
    rng = np.random.default_rng(seed)
    base = words(rng, n_words).split()
    out = []
    for i in range(n):
        text = rng.permutation(base)
        text[rng.choice(n_words, 2, replace=False)] = words(rng, 2).split()
        out.append((f"p{i % 15}", " ".join(text)))
    return out


def test_paraphrases_without_shared_wording_are_a_semantic_recipe(tmp_path: Path) -> None:
    """
    Texts that are near in meaning but share no run of words are found, strangers around them are not.
    """
    sent = paraphrases(120, 1) + chats(600, 60, 2)

    engine = mined(tmp_path, signatures_of(sent))

    told = recipe_of(engine, range(120), "semantic")
    assert len(told) == 1
    assert told[0]["n_requests"] > 100
    assert engine.query("SELECT COUNT(*) AS n FROM uses WHERE row >= 120")["n"].to_pylist() == [0]


def test_short_messages_are_no_semantic_recipe(tmp_path: Path) -> None:
    """
    Thousands of short chat messages, many nearly alike, form no cell of meaning.
    """
    rng = np.random.default_rng(1)
    openers = ["thanks", "ok then", "yes please", "no wait", "go on", "why", "hello again", "sure"]
    sent = [(f"c{i % 400}", f"{openers[i % 8]} {words(rng, 3)}") for i in range(3000)]

    engine = mined(tmp_path, signatures_of(sent))

    assert engine.query("SELECT COUNT(*) AS n FROM recipes WHERE kind = 'semantic'")["n"].to_pylist() == [0]


def test_at_most_four_recipes_an_exchange_and_the_contract_among_them(tmp_path: Path) -> None:
    """
    An exchange that runs many recipes keeps those with most fragments, and its contract.
    """
    parts_ = [f"{words(np.random.default_rng(90 + k), 9)}" for k in range(6)]
    sent = [s for k, p in enumerate(parts_) for s in fleet(p + " {}", 30, 6, k, name=f"f{k}-", fill_words=30)]
    sent += fleet(" {0} ".join(parts_) + ' "score": 1, "why": 2', 30, 6, 99, name="all", fill_words=30)

    engine = mined(tmp_path, signatures_of(sent), TemplateSettings(posting_agreement=0.95))

    counted = engine.query("SELECT row, COUNT(*) AS n FROM uses WHERE row >= 180 GROUP BY row")["n"].to_pylist()
    kinds = engine.query(
        "SELECT COUNT(DISTINCT u.row) AS n FROM uses u JOIN recipes r ON u.recipe = r.recipe WHERE r.kind = 'contract'"
    )
    assert max(counted) <= 4
    assert kinds["n"].to_pylist() == [30]


def test_variants_of_one_template_are_one_family(tmp_path: Path) -> None:
    """
    Two recipes that mean nearly the same are one family, a third is not, though the same accounts run it.
    """
    variant = "{} now explain your mark in a single line and grade that following brief essay for style and clarity please"
    first = fleet(GRADE, 60, 12, 1)
    sent = first + fleet(variant, 60, 12, 2) + fleet(TRANSLATE, 60, 12, 3)

    engine = mined(tmp_path, signatures_of(sent))

    families = [recipe_of(engine, range(60 * k, 60 * k + 60), "wording")[0] for k in range(3)]
    assert families[0]["recipe"] != families[1]["recipe"]
    assert families[0]["family"] == families[1]["family"] == min(f["recipe"] for f in families[:2])
    assert families[2]["family"] != families[0]["family"]
    assert len({f["bundle"] for f in families}) == 1


def test_a_framework_does_not_swallow_what_its_users_run(tmp_path: Path) -> None:
    """
    A recipe whose accounts are all among a far larger one's is in neither its family nor its bundle.
    """
    sent = fleet(GRADE, 400, 200, 1, name="u") + fleet(TRANSLATE, 40, 8, 2, name="u")

    engine = mined(tmp_path, signatures_of(sent))

    large, small = recipe_of(engine, range(400), "wording")[0], recipe_of(engine, range(400, 440), "wording")[0]
    assert large["family"] != small["family"]
    assert large["bundle"] != small["bundle"]


MIXED = fleet(GRADE, 50, 10, 1) + fleet(ASK, 50, 10, 2) + paraphrases(80, 3) + chats(200, 40, 4)


def told(engine: DuckDBEngine) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[str, int, int]]]:
    """All three tables, uses by exchange id, sorted."""
    uses = engine.query("SELECT s.exchange_id, u.recipe, u.matched FROM uses u JOIN signatures s ON u.row = s.row")
    rows = sorted(zip(*(uses[c].to_pylist() for c in uses.column_names), strict=True))
    return engine.read(RECIPES).to_pylist(), engine.read(FRAGMENTS).to_pylist(), rows


def test_neither_order_nor_parts_nor_row_names_change_anything(tmp_path: Path) -> None:
    """
    Shuffled rows, renamed and split over parts, give the same fragments, recipes and uses.
    """
    table = signatures_of(MIXED)
    plain = told(mined(tmp_path / "plain", table))
    order = np.random.default_rng(5).permutation(table.num_rows)
    shuffled = table.take(pa.array(order))
    at = table.schema.get_field_index("row")
    renamed = shuffled.set_column(at, SIGNATURES.schema.field("row"), pa.array(np.arange(len(order)) * 3 + 5_000_000_000))
    engine = an_engine(tmp_path / "split")
    for k, start in enumerate(range(0, table.num_rows, 77)):
        parts.write_part(engine.root, SIGNATURES, k, renamed.slice(start, 77))

    mine(engine, SETTINGS)

    assert {r["kind"] for r in plain[0]} == {"wording", "contract", "semantic"}
    assert told(engine) == plain


def test_mining_twice_replaces_the_tables(tmp_path: Path) -> None:
    """
    A second run over the same signatures leaves the same bytes.
    """
    engine = mined(tmp_path, signatures_of(MIXED))
    files = [f for spec in (FRAGMENTS, RECIPES, USES) for f in parts.part_files(engine.root, spec)]
    before = [f.read_bytes() for f in files]

    mine(engine, SETTINGS)

    assert [f.read_bytes() for f in files] == before


def test_signatures_without_text_are_mined_without_a_crash(tmp_path: Path) -> None:
    """
    A log of metadata gives empty tables.
    """
    table = signatures_of(chats(30, 10, 1))
    empty = table.slice(0, 0)
    blank = pa.table(
        {
            n: pa.nulls(30, table.schema.field(n).type) if SIGNATURES.schema.field(n).nullable else table[n]
            for n in table.column_names
        }
    )

    for name, rows in (("empty", empty), ("blank", blank)):
        engine = mined(tmp_path / name, rows)

        assert engine.read(RECIPES).num_rows == 0
