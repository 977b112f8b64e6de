"""
Who may harvest: the registry of licensed distillers, read from `entitlements.toml` and applied after scoring, never silently.

    [[entitlement]]
    org = "acme"                 # or: account = "acct-17", or accounts = ["a", "b"]
    holder = "Acme Research"     # optional, else the org or account
    purpose = "distil our own product model"
    max_exchanges = 2000000      # optional
    until = 2027-06-30           # optional: first day on which it no longer holds
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from stillwatch.errors import SettingsError
from stillwatch.records import campaign

COVERED_SHARE = 0.9  # of the campaign's accounts: an entitlement that covers fewer lifts no verdict
_KNOWN = frozenset({"org", "account", "accounts", "holder", "purpose", "max_exchanges", "until"})


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry of the registry."""

    holder: str
    purpose: str
    orgs: frozenset[str]
    accounts: frozenset[str]
    max_exchanges: int | None
    until: datetime | None


def load(path: Path | None) -> tuple[Permission, ...]:
    """
    Read the registry; empty where there is none.

    Raises:
        SettingsError: not TOML, an unknown key, no holder, or a value of the wrong kind.
    """
    if path is None:
        return ()
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    entries = tree.get("entitlement")
    if not isinstance(entries, list) or set(tree) != {"entitlement"}:
        raise SettingsError(f"{path}: must hold [[entitlement]] tables and nothing else")
    return tuple(_permission(entry, f"{path}: entitlement {place}") for place, entry in enumerate(entries, 1))


def apply(
    permissions: Sequence[Permission], accounts: Mapping[str, str | None], n_exchanges: int, last_seen: datetime
) -> campaign.Entitlement | None:
    """
    The permission that covers most of a campaign, and whether it lifts the verdict.

    Args:
        permissions: The registry.
        accounts: account_id -> org_id of the campaign's accounts.
        n_exchanges: Exchanges of the campaign.
        last_seen: Its last exchange.
    """
    covered = [(sum(a in p.accounts or org in p.orgs for a, org in accounts.items()), p) for p in permissions]
    n_covered, best = max(covered, key=lambda c: c[0], default=(0, None))
    if best is None or not n_covered:
        return None
    fault = _fault(best, n_covered, len(accounts), n_exchanges, last_seen)
    share = f"it covers {n_covered} of {len(accounts)} accounts"
    return campaign.Entitlement(
        holder=best.holder,
        purpose=best.purpose,
        max_exchanges=best.max_exchanges,
        valid_until=best.until,
        n_accounts=n_covered,
        suppressed=fault is None,
        in_words=f"Licensed: {share}." if fault is None else f"Not licensed: {share}, but {fault}.",
    )


def _fault(best: Permission, n_covered: int, n_accounts: int, n_exchanges: int, last_seen: datetime) -> str | None:
    if n_covered < COVERED_SHARE * n_accounts:
        return "too few of the campaign"
    if best.until is not None and last_seen >= best.until:
        return f"it ended on {best.until:%Y-%m-%d}"
    if best.max_exchanges is not None and n_exchanges > best.max_exchanges:
        return f"{n_exchanges:,} exchanges exceed the {best.max_exchanges:,} allowed"
    return None


def _permission(entry: Any, where: str) -> Permission:
    if not isinstance(entry, dict):
        raise SettingsError(f"{where}: must be a table")
    unknown = sorted(set(entry) - _KNOWN)
    if unknown:
        raise SettingsError(f"{where}: unknown key '{unknown[0]}'. Known: {', '.join(sorted(_KNOWN))}")
    orgs = _texts(entry, "org", where)
    accounts = _texts(entry, "account", where) | _texts(entry, "accounts", where)
    if not orgs and not accounts:
        raise SettingsError(f"{where}: names nobody. Set org, account or accounts")
    limit = entry.get("max_exchanges")
    if limit is not None and (not isinstance(limit, int) or limit < 0):
        raise SettingsError(f"{where}: max_exchanges must be a number of exchanges")
    holder = str(entry.get("holder") or ", ".join(sorted(orgs or accounts)))
    return Permission(holder, str(entry.get("purpose", "not stated")), orgs, accounts, limit, _until(entry.get("until"), where))


def _texts(entry: dict[str, Any], name: str, where: str) -> frozenset[str]:
    value = entry.get(name, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise SettingsError(f"{where}: {name} must be a string{' or a list of strings' if name == 'accounts' else ''}")
    return frozenset(values)


def _until(value: Any, where: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise SettingsError(f"{where}: until must be a date, written without quotes: until = 2027-06-30")
