"""Sigma rules out of STIX objects of anyone as files, for tools that read no STIX; expired ones are left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.records.whole import whole
from stillwatch.sharing.hunt.indicators import newest
from stillwatch.sharing.sigma import rule
from stillwatch.sharing.sigma.rule import RuleError
from stillwatch.sharing.taxii import times
from stillwatch.sharing.taxii.admission import ID


@dataclass(slots=True)
class Rules:
    """Texts by UUID of their indicator, and how many indicators gave none, by why."""

    rules: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def rules(objects: Iterable[Any], now_us: int) -> Rules:
    """
    The rules of objects.

    Args:
        objects: STIX objects; of several versions the newest counts. A withdrawn rule is written as deprecated.
        now_us: What is past its validity then is left out.
    """
    found = Rules()
    for thing in newest(objects):
        if thing.get("pattern_type") != "sigma":
            continue
        told = _rule(thing, now_us)
        if told is None:
            found.rules[thing["id"].partition("--")[2]] = str(thing["pattern"])
        elif told.startswith("title:"):
            found.rules[thing["id"].partition("--")[2]] = told
        else:
            found.left_out[told] = found.left_out.get(told, 0) + 1
    return found


def write(texts: Mapping[str, str], folder: Path) -> None:
    """
    A file a rule, `stillwatch_UUID.yml`; each is replaced whole.

    Raises:
        SharingError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with whole(folder / f"stillwatch_{name.replace('-', '_')}.yml") as beside:
                beside.write_text(text, "utf-8")
    except OSError as error:
        raise SharingError(f"{folder}: cannot be written ({error.strerror})") from error


def _rule(thing: Mapping[str, Any], now_us: int) -> str | None:
    """Why a rule is left out, another text for it, or None where it stands as it is."""
    if ID.fullmatch(thing["id"]) is None:
        return "an id that is none"
    try:
        known = rule.read(str(thing.get("pattern")))
        if thing.get("revoked") is True:
            return rule.write(known, replace(rule.head(str(thing["pattern"])), withdrawn=True))
        return "expired" if times.parse(thing["valid_until"]) <= now_us else None
    except RuleError as error:
        return f"a Sigma rule beyond what is read here: {error}"
    except (KeyError, TypeError, ValueError):
        return "no end of validity"
