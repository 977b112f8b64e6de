"""The story of one account."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.scanned import COVER, HOSTILE, PER_ACCOUNT, a_scan, a_store

from stillwatch.errors import EngineError
from stillwatch.privacy import pseudonym
from stillwatch.records.tables import ACCOUNTS
from stillwatch.report.account import account_story


def a_member(scanned: Any) -> tuple[str, str]:
    row = scanned.engine.query("SELECT a.account, a.account_id FROM members m JOIN accounts a ON a.account = m.account LIMIT 1")
    return row["account_id"][0].as_py(), pseudonym(row["account"][0].as_py())


def test_an_account_is_found_by_name_and_by_pseudonym(scanned: Any) -> None:
    """Both tell the same story."""
    name, hidden = a_member(scanned)

    by_name = account_story(scanned.engine, name)

    assert by_name is not None
    assert by_name == account_story(scanned.engine, hidden)
    assert (by_name.account_id, by_name.pseudonym) == (name, hidden)


def test_campaign_and_cover_add_up(scanned: Any) -> None:
    """Its exchanges are those of the campaign and its own, and the recipes account for the former."""
    story = account_story(scanned.engine, a_member(scanned)[0])

    assert story is not None
    (belonging,) = story.belongings
    assert story.n_exchanges == PER_ACCOUNT
    assert belonging.n_campaign_exchanges == PER_ACCOUNT - COVER == sum(n for _, n in belonging.recipes)
    assert sum(c.n_exchanges for c in story.cover) == COVER
    assert {c.n_with_recipe for c in story.cover} == {0}


def test_what_it_shares_is_counted_among_the_members(scanned: Any) -> None:
    """The first account is on a card with nine others, and behind the client of the whole log."""
    story = account_story(scanned.engine, a_member(scanned)[0])

    assert story is not None
    shared = {s.kind: (s.n_members, s.n_others) for s in story.belongings[0].shared}
    assert shared["payment"] == (9, 0)
    assert shared["client"] == (59, 360)


def test_an_innocent_account_belongs_nowhere(scanned: Any) -> None:
    """An account of the background has exchanges, no campaign, and all of its traffic is its own."""
    rows = scanned.engine.query("SELECT account_id FROM accounts WHERE account NOT IN (SELECT account FROM members) LIMIT 1")

    story = account_story(scanned.engine, rows["account_id"][0].as_py())

    assert story is not None
    assert story.belongings == ()
    assert sum(c.n_exchanges for c in story.cover) == PER_ACCOUNT


@pytest.mark.parametrize("name", ["nobody", "0000000000000000", "ffffffffffffffff", "' OR 1=1 --"])
def test_a_stranger_has_no_story(scanned: Any, name: str) -> None:
    """Names and pseudonyms that the log does not know give None."""
    assert account_story(scanned.engine, name) is None


def test_hostile_names_are_found_as_they_are(hostile: Any) -> None:
    """A name is data: quotes, markup and escapes find the account that carries them."""
    for name in HOSTILE[:5]:
        story = account_story(hostile.engine, name)
        assert story is not None
        assert story.account_id == name


def test_a_log_of_signatures_has_no_names(tmp_path: Path) -> None:
    """Where the log had pseudonyms only, an account is found by its pseudonym and has no name."""

    with a_store(tmp_path) as engine:
        a_scan(engine, 12)
        account = engine.query("SELECT account FROM members LIMIT 1")["account"][0].as_py()
        engine.write(ACCOUNTS, ACCOUNTS.schema.empty_table())

        story = account_story(engine, pseudonym(account))

    assert story is not None
    assert story.account_id is None
    assert len(story.belongings) == 1


def test_a_store_without_its_tables_is_an_error(tmp_path: Path) -> None:
    """The missing table is named."""
    with a_store(tmp_path) as engine:
        engine.write(ACCOUNTS, pa.Table.from_pylist([], ACCOUNTS.schema))
        with pytest.raises(EngineError, match="signatures"):
            account_story(engine, "x")
