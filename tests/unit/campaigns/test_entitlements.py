"""Who may harvest."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stillwatch.campaigns import entitlements
from stillwatch.errors import SettingsError

DAY = datetime(2026, 9, 10, tzinfo=UTC)
REGISTRY = """
[[entitlement]]
org = "acme"
holder = "Acme Research"
purpose = "distil our own model"
max_exchanges = 1000
until = 2026-10-01

[[entitlement]]
accounts = ["x1", "x2"]
"""


def registry(tmp_path: Path, text: str = REGISTRY) -> tuple[entitlements.Permission, ...]:
    """The registry read from a file."""
    path = tmp_path / "entitlements.toml"
    path.write_text(text)
    return entitlements.load(path)


def test_a_covered_campaign_is_licensed(tmp_path: Path) -> None:
    """A permission that covers the campaign's accounts, volume and time lifts its verdict, and says so."""
    told = entitlements.apply(registry(tmp_path), {"a": "acme", "b": "acme"}, 500, DAY)

    assert told is not None
    assert (told.suppressed, told.holder, told.n_accounts) == (True, "Acme Research", 2)
    assert told.in_words == "Licensed: it covers 2 of 2 accounts."


@pytest.mark.parametrize(
    ("accounts", "n_exchanges", "last", "fault"),
    [
        ({"a": "acme", "b": "other"}, 500, DAY, "too few of the campaign"),
        ({"a": "acme"}, 1001, DAY, "1,001 exchanges exceed the 1,000 allowed"),
        ({"a": "acme"}, 5, datetime(2026, 10, 1, tzinfo=UTC), "it ended on 2026-10-01"),
    ],
)
def test_a_permission_has_bounds(
    tmp_path: Path, accounts: dict[str, str | None], n_exchanges: int, last: datetime, fault: str
) -> None:
    """Beyond its accounts, volume or time a permission is shown but lifts nothing."""
    told = entitlements.apply(registry(tmp_path), accounts, n_exchanges, last)

    assert told is not None
    assert not told.suppressed
    assert fault in told.in_words


def test_accounts_may_be_named_and_nobody_else_is_covered(tmp_path: Path) -> None:
    """A registry of accounts covers just these; a campaign of strangers has no entitlement."""
    permissions = registry(tmp_path)

    assert entitlements.apply(permissions, {"x1": None, "x2": None}, 10**9, DAY) is not None
    assert entitlements.apply(permissions, {"y": None}, 1, DAY) is None
    assert entitlements.apply((), {"y": None}, 1, DAY) is None
    assert entitlements.load(None) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[entitlement]]\npurpose = 'x'", "names nobody"),
        ("[[entitlement]]\nog = 'x'", "unknown key 'og'"),
        ("[[entitlement]]\norg = 7", "org must be a string"),
        ("[[entitlement]]\naccounts = [7]", "accounts must be a string or a list of strings"),
        ("[[entitlement]]\norg = 'x'\nuntil = '2027-01-01'", "until must be a date, written without quotes"),
        ("[[entitlement]]\norg = 'x'\nmax_exchanges = -1", "max_exchanges must be a number"),
        ("entitlement = [3]", "entitlement 1: must be a table"),
        ("x = 1", "nothing else"),
        ("[[", "not TOML"),
    ],
)
def test_a_wrong_registry_says_what_and_where(tmp_path: Path, text: str, told: str) -> None:
    """Mistakes are named with the file and the entry; a registry is never half read."""
    with pytest.raises(SettingsError, match=told):
        registry(tmp_path, text)


def test_a_time_may_carry_its_zone(tmp_path: Path) -> None:
    """A local or zoned date-time is an instant in UTC; a missing file is told."""
    (plain, zoned) = registry(
        tmp_path,
        "[[entitlement]]\norg='a'\nuntil=2026-01-01T12:00:00\n[[entitlement]]\norg='b'\nuntil=2026-01-01T12:00:00+02:00",
    )

    assert plain.until == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert zoned.until == datetime(2026, 1, 1, 10, tzinfo=UTC)
    with pytest.raises(SettingsError, match="cannot be read"):
        entitlements.load(tmp_path / "none.toml")
