"""
The playbooks: read from TOML, checked, written as a page for people and as a STIX course-of-action for peers.

A playbook that could hurt a bystander cannot be written down here: whatever changes something for an account acts on core
accounts only, has an approval, an end and an appeal, and refusing takes a ruling.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.taxii import marking

VERDICTS = ("cleared", "watched", "likely", "confirmed")
COUNTERMEASURES = ("allow", "slow", "challenge", "refuse")
APPROVALS = ("none", "one person", "two persons")
TIERS = ("core", "probable")
MAX_DAYS = 90


@dataclass(frozen=True, slots=True)
class Playbook:
    """
    One graduated response.

    Args:
        name: What it is called in commands and ids.
        version: Grows with every change of meaning.
        title: A few words.
        trigger: When it is taken out.
        from_verdict: The least verdict it may follow.
        countermeasure: What the gateway does: allow, slow, challenge or refuse.
        acts_on: Memberships on which something is done; touched accounts are never acted on.
        steps: What is done, in order.
        bound: What is not done.
        approval: Who must agree before.
        expires_after_days: It ends by itself, 1 to 90.
        appeal: How it is objected to.
        mitigations: MITRE ATLAS mitigations it applies.
        effect: What it did where it was tried, with the number; None where nobody measured it.
        measured_by: How the effect was measured: a benchmark's scenario, a lab run, a log; with `effect` or not at all.
    """

    name: str
    version: int
    title: str
    trigger: str
    from_verdict: str
    countermeasure: str
    acts_on: tuple[str, ...]
    steps: tuple[str, ...]
    bound: str
    approval: str
    expires_after_days: int
    appeal: str
    mitigations: tuple[str, ...]
    effect: str | None = None
    measured_by: str | None = None

    def __post_init__(self) -> None:
        known = {number for number, _ in catalogue.MITIGATIONS}
        wrong = (
            ("from_verdict", self.from_verdict in VERDICTS),
            ("countermeasure", self.countermeasure in COUNTERMEASURES),
            ("approval", self.approval in APPROVALS),
            ("acts_on", set(self.acts_on) <= set(TIERS)),
            ("expires_after_days", 1 <= self.expires_after_days <= MAX_DAYS),
            ("version", self.version >= 1),
            ("mitigations", bool(self.mitigations) and set(self.mitigations) <= known),
            ("steps", isinstance(self.steps, tuple) and bool(self.steps)),
            ("effect", _is_measured(self.effect, self.measured_by)),
            ("text", all(isinstance(one, str) for one in (self.title, self.trigger, self.bound, self.appeal, *self.steps))),
        )
        for name, good in wrong:
            if not good:
                raise ValueError(f"playbook {self.name}: {name} is not one that a playbook can have")
        if self.countermeasure != "allow":
            self._check_harm()

    def _check_harm(self) -> None:
        if self.acts_on != ("core",):
            raise ValueError(f"playbook {self.name}: what changes something for an account acts on core accounts only")
        if self.approval == "none":
            raise ValueError(f"playbook {self.name}: what changes something for an account needs an approval")
        if self.from_verdict not in ("likely", "confirmed"):
            raise ValueError(f"playbook {self.name}: nothing is changed for anyone below likely")
        if self.countermeasure == "refuse" and (self.from_verdict != "confirmed" or self.approval != "two persons"):
            raise ValueError(f"playbook {self.name}: refusing takes a ruling and two persons")


def _is_measured(effect: object, measured_by: object) -> bool:
    """An effect is said with how it was measured, or neither is."""
    if effect is None and measured_by is None:
        return True
    return isinstance(effect, str) and isinstance(measured_by, str) and 0 < len(effect) <= 200 and 0 < len(measured_by) <= 200


def shipped() -> list[Playbook]:
    """The playbooks of this version, mildest first."""
    raw = resources.files("stillwatch.sharing.playbooks").joinpath("playbooks.toml").read_text("utf-8")
    return parse(tomllib.loads(raw), "playbooks.toml")


def parse(tree: Mapping[str, Any], where: str) -> list[Playbook]:
    """
    Playbooks from a TOML tree, one a table.

    Raises:
        SharingError: a table is none.
    """
    found = []
    for name, table in tree.items():
        try:
            told: dict[str, Any] = {key: tuple(kept) if isinstance(kept, list) else kept for key, kept in table.items()}
            found.append(Playbook(name, **told))
        except (TypeError, ValueError, AttributeError) as error:
            raise SharingError(f"{where}: '{name}' is no playbook: {error}") from error
    return found


def page(playbook: Playbook) -> str:
    """A playbook as Markdown."""
    since = "" if playbook.from_verdict == "cleared" else f"; verdict `{playbook.from_verdict}` or above"
    on = ", ".join(playbook.acts_on) or "nobody"
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(playbook.steps, 1))
    return f"""## {playbook.title}

`{playbook.name}`, version {playbook.version}

- **Trigger**: {playbook.trigger}{since}.
- **Countermeasure**: `{playbook.countermeasure}`, on {on}.
- **Bound**: {playbook.bound}.
- **Approval**: {playbook.approval}.
- **Ends** by itself after {playbook.expires_after_days} day{"" if playbook.expires_after_days == 1 else "s"}.
- **Appeal**: {playbook.appeal}.
- **ATLAS**: {", ".join(playbook.mitigations)}.
- **Effect**: {f"{playbook.effect} (measured: {playbook.measured_by})" if playbook.effect else "not measured"}.

{steps}
"""


def bundle(playbooks: Sequence[Playbook], publisher: Publisher, at: datetime) -> dict[str, Any]:
    """
    Playbooks as course-of-action objects; a later version of one is a later version of the same object.

    Args:
        at: Time of publication; cut to the day.
    """
    day = f"{at.astimezone(UTC):%Y-%m-%d}T00:00:00.000Z"
    marks = [marking.definition(publisher.tlp)["id"], catalogue.TERMS]
    objects = [_course(one, publisher, day, marks) for one in playbooks]
    constants = [catalogue.project(), catalogue.playbook_extension(), catalogue.terms(), marking.definition(publisher.tlp)]
    return {
        "type": "bundle",
        "id": publisher.id_of("bundle", day, *(one["id"] for one in objects)),
        "objects": [*constants, *objects],
    }


def from_bundle(objects: Sequence[Any]) -> list[Playbook]:
    """The playbooks among STIX objects of peers, the newest version of each; what is none is passed over."""
    newest: dict[str, tuple[str, Playbook]] = {}
    wanted = {f.name for f in fields(Playbook)}
    for thing in objects:
        kept = thing.get("extensions", {}).get(catalogue.PLAYBOOK) if isinstance(thing, dict) else None
        if not isinstance(kept, dict) or thing.get("revoked") is True:
            continue
        told: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in kept.items() if key in wanted}
        try:
            playbook = Playbook(**{"acts_on": (), **told})
        except (TypeError, ValueError):
            continue
        if thing["modified"] > newest.get(thing["id"], ("", None))[0]:
            newest[thing["id"]] = (thing["modified"], playbook)
    return [playbook for _, playbook in newest.values()]


def _course(playbook: Playbook, publisher: Publisher, day: str, marks: list[str]) -> dict[str, Any]:
    told = {f.name: getattr(playbook, f.name) for f in fields(Playbook)}
    extension = {key: list(kept) if isinstance(kept, tuple) else kept for key, kept in told.items() if kept not in ((), None)}
    return {
        "type": "course-of-action",
        "spec_version": "2.1",
        "id": publisher.id_of("course-of-action", playbook.name),
        "created_by_ref": publisher.identity,
        "created": "2026-11-24T00:00:00.000Z",  # the day of the format, so that it never changes
        "modified": day,
        "name": playbook.title,
        "description": playbook.trigger,
        "external_references": [
            {"source_name": "mitre-atlas", "external_id": number, "url": f"https://atlas.mitre.org/mitigations/{number}"}
            for number in playbook.mitigations
        ],
        "object_marking_refs": marks,
        "extensions": {catalogue.PLAYBOOK: {"extension_type": "property-extension"} | extension},
    }
