"""A window is half open, in UTC, and never empty."""

from datetime import UTC, datetime, timedelta

import pytest

from stillwatch.records.window import Window

START = datetime(2026, 3, 2, tzinfo=UTC)


def test_it_holds_its_start_and_not_its_end() -> None:
    """The interval is half open."""
    window = Window(START, START + timedelta(days=7))

    assert window.holds(START)
    assert not window.holds(window.end)


@pytest.mark.parametrize(("length", "days"), [(timedelta(hours=1), 1), (timedelta(days=1), 1), (timedelta(days=1, seconds=1), 2)])
def test_a_part_of_a_day_is_a_day(length: timedelta, days: int) -> None:
    """Days are counted from the start, rounded up."""
    assert Window(START, START + length).n_days == days


def test_bounds_are_told_in_microseconds() -> None:
    """Microseconds since 1970, as tables store time."""
    window = Window(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC))

    assert (window.start_us, window.end_us, window.length) == (1_000_000, 3_000_000, timedelta(seconds=2))


def test_a_window_without_time_zone_is_refused() -> None:
    """Local time is no time."""
    with pytest.raises(ValueError, match="time zone"):
        Window(datetime(2026, 3, 2), datetime(2026, 3, 3, tzinfo=UTC))


def test_an_empty_window_is_refused() -> None:
    """The end comes after the start."""
    with pytest.raises(ValueError, match="ends after it starts"):
        Window(START, START)
