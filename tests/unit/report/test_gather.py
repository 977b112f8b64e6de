"""What is read from the store for a page."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.results import START, a_campaign, a_document
from tests.scanned import COVER, PER_ACCOUNT, a_scan, a_store

from stillwatch.engine import parts
from stillwatch.errors import EngineError
from stillwatch.privacy import pseudonym
from stillwatch.records.tables import CAMPAIGNS, GROUP_TOKENS, MODELS, RECIPES
from stillwatch.records.window import Window
from stillwatch.report import gather as module
from stillwatch.report.gather import gather
from stillwatch.report.timeline import total


def test_members_come_surest_first(scanned: Any) -> None:
    """Core before probable before touched, then by weight, each with the numbers of the table."""
    facts = gather(scanned.engine, scanned.document, True).facts["c-000000000001"]

    order = [("core", "probable", "touched").index(m.membership) for m in facts.members]
    assert order == sorted(order)
    assert len(facts.members) == 60
    assert {m.n_campaign_exchanges for m in facts.members} == {PER_ACCOUNT - COVER}
    core = [m.weight_bits for m in facts.members if m.membership == "core"]
    assert core == sorted(core, reverse=True)


def test_accounts_are_named_only_where_asked(scanned: Any) -> None:
    """Without leave to name them, accounts are their pseudonyms."""
    named = gather(scanned.engine, scanned.document, True).facts["c-000000000001"].members
    hidden = gather(scanned.engine, scanned.document, False).facts["c-000000000001"].members

    assert all(m.name.startswith("acct_") for m in named)
    assert [m.name for m in hidden] == [pseudonym(m.account) for m in hidden]


def test_shared_things_are_counted_in_campaign_and_log(scanned: Any) -> None:
    """Each hub has at least two accounts, as many uses, and no more accounts than the log has."""
    facts = gather(scanned.engine, scanned.document, True).facts["c-000000000001"]

    for place, hub in enumerate(facts.hubs):
        assert 2 <= hub.n_accounts == sum(1 for _, h in facts.uses if h == place) <= hub.n_log_accounts
    client = next(h for h in facts.hubs if h.kind == "client")
    assert (client.n_accounts, client.n_log_accounts) == (60, 420)


def test_a_recipe_carries_its_lift(scanned: Any) -> None:
    """The lift of `group_tokens` reaches the hub of that campaign and kind."""
    facts = gather(scanned.engine, scanned.document, True).facts["c-000000000002"]

    assert {h.token: h.lift for h in facts.hubs if h.kind == "recipe"}[0x51] == 41.5


def test_sharing_counts_the_others_and_ignores_what_is_popular(scanned: Any) -> None:
    """Ten accounts on one card see nine others; a client of the whole platform is no tie."""
    facts = gather(scanned.engine, scanned.document, True).facts["c-000000000001"]

    assert max(facts.shared["payment"]) == 9
    assert set(facts.shared["client"]) == {0}


def test_series_add_up_to_the_campaign(scanned: Any) -> None:
    """Bins over all models sum to the exchanges attributed; all traffic sums to the log."""
    gathered = gather(scanned.engine, scanned.document, True)

    for campaign in scanned.document.campaigns:
        assert sum(total(gathered.facts[campaign.campaign_id].series, gathered.bins.n)) == campaign.n_exchanges
    assert sum(gathered.all_traffic) == scanned.document.n_exchanges
    assert [model for model, _ in gathered.releases] == ["atlas-3"]


def test_exchanges_outside_the_window_are_not_drawn(scanned: Any) -> None:
    """A window that is narrower than the log shows what is inside it, and each exchange in the bin of its time."""
    window = Window(START, START + timedelta(days=3))

    gathered = gather(scanned.engine, replace(scanned.document, window=window), True)

    inside = scanned.engine.query("SELECT count(*) AS n FROM signatures WHERE seen_at < TIMESTAMPTZ '2026-11-05 00:00:00+00'")
    assert sum(gathered.all_traffic) == inside["n"][0].as_py()
    first = scanned.engine.query("SELECT count(*) AS n FROM signatures WHERE seen_at < TIMESTAMPTZ '2026-11-02 01:00:00+00'")
    assert gathered.all_traffic[0] == first["n"][0].as_py() > 0


def test_small_hubs_beyond_the_limit_are_counted(scanned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of shared things is cut at its limit, and says how many are missing."""
    whole = gather(scanned.engine, scanned.document, True).facts["c-000000000001"]
    monkeypatch.setattr(module, "MAX_HUBS", 5)

    cut = gather(scanned.engine, scanned.document, True).facts["c-000000000001"]

    assert len(cut.hubs) == 5
    assert cut.n_hubs_left_out == len(whole.hubs) - 5
    assert cut.shared == whole.shared


def test_tables_that_only_adorn_may_be_missing(tmp_path: Path) -> None:
    """Without lifts, recipes and releases the page is poorer, and still made."""
    with a_store(tmp_path) as engine:
        document = a_scan(engine, 24)
        for spec in (CAMPAIGNS, GROUP_TOKENS, RECIPES, MODELS):
            parts.drop(engine.root, spec)

        gathered = gather(engine, document, True)

    assert gathered.releases == ()
    assert {h.lift for h in gathered.facts["c-000000000001"].hubs} == {None}


def test_an_empty_result_needs_no_table(tmp_path: Path) -> None:
    """Where nothing was found the page can be made from the document alone."""
    with a_store(tmp_path) as engine:
        gathered = gather(engine, a_document(), True)

    assert gathered.facts == {}
    assert set(gathered.all_traffic) == {0}


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    """A campaign without the tables of its scan is an error that says which stage to run."""
    with a_store(tmp_path) as engine, pytest.raises(EngineError, match="members"):
        gather(engine, a_document(a_campaign()), True)


def test_a_campaign_without_members_is_shown_empty(scanned: Any) -> None:
    """A document that names a campaign that the tables do not know gives empty facts, not an error."""
    strange = replace(scanned.document, campaigns=(a_campaign(9),))

    facts = gather(scanned.engine, strange, True).facts["c-000000000009"]

    assert facts.members == ()
    assert facts.hubs == ()
