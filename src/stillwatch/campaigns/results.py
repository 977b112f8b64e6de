"""The three machine-readable results of a scan."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.privacy import pseudonym
from stillwatch.records import tables
from stillwatch.records.campaign import Document
from stillwatch.records.difference import Difference


def write_results(engine: Engine, document: Document, out: Path, pseudonymous: bool) -> None:
    """
    Write `accounts.parquet`, `exchanges.parquet` and, last, `campaigns.json`; each whole or not at all.

    Args:
        engine: Holds MEMBERS, ACCOUNTS, ATTRIBUTED.
        document: What `campaigns.json` says.
        out: Results folder.
        pseudonymous: Write keyed pseudonyms in place of account ids.
    """
    parts.write_file(out / "accounts.parquet", account_rows(engine, pseudonymous))
    parts.write_file(out / "exchanges.parquet", exchange_rows(engine))
    parts.write_bytes(out / "campaigns.json", document.to_json())


def account_rows(engine: Engine, pseudonymous: bool) -> pa.Table:
    """One row an account named in any campaign, strongest campaign membership first."""
    rows = engine.query(
        """SELECT m.account, a.account_id, m.campaign_id, m.membership, m.weight_bits, m.campaign_share, m.n_exchanges,
                  m.n_campaign_exchanges, m.first_seen, m.last_seen
        FROM members m JOIN (SELECT account, min(account_id) AS account_id FROM accounts GROUP BY account) a
             ON a.account = m.account ORDER BY m.campaign_id, m.weight_bits DESC, m.account"""
    )
    if pseudonymous:
        rows = rows.set_column(1, "account_id", pa.array(map(pseudonym, rows["account"].to_pylist()), pa.string()))
    return rows.drop_columns("account")


def exchange_rows(engine: Engine) -> pa.Table:
    """One row an attributed exchange, by campaign and time."""
    rows = engine.read(tables.ATTRIBUTED, ["exchange_id", "campaign_id", "recipe", "share"])
    rows = rows.rename_columns(["exchange_id", "campaign_id", "recipe_id", "share"]).combine_chunks()
    recipes = rows["recipe_id"].combine_chunks().dictionary_encode()  # many exchanges run one recipe
    names = pa.array(map(pseudonym, recipes.dictionary.to_pylist()), pa.string())
    return rows.set_column(2, "recipe_id", names.take(recipes.indices))


def table_differences(engine: Engine, out: Path) -> list[Difference]:
    """One for each of the two tables that the engine's tables do not give again."""
    stored = pq.read_table(out / "accounts.parquet")
    found = []
    if all(account_rows(engine, pseudonymous).equals(stored) is False for pseudonymous in (False, True)):
        found.append(Difference("accounts.parquet", f"{stored.num_rows} rows", "other rows or figures"))
    attributed = pq.read_table(out / "exchanges.parquet")
    if not exchange_rows(engine).equals(attributed):
        found.append(Difference("exchanges.parquet", f"{attributed.num_rows} rows", "other rows or figures"))
    return found
