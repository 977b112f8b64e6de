"""
What a person decided about a campaign or an account: `rulings.json` beside the results it is about.

Only a ruling confirms or clears. It names who, when and why; a later one on the same campaign or account replaces an earlier
one, and both stay in the file. An account is named by its pseudonym, whatever the results name it by.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from stillwatch.errors import SharingError
from stillwatch.records.campaign import Document

FILE = "rulings.json"
_VERSION = "1.1"
DECISIONS = ("confirmed", "cleared")


@dataclass(frozen=True, slots=True)
class Ruling:
    """
    One decision.

    Args:
        campaign_id: The campaign it is about.
        decision: `confirmed` or `cleared`.
        by: Who decided.
        reason: Why, for whoever reads it later; never leaves the house.
        at: When, UTC, `2026-11-24T03:00:00Z`.
    """

    campaign_id: str
    decision: str
    by: str
    reason: str
    at: str

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class AccountRuling:
    """One decision on an account: as `Ruling`, but `account` is its pseudonym, 16 hex digits."""

    account: str
    decision: str
    by: str
    reason: str
    at: str

    def __post_init__(self) -> None:
        _check(self)
        if re.fullmatch(r"[0-9a-f]{16}", self.account) is None:
            raise ValueError("an account is named by its pseudonym, 16 hex digits")


def _check(ruling: Ruling | AccountRuling) -> None:
    if ruling.decision not in DECISIONS:
        raise ValueError(f"a ruling is {' or '.join(DECISIONS)}")
    if not ruling.by.strip() or not ruling.reason.strip():
        raise ValueError("a ruling names who decided and why")
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", ruling.at) is None:
        raise ValueError("a ruling has a time of the form 2026-11-24T03:00:00Z")


def read(folder: Path) -> list[Ruling]:
    """
    All rulings on campaigns of a results folder, oldest first; none where there is no file.

    Raises:
        SharingError: the file is damaged.
    """
    return _all(folder)[0]


def read_accounts(folder: Path) -> list[AccountRuling]:
    """
    All rulings on accounts, oldest first; none where there is no file.

    Raises:
        SharingError: the file is damaged.
    """
    return _all(folder)[1]


def _all(folder: Path) -> tuple[list[Ruling], list[AccountRuling]]:
    path = folder / FILE
    if not path.exists():
        return [], []
    try:
        told = orjson.loads(path.read_bytes())
        if told["schema_version"].partition(".")[0] != _VERSION.partition(".")[0]:
            raise SharingError(f"{path}: written by a newer Stillwatch (version {told['schema_version']}). Update")
        return [Ruling(**one) for one in told["rulings"]], [AccountRuling(**one) for one in told.get("accounts", [])]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SharingError(f"{path}: is no file of rulings. Restore it from a backup, or remove it and rule again") from error


def standing(folder: Path) -> dict[str, Ruling]:
    """The last ruling on each campaign."""
    return {ruling.campaign_id: ruling for ruling in read(folder)}


def standing_accounts(folder: Path) -> dict[str, AccountRuling]:
    """The last ruling on each account, by its pseudonym."""
    return {ruling.account: ruling for ruling in read_accounts(folder)}


def rule(folder: Path, document: Document, ruling: Ruling) -> None:
    """
    Add a ruling; the file is replaced whole or not at all.

    Raises:
        SharingError: the results know no such campaign.
    """
    add(folder, document, [ruling], [])


def add(folder: Path, document: Document, campaigns: Sequence[Ruling], accounts: Sequence[AccountRuling]) -> int:
    """
    Add rulings, all or none; one that is there already is not added again. Returns how many were new.

    Raises:
        SharingError: the results know no such campaign, or the file is damaged.
    """
    for ruling in campaigns:
        if document.campaign(ruling.campaign_id) is None:
            raise SharingError(f"{folder}: there is no campaign '{ruling.campaign_id}'. See: campaigns.json")
    old, old_accounts = _all(folder)
    new = [r for r in dict.fromkeys(campaigns) if r not in old]
    new_accounts = [r for r in dict.fromkeys(accounts) if r not in old_accounts]
    told: dict[str, object] = {"schema_version": _VERSION, "rulings": [asdict(one) for one in [*old, *new]]}
    if old_accounts or new_accounts:
        told["accounts"] = [asdict(one) for one in [*old_accounts, *new_accounts]]
    temporary = folder / f".{FILE}.{os.getpid()}"
    temporary.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    temporary.replace(folder / FILE)
    return len(new) + len(new_accounts)


def now() -> str:
    """The clock, as a ruling writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
