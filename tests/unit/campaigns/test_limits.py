"""What a log could not have shown."""

from datetime import timedelta

import pytest
from tests.tables import NOON

from stillwatch.campaigns import limits
from stillwatch.records.window import Window
from stillwatch.settings import CampaignSettings

ALL = frozenset({"payment", "network", "device", "tokens", "config"})


@pytest.mark.parametrize(
    ("available", "days", "names"),
    [
        (ALL, 7, ["small campaigns", "watched groups", "split, untemplated, covered, clean"]),
        (ALL - {"payment"}, 7, ["shared payment", "small campaigns", "watched groups", "split, untemplated, covered, clean"]),
        (
            ALL - {"tokens"},
            1,
            ["what was asked", "rhythm", "small campaigns", "watched groups", "split, untemplated, covered, clean"],
        ),
    ],
)
def test_a_missing_column_or_day_is_told(available: frozenset[str], days: int, names: list[str]) -> None:
    """Each missing column and a short window is a limit; the method's own are always told."""
    told = limits(available, Window(NOON, NOON + timedelta(days=days)), CampaignSettings())

    assert [limit.name for limit in told] == names
