"""The answer to a peer: "seen here too", in powers of two and whole days, or nothing where few accounts were hit."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stillwatch.sharing import catalogue
from stillwatch.sharing.export import reasons
from stillwatch.sharing.export.floors import power_of_two
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.hunt.search import Found
from stillwatch.sharing.taxii import marking

MIN_ACCOUNTS = 5  # as for templates: below, a sighting can be about one customer


def sightings(found: Mapping[str, Found], publisher: Publisher, at: datetime) -> dict[str, Any]:
    """
    A bundle of sightings, one an indicator that at least five accounts hit; it may be empty of them.

    Args:
        found: Hits by id of the indicator.
        at: Time of publication; cut to the day.
    """
    objects = seen(found, publisher, at)
    day = f"{at.astimezone(UTC):%Y-%m-%d}T00:00:00.000Z"
    bundle = {"type": "bundle", "id": publisher.id_of("bundle", day, *(one["id"] for one in objects)), "objects": objects}
    reasons.explain(bundle)
    return bundle


def seen(found: Mapping[str, Found], publisher: Publisher, at: datetime, *within: str) -> list[dict[str, Any]]:
    """
    Sightings, one an indicator that at least five accounts hit; none of collisions: any crowd on any card would confirm those.

    Args:
        within: What the sighting is of, where it is not of the whole log: goes into its id.
    """
    day = f"{at.astimezone(UTC):%Y-%m-%d}T00:00:00.000Z"
    marks = [marking.definition(publisher.tlp)["id"], catalogue.TERMS]
    objects = []
    for name, one in sorted(found.items()):
        if one.kind == "collision" or len(one.accounts) < MIN_ACCOUNTS or one.first_seen is None or one.last_seen is None:
            continue
        head = {
            "type": "sighting",
            "spec_version": "2.1",
            "id": publisher.id_of("sighting", name, *within),
            "created_by_ref": publisher.identity,
            "created": min(catalogue.MADE, day),  # the same in every version
            "modified": day,
        }
        told = {
            "first_seen": f"{one.first_seen.astimezone(UTC):%Y-%m-%d}T00:00:00.000Z",
            "last_seen": f"{one.last_seen.astimezone(UTC):%Y-%m-%d}T00:00:00.000Z",
            "count": power_of_two(one.n_exchanges),
            "sighting_of_ref": name,
            "object_marking_refs": marks,
        }
        objects.append(head | told)
    return objects
