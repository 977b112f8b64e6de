"""Plausible documents for tests that read results: built by hand, valid in every field, no text of anyone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from stillwatch.records.campaign import (
    Alternative,
    Campaign,
    ColumnCoverage,
    Coverage,
    Document,
    Economics,
    Entitlement,
    EvidenceItem,
    Limit,
    Memberships,
    ModelUse,
    Null,
    RecipeUse,
    Reference,
    Skipped,
)
from stillwatch.records.window import Window

START = datetime(2026, 11, 2, tzinfo=UTC)

EVIDENCE = (
    EvidenceItem(
        "persistence",
        "pool",
        9.4,
        0.93,
        Null(34.0, 12.0),
        41_200,
        "An account repeats its own rare words 0.93 times as often as those of others; independent accounts: 34 times.",
        True,
    ),
    EvidenceItem(
        "duplicate_fill",
        "pool",
        6.2,
        0.02,
        Null(1.0, 0.06),
        18_300,
        "Two accounts send the same filling 0.02 times as often as chance would have it.",
        False,
    ),
    EvidenceItem(
        "synchrony", "timing", 5.1, 14.7, Null(0.0, 1.0), 31_008, "The accounts are busy in the same hours: z = 14.7.", True
    ),
    EvidenceItem(
        "infrastructure",
        "infrastructure",
        3.8,
        212.0,
        Null(9.1, 4.4),
        46_056,
        "212 pairs share a payment instrument; 9.1 expected.",
        True,
    ),
    EvidenceItem("model_pivot", "pivot", 2.6, 0.41, Null(0.06, 0.02), 304, "41 % asked for the new model within 24 hours.", True),
    EvidenceItem(
        "homogeneity", "homogeneity", -1.7, 0.88, Null(0.7, 0.2), 304, "Volumes are as uneven as among strangers.", True
    ),
    EvidenceItem("exclusivity", "exclusivity", 0.0, None, None, 0, "Cannot tell: no recipe is shared outside the group.", False),
)

ALTERNATIVES = (
    Alternative("evaluation harness", 3.1, "A harness sends every account the same items; here no two accounts share one."),
    Alternative("classroom", 7.9, "A class works in the same hours, but each student repeats a topic."),
    Alternative("agent framework", 12.4, "A framework's accounts differ in all but the system prompt."),
)

LIMITS = (
    Limit("small fleets", "A campaign of fewer than 20 accounts or 250 exchanges would not be seen in this log."),
    Limit("devices", "No column `device_id`: accounts that share a device cannot be linked."),
)


def a_campaign(number: int = 1, n_core: int = 280, n_probable: int = 24) -> Campaign:
    """A campaign whose every part is filled."""
    return Campaign(
        campaign_id=f"c-{number:012x}",
        verdict="likely",
        score_bits=19.2,
        base_bits=0.0,
        p_value=2.1e-7,
        q_value=0.0004,
        stratum="large, wording",
        n_families=4,
        n_accounts=n_core + n_probable,
        members=Memberships(n_core, n_probable, 11),
        n_exchanges=41_200,
        first_seen=START + timedelta(hours=7),
        last_seen=START + timedelta(days=12, hours=3),
        models=(ModelUse("atlas-2", 31_000), ModelUse("atlas-3", 10_200)),
        recipes=(
            RecipeUse(
                "00000000000000a1", 0.74, 301, "wording, 9 fragments", "Solve the following ⟨…⟩ step by step ⟨…⟩ final answer"
            ),
            RecipeUse("00000000000000a2", 0.21, 160, "contract, JSON of 4 fields", None),
        ),
        evidence=EVIDENCE,
        alternatives=ALTERNATIVES,
        economics=Economics(19_000_000, 48_000_000, 6_100_000, 1_412.5, 96_000.0, "list price of 2026-11; $2 an answer"),
        entitlement=None,
    )


def a_document(*campaigns: Campaign) -> Document:
    """A document of one log in which the campaigns were found."""
    return Document(
        schema_version="1.0",
        stillwatch_version="0.1.0",
        engine="duckdb",
        window=Window(START, START + timedelta(days=14)),
        n_exchanges=1_204_331,
        n_accounts=18_204,
        n_groups=412,
        coverage=Coverage(
            tier="T2",
            formats=("canonical",),
            n_files=14,
            n_lines=1_204_398,
            n_bad_lines=63,
            n_duplicates=4,
            quarantine="quarantine.ndjson",
            columns=(ColumnCoverage("seen_at", 1.0), ColumnCoverage("payment_id", 0.82), ColumnCoverage("device_id", 0.0)),
            unknown_columns=("team_colour",),
            skipped=(Skipped("replay", "needs session_id, which this log does not have"),),
        ),
        settings_digest="0123456789abcdef",
        key_id="89abcdef",
        reference=Reference("shipped", 240),
        q=0.05,
        watch_q=0.25,
        campaigns=campaigns,
        limits=LIMITS,
    )


def licensed(campaign: Campaign) -> Campaign:
    """The same campaign, covered by a permission."""
    permission = Entitlement(
        holder="Example Data Ltd",
        purpose="synthetic data for a summariser",
        max_exchanges=2_000_000,
        valid_until=START + timedelta(days=365),
        n_accounts=campaign.n_accounts,
        suppressed=True,
        in_words="Covers every account, and 41,200 of 2,000,000 exchanges are used.",
    )
    return replace(campaign, entitlement=permission)
