"""Times as logs write them."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from stillwatch.ingest.times import parse_time, times

NOON = datetime(2026, 11, 2, 12, 0, 0, 250_000, UTC)
SECONDS = NOON.timestamp()


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-02T12:00:00.25Z",
        "2026-11-02T14:00:00.250+02:00",
        "2026-11-02 12:00:00.250",
        "2026-11-02T12:00:00.250000999Z",
        SECONDS,
        str(SECONDS),
        int(SECONDS * 1e3),
        int(SECONDS * 1e6),
        int(SECONDS * 1e9),
        NOON,
    ],
)
def test_every_common_way_to_write_a_time_is_one_moment(written: object) -> None:
    """
    ISO 8601 with any zone and epoch numbers of any unit give the same time.
    """
    assert parse_time(written) == NOON


@pytest.mark.parametrize("written", ["yesterday", "", None, True, -1, float("nan"), float("inf"), 1e30, "1e400", [], "20261341"])
def test_what_is_no_time_is_none(written: object) -> None:
    """
    Words, negative and impossible numbers are no times.
    """
    assert parse_time(written) is None


def test_a_date_of_eight_digits_is_a_date() -> None:
    """
    20261102 in a string is a day, not seconds since 1970.
    """
    assert parse_time("20261102") == datetime(2026, 11, 2, tzinfo=UTC)


def test_the_time_format_overrules_the_size() -> None:
    """
    A small number of milliseconds is read as such when told so.
    """
    assert parse_time(86_400_000, "ms") == datetime(1970, 1, 2, tzinfo=UTC)
    assert parse_time("86400", "iso") is None
    assert parse_time(86_400, "iso") is None
    assert parse_time("1970-01-02", "s") is None


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NOON, None], pa.timestamp("us", "UTC")),
        pa.array([NOON, None], pa.timestamp("ns", "Europe/Paris")),
        pa.array([NOON.replace(tzinfo=None), None], pa.timestamp("ms")),
        pa.array([SECONDS, None]),
        pa.array([int(SECONDS * 1e3), None]),
        pa.array(["2026-11-02T12:00:00.25Z", None]),
        pa.array(["2026-11-02T12:00:00.250000000Z", None]),
        pa.array(["2026-11-02 12:00:00.25", None], pa.large_string()),
    ],
)
def test_columns_of_any_type_become_utc_microseconds(column: pa.Array) -> None:
    """
    An Arrow column of times, numbers or strings gives what the single values give.
    """
    read = times(column)

    assert read.type == pa.timestamp("us", "UTC")
    assert read.to_pylist() == [NOON, None]


def test_dates_are_midnight_and_nulls_stay() -> None:
    """
    A date column and an all-null column are read, too.
    """
    assert times(pa.array([datetime(2026, 11, 2).date()])).to_pylist() == [datetime(2026, 11, 2, tzinfo=UTC)]
    assert times(pa.nulls(2)).to_pylist() == [None, None]


def test_impossible_cells_of_a_column_are_null_alone() -> None:
    """
    One bad number or string does not take its neighbours with it.
    """
    assert times(pa.array([-5.0, SECONDS, 1e300])).to_pylist() == [None, NOON, None]
    assert times(pa.array(["soon", "2026-11-02T12:00:00.25Z"])).to_pylist() == [None, NOON]
    assert times(pa.array([9_000_000_000_000_000_000], pa.int64()), "us").to_pylist() == [None]
    assert times(pa.array([SECONDS]), "iso").to_pylist() == [None]
