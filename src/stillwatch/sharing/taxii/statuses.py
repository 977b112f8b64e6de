"""The status resource of a POST (TAXII 2.1 section 4.3.1), and what it says of an object that was not stored."""

from dataclasses import dataclass
from typing import Any

from stillwatch.sharing.taxii import times
from stillwatch.sharing.taxii.admission import Admitted


@dataclass(frozen=True, slots=True)
class Failure:
    """One object of a batch that was not stored, as its sender will know it."""

    id: str
    version: str
    reason: str


def failed(thing: Admitted, reason: str) -> Failure:
    """An admitted object that the collection refused."""
    return Failure(thing.id, thing.version or "", reason)


def status(
    name: str, now: int, successes: list[tuple[Admitted, int]], failures: list[Failure], pending: list[Admitted]
) -> dict[str, Any]:
    """TAXII 2.1 section 4.3.1; empty lists are left out."""
    lists = {
        "successes": [_detail(thing.id, thing.version or times.write(version_us)) for thing, version_us in successes],
        "failures": [_detail(failure.id, failure.version, failure.reason) for failure in failures],
        "pendings": [_detail(thing.id, thing.version or times.write(now)) for thing in pending],
    }
    return {
        "id": name,
        "status": "pending" if pending else "complete",
        "request_timestamp": times.write(now),
        "total_count": len(successes) + len(failures) + len(pending),
        "success_count": len(successes),
        "failure_count": len(failures),
        "pending_count": len(pending),
        **{key: details for key, details in lists.items() if details},
    }


def _detail(name: str, version: str, message: str | None = None) -> dict[str, str]:
    """TAXII 2.1 section 4.3.1.1: `version` is a timestamp, so it is left out where the object had none that can be read."""
    told = {"id": name}
    try:
        times.parse(version)
        told["version"] = version
    except ValueError:
        pass
    return told | ({"message": message} if message is not None else {})
