"""Simpler rules, on logs of a few lines."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn", reason="the group quality-dev is not installed")

from benchmarks.quality.baselines import mmd
from benchmarks.quality.baselines.rules import RULES
from benchmarks.quality.baselines.run import flagged, windowed

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
            "asn": pa.nulls(len(rows), pa.int64()),
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


def test_the_permutation_p_of_equal_samples_is_no_smaller_than_it_says() -> None:
    """Over three hundred pairs from one law, p at or below 0.05 is as rare as that, and values are spread over 0 to 1."""
    rng = np.random.default_rng(4)
    pairs = rng.normal(size=(300, 2, 30, 4)).astype(np.float32)

    p = [mmd.two_sample(x, y, rng)[1] for x, y in pairs]

    assert np.mean(np.array(p) <= 0.05) < 0.09
    assert 0.4 < np.mean(p) < 0.6


def test_mmd_grows_with_the_distance_of_two_samples() -> None:
    """The further apart, the larger MMD²; the smallest p is that of the one split among all permutations."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 80, 4)).astype(np.float32)

    near, far = mmd.two_sample(x, y + 0.5, rng), mmd.two_sample(x, y + 3.0, rng)

    assert far[0] > near[0]
    assert far[1] == 1 / (mmd.PERMUTATIONS + 1)


def test_windows_are_full_and_small_ones_are_left_out() -> None:
    """All traffic is cut in order of time; a recipe that is used too little makes no window."""
    rows = [
        (f"user-{n % 7}", f"{'often' if n % 30 else 'rarely'} the same eight words do come first {n}", None, n)
        for n in range(1_700)
    ]
    log = a_log(*rows)

    in_time, recipes = list(mmd.in_time(log)), list(mmd.of_actions(log))

    assert [len(w) for w in in_time] == [1_500, 200]
    assert in_time[0].tolist() == list(range(1_500))
    assert sorted(len(w) for w in recipes) == [57, 1_700 - 57 - 1_500, 1_500]


def test_every_account_of_an_alarming_window_gets_its_score() -> None:
    """The test names no accounts: a bystander in the fleet's window is as suspect as the fleet; who is in none is not."""
    fleet = [(f"fleet-{n % 9}", f"derive the integral of term {n}", None, n) for n in range(mmd.SMALLEST)]
    others = [(f"user-{n % 9}", f"my garden and its {n % 13} roses want water", None, 999 + n) for n in range(2_000)]
    log = a_log(*fleet, ("bystander", "my garden and its roses want water", None, 1), *others)
    alarms: Counter[str] = Counter()

    scores = windowed(log, {a for a in log["account_id"].to_pylist() if not a.startswith("fleet")}, alarms)

    told = scores["MMD, all traffic"]
    assert told["bystander"] == told["fleet-0"]
    assert alarms["MMD, all traffic, harvested"] == 1
    assert scores["MMD, each recipe"]["bystander"] == 0.0
