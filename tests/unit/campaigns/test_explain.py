"""From tables to the campaigns of the document."""

from pathlib import Path

import pyarrow as pa
from tests.fleet import HARVEST, MEMBERS, a_fleet
from tests.tables import an_engine, minutes, stored

from stillwatch.campaigns import attribute, campaigns, reference
from stillwatch.campaigns.reference import Reference
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records import tables
from stillwatch.settings import CampaignSettings, Settings, with_changes

KNOWN = Reference(
    "shipped",
    pa.Table.from_pylist(
        [
            {
                "group": g,
                "kind": kind,
                "stratum": "community 10-49",
                "detector": "persistence",
                "family": "pool",
                "weight_bits": bits + g % 3,
            }
            for kind, bits, first in (("campaign", 6.0, 0), ("app", -6.0, 100), ("custom", -2.0, 200))
            for g in range(first, first + 10)
        ],
        schema=reference.SCHEMA,
    ),
)


def judged(tmp_path: Path) -> DuckDBEngine:
    """The fleet's campaign, judged likely by two statements of one family, and attributed."""
    engine = a_fleet(tmp_path)
    row = {
        "campaign_id": "c-000000000001",
        "group": 1,
        "verdict": "likely",
        "score_bits": 6.0,
        "n_families": 1,
        "stratum": "community 10-49",
    }
    said = {"family": "pool", "reason": "why", "n": 3}
    stored(
        engine,
        campaigns=[row],
        campaign_groups=[{"campaign_id": "c-000000000001", "group": 1}],
        evidence=[
            {
                "group": 1,
                "detector": "persistence",
                "weight_bits": 6.0,
                "statistic": 0.1,
                "null_mean": 2.0,
                "null_sd": 0.5,
                **said,
            },
            {"group": 1, "detector": "duplicate_fill", "weight_bits": 1.0, **said},
        ],
        accounts=[{"account": a, "account_id": f"acct-{a}", "org_id": "acme"} for a in range(MEMBERS)],
    )
    attribute(engine, engine.read(tables.CAMPAIGNS), 20)
    return engine


def test_a_campaign_is_told_from_its_tables(tmp_path: Path) -> None:
    """Counts, times, models, recipes with their sketches, members and the evidence that counts."""
    (told,) = campaigns(judged(tmp_path), CampaignSettings(), KNOWN, {7: "Write … in JSON"})

    assert (told.n_accounts, told.members.core, told.n_exchanges) == (MEMBERS, MEMBERS, MEMBERS * HARVEST)
    assert (told.first_seen, told.last_seen) == (minutes(0), minutes(100 * (MEMBERS - 1) + HARVEST - 1))
    assert [(m.model, m.n_exchanges) for m in told.models] == [("x", MEMBERS * HARVEST)]
    assert [(r.id, round(r.share, 2), r.n_accounts, r.sketch) for r in told.recipes] == [
        ("0000000000000007", 0.6, MEMBERS, "Write … in JSON"),
        ("0000000000000008", 0.4, MEMBERS, None),
    ]
    assert [(e.channel, e.counted) for e in told.evidence] == [("persistence", True), ("duplicate_fill", False)]
    assert told.evidence[0].null is not None
    assert told.evidence[0].null.mean == 2.0
    assert told.evidence[1].null is None


def test_alternatives_have_names_a_person_knows(tmp_path: Path) -> None:
    """Each benign kind is named in words, with what decided it; a kind of the operator's own keeps its name."""
    (told,) = campaigns(judged(tmp_path), CampaignSettings(), KNOWN, {})

    assert [a.name for a in told.alternatives] == ["custom", "niche app"]
    assert all(a.bits > 0 and "fits" in a.in_words and "persistence" in a.in_words for a in told.alternatives)


def test_money_is_told_where_prices_are_known(tmp_path: Path) -> None:
    """Tokens always; dollars only with the operator's prices."""
    engine = judged(tmp_path)
    engine.write(
        tables.SIGNATURES,
        engine.query(
            "SELECT * REPLACE (CAST(1000 AS INTEGER) AS prompt_tokens, CAST(500 AS INTEGER) AS completion_tokens) "
            "FROM signatures ORDER BY row"
        ),
    )
    priced = with_changes(
        Settings(),
        campaigns={
            "usd_per_million_prompt_tokens": 3.0,
            "usd_per_million_completion_tokens": 10.0,
            "remake_usd_per_exchange": 2.0,
        },
    )

    (plain,) = campaigns(engine, CampaignSettings(), KNOWN, {})
    (dear,) = campaigns(engine, priced.campaigns, KNOWN, {})

    n = MEMBERS * HARVEST
    assert (plain.economics.prompt_tokens, plain.economics.list_price_usd, plain.economics.remake_cost_usd) == (
        1000 * n,
        None,
        None,
    )
    assert "no prices set" in plain.economics.basis
    assert (dear.economics.list_price_usd, dear.economics.remake_cost_usd) == (n * 8000 / 1e6, 2.0 * n)


def test_a_licence_lifts_the_verdict_and_is_shown(tmp_path: Path) -> None:
    """A campaign of a licensed organisation is found, named and only watched."""
    registry = tmp_path / "entitlements.toml"
    registry.write_text('[[entitlement]]\norg = "acme"\npurpose = "its own model"\n')

    (told,) = campaigns(judged(tmp_path / "store"), CampaignSettings(entitlements=registry), KNOWN, {})

    assert told.verdict == "watched"
    assert told.entitlement is not None
    assert told.entitlement.suppressed


def test_a_campaign_without_exchanges_is_not_told(tmp_path: Path) -> None:
    """Where attribution finds nothing, there is nothing to report."""
    engine = stored(
        an_engine(tmp_path),
        signatures=[{"row": 1, "account": 1}],
        evidence=[{"group": 1, "detector": "a"}],
        campaigns=[{"campaign_id": "c-000000000001", "group": 1}],
        members=[],
        attributed=[],
        recipes=[],
        accounts=[],
    )

    assert campaigns(engine, CampaignSettings(), KNOWN, {}) == ()
