"""The machine-readable results of a scan."""

from pathlib import Path

import pyarrow.parquet as pq
from tests.results import a_document
from tests.tables import an_engine, stored

from stillwatch.campaigns.results import table_differences, write_results
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.privacy import pseudonym
from stillwatch.records.campaign import Document


def a_store(root: Path) -> DuckDBEngine:
    """Two members and two attributed exchanges, one without a recipe."""
    return stored(
        an_engine(root),
        accounts=[
            {"account": -5, "account_id": "acct-a"},
            {"account": -5, "account_id": "acct-a"},
            {"account": 6, "account_id": "acct-b"},
        ],
        members=[
            {"campaign_id": "c-1", "account": 6, "membership": "touched", "weight_bits": 1.0},
            {"campaign_id": "c-1", "account": -5, "membership": "core", "weight_bits": 30.0},
        ],
        attributed=[
            {"row": 2, "exchange_id": "e1", "campaign_id": "c-1"},
            {"row": 1, "exchange_id": "e2", "campaign_id": "c-1", "recipe": -1},
        ],
    )


def test_results_name_accounts_as_the_log_does(tmp_path: Path) -> None:
    """One row an account, surest first, with the columns of the contract; exchanges in the order of attribution."""
    write_results(a_store(tmp_path / "store"), a_document(), tmp_path, pseudonymous=False)

    accounts, exchanges = pq.read_table(tmp_path / "accounts.parquet"), pq.read_table(tmp_path / "exchanges.parquet")
    assert accounts.column_names == [
        "account_id",
        "campaign_id",
        "membership",
        "weight_bits",
        "campaign_share",
        "n_exchanges",
        "n_campaign_exchanges",
        "first_seen",
        "last_seen",
    ]
    assert accounts["account_id"].to_pylist() == ["acct-a", "acct-b"]
    assert exchanges.select(["exchange_id", "recipe_id"]).to_pylist() == [
        {"exchange_id": "e1", "recipe_id": None},
        {"exchange_id": "e2", "recipe_id": "ffffffffffffffff"},
    ]
    assert Document.from_json((tmp_path / "campaigns.json").read_bytes()) == a_document()


def test_results_can_be_pseudonymous(tmp_path: Path) -> None:
    """On request no account id is written, but its keyed pseudonym."""
    write_results(a_store(tmp_path / "store"), a_document(), tmp_path, pseudonymous=True)

    assert pq.read_table(tmp_path / "accounts.parquet")["account_id"].to_pylist() == [pseudonym(-5), pseudonym(6)]
    assert b"acct-a" not in (tmp_path / "accounts.parquet").read_bytes()


def test_changed_tables_are_noticed(tmp_path: Path) -> None:
    """Results that follow from the tables differ in nothing, pseudonymous or not; edited ones are named."""
    engine = a_store(tmp_path / "store")
    for pseudonymous in (False, True):
        write_results(engine, a_document(), tmp_path, pseudonymous)
        assert table_differences(engine, tmp_path) == []

    for name in ("accounts.parquet", "exchanges.parquet"):
        pq.write_table(pq.read_table(tmp_path / name).slice(1), tmp_path / name)

    assert [d.where for d in table_differences(engine, tmp_path)] == ["accounts.parquet", "exchanges.parquet"]
