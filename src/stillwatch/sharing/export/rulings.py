"""
What a person decided about a campaign: `rulings.json` beside the results it is about.

Only a ruling confirms or clears. It names who, when and why; a later one on the same campaign replaces an earlier one, and
both stay in the file.
"""

import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from stillwatch.errors import SharingError
from stillwatch.records.campaign import Document

FILE = "rulings.json"
_VERSION = "1.0"
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
        if self.decision not in DECISIONS:
            raise ValueError(f"a ruling is {' or '.join(DECISIONS)}")
        if not self.by.strip() or not self.reason.strip():
            raise ValueError("a ruling names who decided and why")
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", self.at) is None:
            raise ValueError("a ruling has a time of the form 2026-11-24T03:00:00Z")


def read(folder: Path) -> list[Ruling]:
    """
    All rulings of a results folder, oldest first; none where there is no file.

    Raises:
        SharingError: the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        told = orjson.loads(path.read_bytes())
        if told["schema_version"].partition(".")[0] != _VERSION.partition(".")[0]:
            raise SharingError(f"{path}: written by a newer Stillwatch (version {told['schema_version']}). Update")
        return [Ruling(**one) for one in told["rulings"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SharingError(f"{path}: is no file of rulings. Restore it from a backup, or remove it and rule again") from error


def standing(folder: Path) -> dict[str, Ruling]:
    """The last ruling on each campaign."""
    return {ruling.campaign_id: ruling for ruling in read(folder)}


def rule(folder: Path, document: Document, ruling: Ruling) -> None:
    """
    Add a ruling; the file is replaced whole or not at all.

    Raises:
        SharingError: the results know no such campaign.
    """
    if document.campaign(ruling.campaign_id) is None:
        raise SharingError(f"{folder}: there is no campaign '{ruling.campaign_id}'. See: campaigns.json")
    rulings = [*read(folder), ruling]
    told = {"schema_version": _VERSION, "rulings": [asdict(one) for one in rulings]}
    temporary = folder / f".{FILE}.{os.getpid()}"
    temporary.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    temporary.replace(folder / FILE)


def now() -> str:
    """The clock, as a ruling writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
