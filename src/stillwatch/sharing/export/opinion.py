"""
What a member thinks of a peer's object, in one of the five words of STIX 2.1 (section 4.14) and no other.

A word can be counted, and nothing of anyone can stand in it; an explanation is free text, so there is none. Whoever changes his
mind on a later day publishes a later version of the same opinion; on the same day he withdraws it first.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import reasons
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.taxii import marking
from stillwatch.sharing.taxii.admission import ID, OPINIONS

OF = ("indicator", "campaign", "grouping", "report", "course-of-action")


def opinions(word: str, names: Iterable[str], publisher: Publisher, at: datetime) -> dict[str, Any]:
    """
    A bundle of opinions, one an object.

    Args:
        word: One of OPINIONS.
        names: Ids of peers' objects, of the types OF.
        at: Time of publication; cut to the day.

    Raises:
        SharingError: the word is none of the five, an id is none, or of a type that nobody has opinions on.
    """
    if word not in OPINIONS:
        raise SharingError(f"there is no opinion '{word}'. Known: {', '.join(OPINIONS)}")
    day = f"{at.astimezone(UTC):%Y-%m-%d}T00:00:00.000Z"
    marks = [marking.definition(publisher.tlp)["id"], catalogue.TERMS]
    objects = []
    for name in dict.fromkeys(names):
        found = ID.fullmatch(name)
        if found is None or found[1] not in OF:
            raise SharingError(f"an opinion is on a peer's object, by its id. Types: {', '.join(OF)}")
        objects.append(
            {
                "type": "opinion",
                "spec_version": "2.1",
                "id": publisher.id_of("opinion", name),
                "created_by_ref": publisher.identity,
                "created": min(catalogue.MADE, day),  # the same in every version
                "modified": day,
                "opinion": word,
                "object_refs": [name],
                "object_marking_refs": marks,
            }
        )
    bundle = {"type": "bundle", "id": publisher.id_of("bundle", day, word, *(one["id"] for one in objects)), "objects": objects}
    reasons.explain(bundle)
    return bundle
