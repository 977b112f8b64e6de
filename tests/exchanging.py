"""An exchange for tests: a register with members of every role, good objects, and requests by name of member."""

import base64
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from stillwatch.sharing.taxii import marking, times
from stillwatch.sharing.taxii.app import build
from stillwatch.sharing.taxii.database import Database
from stillwatch.sharing.taxii.exchange import Exchange, Options
from stillwatch.sharing.taxii.members import Collection, Limits, Member, Members

TAXII = "application/taxii+json;version=2.1"
NO_LIMITS = Limits(0, 0, 0, 0)
MEMBERS = (
    Member("ada", "contributor", limits=NO_LIMITS),
    Member("ben", "contributor", limits=NO_LIMITS),
    Member("green", "reader", clearance=marking.GREEN, limits=NO_LIMITS),
    Member("mod", "moderator", clearance=marking.RED, limits=NO_LIMITS),
    Member("new", "contributor", quarantined=True, limits=NO_LIMITS),
    Member("aud", "auditor", limits=NO_LIMITS),
)
PLACE = Collection(
    0, "91a7b528-80eb-42ed-a74d-c6fbd5a26116", "api", "campaigns", "Campaigns", None, marking.AMBER_STRICT, False, True
)


@dataclass
class Api:
    """Requests to one exchange in this process, as one member or another."""

    database: Database
    client: TestClient
    keys: dict[str, str]
    collection: Collection
    producers: dict[str, str]
    members: Members = field(init=False)

    def __post_init__(self) -> None:
        self.members = Members(self.database)

    @property
    def base(self) -> str:
        """Address of the collection."""
        return f"/{self.collection.root}/collections/{self.collection.id}/"

    def get(self, path: str, who: str = "ada", **params: Any) -> Any:
        """GET; a path without a leading slash lies below the collection."""
        return self.request("GET", path, who, params={k: str(v) for k, v in params.items()})

    def post(self, things: list[Any], who: str = "ada") -> Any:
        """POST objects in an envelope."""
        return self.request("POST", "objects/", who, json={"objects": things})

    def request(self, method: str, path: str, who: str | None = "ada", **rest: Any) -> Any:
        """Any request, signed in by HTTP Basic."""
        headers = {"Accept": TAXII, **({"Content-Type": TAXII} if method == "POST" else {}), **rest.pop("headers", {})}
        if who is not None:
            headers.setdefault("Authorization", basic(who, self.keys[who]))
        full = path if path.startswith("/") else self.base + path
        return self.client.request(method, full, headers={k: v for k, v in headers.items() if v is not None}, **rest)

    def indicator(self, who: str = "ada", **changes: Any) -> dict[str, Any]:
        """A good indicator of a member."""
        return indicator(created_by_ref=self.producers[who]) | changes

    def ids(self, answer: Any) -> list[str]:
        """The ids of an envelope."""
        assert answer.status_code == 200, answer.text
        return [thing["id"] for thing in answer.json().get("objects", [])]


def open_api(database: Database, options: Options | None = None, collection: Collection = PLACE) -> Api:
    """A fresh exchange with MEMBERS and one collection; use its client as a context manager to run its lifespan."""
    members = Members(database)
    made = members.add_collection(collection)
    keys: dict[str, str] = {}
    for member in MEMBERS:
        members.add(member)
        keys[member.id] = members.issue_key(member.id, 30)
    client = TestClient(build(Exchange(database, options or Options())), raise_server_exceptions=True)
    producers = {m.id: members.identity(m.id, made) or "" for m in MEMBERS}
    return Api(database, client, keys, made, producers)


def basic(name: str, key: str) -> str:
    """The header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode()


def indicator(**changes: Any) -> dict[str, Any]:
    """A good indicator, valid from an hour ago for ten days."""
    now = times.now_us() - 3_600 * times.SECOND_US
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.uuid4()}",
        "created": times.write_ms(now),
        "modified": times.write_ms(now),
        "name": "Prompt template sketch",
        "pattern_type": "stix",
        "pattern": "[ipv4-addr:value = '203.0.113.0/24']",
        "valid_from": times.write_ms(now),
        "valid_until": times.write_ms(now + 10 * times.DAY_US),
    } | changes


def later(thing: dict[str, Any], seconds: int, **changes: Any) -> dict[str, Any]:
    """The same object in a version some seconds younger (negative: older)."""
    moved = times.write_ms(times.parse(thing["modified"]) + seconds * times.SECOND_US)
    return thing | {"modified": moved} | ({"created": moved} if seconds < 0 else {}) | changes


def marked(level: int) -> list[str]:
    """The marking of a TLP level."""
    return [marking.definition(level)["id"]]
