"""A shared list, or a pool dealt out."""

from pathlib import Path

import numpy as np
from tests.scenes import fleet, listed, scene_of, weights

from stillwatch.evidence.duplicate_fill import DuplicateFill, weight_bits
from stillwatch.evidence.rates import shipped
from stillwatch.evidence.scene import Visit
from stillwatch.methods.overlap import overlap

RATES = shipped().duplicate_fill


def test_the_weight_falls_with_the_overlap() -> None:
    """The more of a list accounts have in common, the less it is a pool dealt out."""
    account = np.repeat(np.arange(40), 10)
    rng = np.random.default_rng(1)

    bits = [weight_bits(overlap(account, rng.integers(0, pool, 400)), RATES) for pool in (10_000, 1_000, 100, 12)]

    assert bits == sorted(bits, reverse=True)
    assert bits[0] > 0 > -6 > bits[-1]
    assert weight_bits(overlap(account, np.arange(400)), RATES) > -0.1


def test_a_large_pool_drawn_with_replacement_is_no_list(tmp_path: Path) -> None:
    """Forty accounts that draw 800 times from 2,000 prompts send a third of them twice, which is held against nobody much."""
    rng = np.random.default_rng(2)
    pool = fleet(3, 40, 50)
    drawn = [
        Visit(a, float(rng.integers(168)), p.words, p.fill, p.exact)
        for a in range(40)
        for p in rng.choice(np.array(pool, object), 20)
    ]

    assert weights(DuplicateFill(), scene_of({1: drawn}), tmp_path)[1] > -2.5


def test_a_template_bank_is_no_list(tmp_path: Path) -> None:
    """Prompts of ten templates whose word pairs fill the whole sketch are different prompts."""
    bank = [
        Visit(v.account, v.hour, v.words, tuple(range(100 * (i % 10), 100 * (i % 10) + 8)), v.exact)
        for i, v in enumerate(fleet(4, 40, 30))
    ]

    assert weights(DuplicateFill(), scene_of({1: bank}), tmp_path)[1] > -1


def test_a_half_shared_list_is_still_one(tmp_path: Path) -> None:
    """A class whose members do half of the exercises each has much in common."""
    rng = np.random.default_rng(5)
    half = [v for v in listed(5, 40, 20) if rng.random() < 0.5]

    assert weights(DuplicateFill(), scene_of({1: half}), tmp_path)[1] < -4


def test_nothing_to_compare_says_nothing(tmp_path: Path) -> None:
    """One account, or exchanges without a digest, give 0.0."""
    scene = scene_of({1: [Visit(1, 1.0, exact=5)], 2: [Visit(1, 1.0), Visit(2, 1.0)]})

    assert weights(DuplicateFill(), scene, tmp_path) == {1: 0.0, 2: 0.0}


def test_a_list_among_other_traffic_is_seen_by_what_is_sent_again(tmp_path: Path) -> None:
    """Eight harnesses of different lists in one group have little overlap, and nearly all that they send is sent twice."""
    mixed = [v for i in range(8) for v in listed(20 + i, 10, 20, first=3_000 + 100 * i)]

    assert weights(DuplicateFill(), scene_of({1: mixed}), tmp_path)[1] < -4
