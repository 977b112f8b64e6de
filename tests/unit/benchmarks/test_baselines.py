"""Simpler rules, on logs of a few lines."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

pytest.importorskip("sklearn", reason="the group quality-dev is not installed")

from benchmarks.quality.baselines.rules import RULES
from benchmarks.quality.baselines.run import flagged

START = datetime(2026, 3, 2, tzinfo=UTC)


def a_log(*rows: tuple[str, str, str | None, int]) -> pa.Table:
    """Rows of account, prompt, card and hour."""
    accounts, prompts, cards, hours = zip(*rows, strict=True)
    return pa.table(
        {
            "account_id": list(accounts),
            "prompt": list(prompts),
            "system_prompt": pa.nulls(len(rows), pa.string()),
            "payment_id": pa.array(cards, pa.string()),
            "seen_at": pa.array([START + timedelta(hours=h) for h in hours], pa.timestamp("us", tz="UTC")),
        }
    )


RING = [(f"ring-{n}", f"prompt {k}", "card", k) for n in range(4) for k in range(3)]
OTHERS = [(f"user-{n}", f"own words {n}", None, 7 + n) for n in range(4)]


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"isolation forest"}))  # it ranks what is odd, not what is shared
def test_every_rule_finds_a_ring_that_hides_nothing(rule: str) -> None:
    """Four accounts with the same prompts in the same hours on one card outrank four that share nothing."""
    scores = RULES[rule](a_log(*RING, *OTHERS))

    assert min(scores[a] for a, *_ in RING) > max(scores[a] for a, *_ in OTHERS)


def test_a_threshold_accuses_no_more_benign_accounts_than_allowed() -> None:
    """Of a thousand benign accounts at most ten stand above it, also where many have one score."""
    scores = {f"b{n}": float(n // 50) for n in range(1_000)} | {"fleet": 99.0}
    benign = {a for a in scores if a != "fleet"}

    found = flagged(scores, benign)

    assert "fleet" in found
    assert len(found & benign) <= 10
