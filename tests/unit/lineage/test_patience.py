"""Waiting: jittered back-off, `Retry-After`, one pace for all."""

import random
from datetime import UTC, datetime

import pytest

from stillwatch.lineage.patience import Pace, Patience, retry_after_s


def test_waits_double_and_are_drawn_between_nothing_and_their_limit() -> None:
    """Full jitter: each wait lies below a limit that doubles up to the longest."""
    patience, luck = Patience(first_wait_s=1.0, longest_wait_s=5.0), random.Random(1)

    longest = [max(patience.wait_s(tries, None, luck) for _ in range(400)) for tries in (1, 2, 3, 4)]

    for found, limit in zip(longest, (1.0, 2.0, 4.0, 5.0), strict=True):
        assert 0.9 * limit < found <= limit


def test_a_server_that_asks_for_a_wait_gets_at_least_that() -> None:
    """The wait asked for is kept, with a little jitter on top."""
    waits = [Patience().wait_s(3, 7.0, random.Random(seed)) for seed in range(50)]

    assert min(waits) >= 7.0
    assert max(waits) <= 8.0


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first_wait_s": -1.0}, {"longest_wait_s": 0.5}, {"per_minute": 0.0}])
def test_impossible_patience_is_refused(wrong: dict[str, float]) -> None:
    """Out of range is an error, not a surprise later."""
    with pytest.raises(ValueError, match="must be"):
        Patience(**wrong)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        ("Tue, 24 Nov 2026 07:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 06:00:00 -0000", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_in_both_its_forms(value: str | None, seconds: float | None) -> None:
    """Seconds or a date; what is neither is as if it were not there."""
    assert retry_after_s(value, datetime(2026, 11, 24, 7, tzinfo=UTC)) == seconds


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_questions_keep_their_distance() -> None:
    """Thirty a minute are two seconds apart."""
    clock = _Clock()
    pace = Pace(30.0, clock.now, clock.sleep)

    starts = []
    for _ in range(3):
        pace.take_turn()
        starts.append(clock.now_s)

    assert starts == [100.0, 102.0, 104.0]


def test_a_pause_is_everybodys() -> None:
    """After a pause was asked for, the next turn comes when it is over; a wait of one's own delays nobody else."""
    clock = _Clock()
    pace = Pace(None, clock.now, clock.sleep)

    pace.pause(9.0)
    pace.take_turn()
    at_turn = clock.now_s
    pace.wait(1.0)

    assert (at_turn, clock.now_s) == (109.0, 110.0)
