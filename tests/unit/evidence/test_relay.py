"""Many end users behind each account."""

from pathlib import Path

from tests.scenes import weights

from stillwatch.evidence.relay import BUSY_EXCHANGES, Relay
from stillwatch.evidence.scene import Scene, Seat


def told(systems: list[int], root: Path, org: int | None = None, sent: int = 20) -> float:
    seats = [Seat(a, org, n_exchanges=sent, n_systems=n) for a, n in enumerate(systems)]
    return weights(Relay(), Scene({1: []}, {1: seats}), root)[1]


def test_the_weight_rises_with_the_share_of_accounts(tmp_path: Path) -> None:
    """A tenth of forty accounts with many system prompts, a third, three quarters."""
    bits = [told([5] * k + [1] * (40 - k), tmp_path / str(k)) for k in (0, 4, 13, 30)]

    assert bits == sorted(bits)
    assert bits[0] < 0 < 3 < bits[3]


def test_two_harnesses_are_ordinary(tmp_path: Path) -> None:
    """People use one, some two."""
    assert told([2] * 40, tmp_path) < 0


def test_an_organisation_is_one_unit(tmp_path: Path) -> None:
    """However many products a company has, it is one."""
    assert told([9] * 200, tmp_path, org=5) == 0.0


def test_accounts_that_send_little_cannot_show_it(tmp_path: Path) -> None:
    """Seven exchanges are not counted."""
    assert told([7] * 40, tmp_path, sent=BUSY_EXCHANGES - 1) == 0.0


def test_without_the_log_it_says_nothing(tmp_path: Path) -> None:
    """Where no seat says what its account sends, as among planted groups."""
    assert told([0] * 40, tmp_path) == 0.0
