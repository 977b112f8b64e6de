"""Rates from labelled groups."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.evidence.fit import count_law, fit, normal_law, to_json
from stillwatch.evidence.rates import CountLaw, NormalLaw, StrikingRates, from_json, shipped
from stillwatch.records.tables import EVIDENCE

N = 400
HARVESTED = {g: 0.0 if g < N else (1.0 if g < 1.5 * N else 0.6) for g in range(2 * N)}
BEFORE = shipped()


def rows(detector: str, statistic: np.ndarray, n: int, null_mean: float = 0.0, null_sd: float = 0.0) -> pa.Table:
    """Evidence of one detector over all groups."""
    size = statistic.size
    columns = {
        "group": np.arange(size),
        "detector": [detector] * size,
        "family": ["any"] * size,
        "weight_bits": np.zeros(size),
        "statistic": statistic,
        "null_mean": np.full(size, null_mean),
        "null_sd": np.full(size, null_sd),
        "n": np.full(size, n),
        "reason": ["x"] * size,
    }
    return pa.table(columns).cast(EVIDENCE.schema)


def halves(benign: np.ndarray, pure: np.ndarray, diluted: np.ndarray) -> np.ndarray:
    return np.concatenate([benign, pure, diluted])


def test_persistence_laws_come_back() -> None:
    """Pure and diluted campaigns and ordinary groups are told apart, with the errors taken out of their spread."""
    rng = np.random.default_rng(1)
    truth = halves(rng.normal(3.0, 0.7, N), rng.normal(0.1, 0.3, N // 2), rng.normal(1.4, 0.5, N // 2))

    told = fit(rows("persistence", truth + rng.normal(0, 0.4, 2 * N), 200, null_sd=0.4), HARVESTED, BEFORE, "a test").persistence

    assert told.background.mean == pytest.approx(3.0, abs=0.15)
    assert told.background.sd == pytest.approx(0.7, abs=0.15)
    assert told.campaign.mean == pytest.approx(0.1, abs=0.15)
    assert told.diluted.mean == pytest.approx(1.4, abs=0.15)
    assert told.diluted_share == pytest.approx(0.5, abs=0.02)
    assert told.stray < 0.05


def test_groups_that_share_a_list_speak_for_duplicate_fill_only() -> None:
    """A harness among benign groups does not make ordinary people look like a pool."""
    rng = np.random.default_rng(2)
    lists = np.arange(N) % 10 == 0
    shares = halves(np.where(lists, rng.beta(6, 12, N), rng.beta(1, 300, N)), rng.beta(1, 300, N // 2), rng.beta(1, 300, N // 2))
    ratio = halves(np.where(lists, 0.0, rng.normal(3, 0.6, N)), rng.normal(0, 0.3, N // 2), rng.normal(1, 0.3, N // 2))
    evidence = pa.concat_tables([rows("duplicate_fill", shares, 200), rows("persistence", ratio, 200, null_sd=0.2)])

    told = fit(evidence, HARVESTED, BEFORE, "a test")

    assert told.duplicate_fill.background_list_share == pytest.approx(0.1, abs=0.02)
    assert told.duplicate_fill.list.mean == pytest.approx(1 / 3, abs=0.07)
    assert told.duplicate_fill.ordinary.mean < 0.02
    assert told.persistence.background.mean == pytest.approx(3.0, abs=0.15)


def test_synchrony_counts_its_strays() -> None:
    """Five benign groups in a hundred are as synchronous as campaigns, of which two thirds are."""
    rng = np.random.default_rng(3)
    benign = np.where(np.arange(N) % 20 == 0, 1.0, rng.normal(0.05, 0.1, N))
    campaign = np.where(np.arange(N) % 3 == 0, 0.05, rng.normal(1.0, 0.2, N))
    evidence = rows("synchrony", 100 * np.exp(np.concatenate([benign, campaign])), 30, null_mean=100.0, null_sd=5.0)

    told = fit(evidence, HARVESTED, BEFORE, "a test").synchrony

    assert told.stray == pytest.approx(0.05, abs=0.03)
    assert told.reach == pytest.approx(0.67, abs=0.05)
    assert told.campaign.mean == pytest.approx(1.0, abs=0.1)


def test_pivot_and_meetings_are_refitted() -> None:
    """Where half of the campaigns show it and two benign groups in a hundred do, the fit says so."""
    rng = np.random.default_rng(4)
    rate = np.where(
        np.arange(2 * N) < N, np.where(np.arange(2 * N) % 50 == 0, 0.8, 0.06), np.where(np.arange(2 * N) % 2 == 0, 0.7, 0.06)
    )
    share = rng.binomial(40, rate) / 40
    evidence = pa.concat_tables(
        [rows("model_pivot", share, 40, null_mean=0.06), rows("payment_collisions", share, 40, null_mean=0.02)]
    )

    told = fit(evidence, HARVESTED, BEFORE, "a test")

    assert told.pivot.stray == pytest.approx(0.02, abs=0.015)
    assert told.pivot.reach == pytest.approx(0.5, abs=0.1)
    assert told.infrastructure["payment"].base == pytest.approx(0.045, abs=0.03)
    assert told.infrastructure["device"] == BEFORE.infrastructure["device"]


def test_too_few_groups_change_nothing() -> None:
    """Ten labelled groups leave every law as it was."""
    few = {g: h for g, h in HARVESTED.items() if g % 80 == 0}
    evidence = pa.concat_tables(
        [
            rows(d, np.full(2 * N, 0.01), 40, null_mean=0.02, null_sd=0.1)
            for d in ("persistence", "duplicate_fill", "synchrony", "model_pivot", "payment_collisions")
        ]
    )

    told = fit(evidence, few, BEFORE, "a test")

    assert told.persistence == BEFORE.persistence
    assert replace(told.duplicate_fill) == BEFORE.duplicate_fill
    assert told.synchrony.background == BEFORE.synchrony.background
    assert told.pivot.reach == BEFORE.pivot.reach


def test_rates_survive_writing_and_reading() -> None:
    """What is written is what is read."""
    assert from_json(to_json(BEFORE)) == BEFORE


def test_few_values_keep_the_law_before() -> None:
    """A law needs twenty groups."""
    assert normal_law(np.zeros(5), np.ones(5), NormalLaw(1, 2)) == NormalLaw(1, 2)
    assert count_law(np.zeros(5, np.int64), np.ones(5, np.int64), CountLaw(0.1, 0.2)) == CountLaw(0.1, 0.2)


def test_laws_of_what_strikes_come_back_on_either_side() -> None:
    """Whether what strikes is below the ordinary law or above it; strays are counted."""
    rng = np.random.default_rng(6)
    strays = np.arange(N) % 25 == 0
    x = halves(np.where(strays, 3.0, rng.normal(4.6, 0.2, N)), rng.normal(3.0, 0.2, N // 2), rng.normal(3.0, 0.2, N // 2))
    evidence = pa.concat_tables([rows("signups", x, 60, null_sd=0.05), rows("volumes", -x, 60, null_sd=0.05)])
    above = StrikingRates(NormalLaw(-3.0, 0.3), NormalLaw(-5.0, 0.3), 0.5, 0.05)

    told = fit(evidence, HARVESTED, replace(BEFORE, volumes=above), "a test")

    for law, side in ((told.signups, 1), (told.volumes, -1)):
        assert law.campaign.mean == pytest.approx(3.0 * side, abs=0.1)
        assert law.background.mean == pytest.approx(4.6 * side, abs=0.1)
        assert law.stray == pytest.approx(0.04, abs=0.02)
    assert told.synchrony == BEFORE.synchrony
