"""Accounts that are used alike."""

from pathlib import Path

import numpy as np
from tests.scenes import weights

from stillwatch.campaigns.score import MIN_FAMILY_BITS
from stillwatch.evidence.scene import Scene, Seat
from stillwatch.evidence.volumes import MIN_ACCOUNTS, Volumes


def told(sent: np.ndarray, root: Path) -> float:
    return weights(Volumes(), Scene({1: []}, {1: [Seat(a, n_exchanges=int(n)) for a, n in enumerate(sent)]}), root)[1]


def spread(sigma: float, n: int = 60) -> np.ndarray:
    return np.ceil(np.random.default_rng(1).lognormal(4.0, sigma, n))


def test_the_weight_rises_as_volumes_draw_together_and_never_counts_alone(tmp_path: Path) -> None:
    """From ordinary spread to a queue's; the most that is said is less than what makes a family count."""
    bits = [told(spread(sigma), tmp_path / str(sigma)) for sigma in (1.4, 0.9, 0.5, 0.05)]

    assert bits == sorted(bits)
    assert bits[0] < 0 < 2 < bits[2] <= bits[3] < MIN_FAMILY_BITS


def test_a_few_strangers_do_not_hide_an_even_fleet(tmp_path: Path) -> None:
    """A seventh of the accounts on each side are left out."""
    sent = spread(0.4)
    sent[:4], sent[4:8] = 1, 5_000

    assert told(sent, tmp_path) > 1


def test_how_much_is_sent_does_not_matter(tmp_path: Path) -> None:
    """Ten times as much from each account is as even."""
    sent = spread(0.6)

    assert abs(told(sent, tmp_path / "a") - told(10 * sent, tmp_path / "b")) < 0.2


def test_few_accounts_say_nothing(tmp_path: Path) -> None:
    """Nine accounts are too few."""
    assert told(np.full(MIN_ACCOUNTS - 1, 30), tmp_path) == 0.0
