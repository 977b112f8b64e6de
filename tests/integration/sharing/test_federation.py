"""Two exchanges: what one pulls from the other, what it does not, and that nothing travels on or back."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import NO_LIMITS, PLACE, indicator, later, marked
from tests.serving import Served

from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.taxii import audit, database, marking, provenance
from stillwatch.sharing.taxii.database import Database
from stillwatch.sharing.taxii.federation import Federation, Peer
from stillwatch.sharing.taxii.filters import Filters
from stillwatch.sharing.taxii.members import EXCHANGE, Collection, Member, Members
from stillwatch.sharing.taxii.objects import Objects
from stillwatch.sharing.taxii.provenance import Signer

EVERY = Filters(versions=("all",))


@dataclass
class Side:
    """One exchange, from the inside."""

    opened: Database
    place: Collection
    served: Served

    @property
    def members(self) -> Members:
        """Its register."""
        return Members(self.opened)

    def post(self, who: str, *things: dict[str, Any]) -> None:
        """A member of it publishes."""
        told = Objects(self.opened).post(self.place, self.members.get(who), things)
        assert "failures" not in told, told["failures"]

    def seen(self, who: Member) -> list[tuple[str, str]]:
        """Indicators and relationships that a member sees: id and version."""
        page = Objects(self.opened).page(self.place, who, EVERY, -1, 10_000, bodies=False)
        return [(r.id, r.version) for r in page.records if r.id.startswith(("indicator", "relationship"))]

    def thing(self, who: str, level: int, **changes: Any) -> dict[str, Any]:
        """An indicator of a member with a marking."""
        return indicator(created_by_ref=self.members.identity(who, self.place), object_marking_refs=marked(level)) | changes


def side(folder: Path, name: str) -> Side:
    """A served exchange with a member and an account for its peer."""
    store = str(folder / f"{name}.db")
    opened = database.connect(store)
    members = Members(opened)
    place = members.add_collection(replace(PLACE, id=str(uuid.uuid4())))
    Objects(opened).post(place, Member(EXCHANGE, "moderator", clearance=marking.RED), catalogue.everything())
    members.add(Member("ada", "contributor", limits=NO_LIMITS))
    members.add(Member("neighbour", "peer", clearance=marking.GREEN, limits=NO_LIMITS))
    (folder / f"{name}.key").write_text(members.issue_key("neighbour", 1))
    made = Side(opened, place, Served(store))
    made.served.start()
    return made


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    """Two exchanges, each a peer of the other."""
    west, east = side(tmp_path, "west"), side(tmp_path, "east")
    for here, there, name in ((west, east, "east"), (east, west, "west")):
        url = f"{there.served.url}/api/collections/{there.place.id}/"
        Federation(here.opened).add(
            Peer(
                name, url, "neighbour", str(tmp_path / f"{name}.key"), here.place.n, marking.GREEN, ("indicator", "relationship")
            )
        )
    yield west, east
    for one in (west, east):
        one.served.stop()
        one.opened.close()


def pull(here: Side) -> Any:
    """Pull from the one peer."""
    federation = Federation(here.opened)
    (peer,) = federation.all()
    return federation.pull(peer)


def test_within_the_policy_and_nothing_else(sides: tuple[Side, Side]) -> None:
    """Green and clear indicators come, byte for byte; stricter ones, and types that are not taken, do not."""
    west, east = sides
    things = [east.thing("ada", level) for level in (marking.CLEAR, marking.GREEN, marking.AMBER, marking.AMBER_STRICT)]
    east.post("ada", *things)

    told = pull(west)

    assert west.seen(west.members.get("ada")) == [(one["id"], one["modified"]) for one in things[:2]]
    assert (told.taken, told.refused) == (2, {})
    page = Objects(west.opened).page(west.place, west.members.get("ada"), EVERY, -1, 100, bodies=True)
    assert b'"created_by_ref":"' + things[0]["created_by_ref"].encode() in b"".join(r.body for r in page.records)


def test_a_second_pull_brings_what_is_new_and_doubles_nothing(sides: tuple[Side, Side]) -> None:
    """The overlap shows some again, which changes nothing; versions and withdrawals follow."""
    west, east = sides
    thing = east.thing("ada", marking.GREEN)
    east.post("ada", thing)
    pull(west)
    before = west.seen(west.members.get("ada"))
    again = pull(west)
    east.post("ada", later(thing, 60, revoked=True))
    pull(west)

    assert again.seen == again.taken == 1  # inside the overlap
    assert before == [(thing["id"], thing["modified"])]
    assert west.seen(west.members.get("ada")) == [*before, (thing["id"], later(thing, 60)["modified"])]


def test_nothing_travels_on_or_back(sides: tuple[Side, Side]) -> None:
    """What came from a peer is shown to members, to no peer, and does not return to where it came from, nor what joins it."""
    west, east = sides
    thing = east.thing("ada", marking.GREEN)
    east.post("ada", thing)
    pull(west)
    link = {k: v for k, v in west.thing("ada", marking.GREEN).items() if not k.startswith(("pattern", "valid", "name"))}
    link |= {
        "type": "relationship",
        "id": f"relationship--{uuid.uuid4()}",
        "relationship_type": "related-to",
        "source_ref": thing["id"],
        "target_ref": thing["id"],
    }
    own = west.thing("ada", marking.GREEN)
    west.post("ada", link, own)

    assert west.seen(west.members.get("neighbour")) == [(own["id"], own["modified"])]
    assert pull(east).seen == 1
    assert sorted(east.seen(east.members.get("ada"))) == sorted([(thing["id"], thing["modified"]), (own["id"], own["modified"])])


def test_a_peer_speaks_for_itself_only(sides: tuple[Side, Side]) -> None:
    """It cannot publish under the identity of a member here, nor version an object of one, and its faults are named."""
    west, _ = sides
    mine = west.thing("ada", marking.GREEN)
    west.post("ada", mine)
    forged = indicator(created_by_ref=mine["created_by_ref"], object_marking_refs=marked(marking.GREEN))
    stolen = later(mine, 60, created_by_ref=None)
    personal = indicator(name="jane@example.org", object_marking_refs=marked(marking.GREEN))
    things = [forged, {k: v for k, v in stolen.items() if v is not None}, personal, {"type": "indicator"}]

    taken, failures = Objects(west.opened).receive(west.place, "east", marking.GREEN, things)

    assert taken == 0
    assert sorted(f.reason.split(":")[0] for f in failures) == [
        "id must be the type, two dashes and a lower-case UUID",
        "not owner",
        "not owner",
        "personal data/prompt content",
    ]
    assert west.seen(west.members.get("ada")) == [(mine["id"], mine["modified"])]


def test_members_cannot_touch_what_came_from_a_peer(sides: tuple[Side, Side]) -> None:
    """It is the peer's: no version of it, no deletion, except by a moderator."""
    west, east = sides
    thing = east.thing("ada", marking.GREEN)
    east.post("ada", thing)
    pull(west)

    told = Objects(west.opened).post(west.place, west.members.get("ada"), [later(thing, 60)])

    assert "not owner" in told["failures"][0]["message"]


def test_the_command_line(sides: tuple[Side, Side], tmp_path: Path) -> None:
    """Peers are listed, pulled from, and a lost one is named with exit code 1; pulls are in the audit log."""
    west, east = sides
    east.post("ada", east.thing("ada", marking.GREEN))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from stillwatch.cli.main import main; main()", "exchange", *arguments]
        return subprocess.run([*command, "--store", west.served.store], capture_output=True, text=True, check=False)

    pulled, listed = run("pull"), run("peer", "list")
    east.served.stop()
    lost = run("pull", "east")
    unknown = run("pull", "north")

    assert (pulled.returncode, "1 taken" in pulled.stderr) == (0, True)
    assert "green" in listed.stdout
    assert (lost.returncode, "cannot be reached" in lost.stderr) == (1, True)
    assert (unknown.returncode, "no peer 'north'" in unknown.stderr) == (1, True)
    assert [line.entry.detail for line in audit.lines(west.opened, 0, 1_000) if line.entry.action == "pull"] == [
        "east stored=1 refused=0"
    ]
    assert run("peer", "remove", "east").returncode == 0
    assert Federation(west.opened).all() == []
    east.served.start()


def test_a_peer_over_plain_http_is_refused(sides: tuple[Side, Side]) -> None:
    """Our key there would cross the network in clear."""
    with pytest.raises(SharingError, match="https only"):
        Federation(sides[0].opened).add(Peer("north", "http://exchange.example.org/x/", "us", "key", 1, 1, ()))


def signed_by(east: Side, folder: Path, *names: str) -> list[str]:
    """Serve again with signing keys of these names (made if absent); their public halves."""
    paths = [folder / f"{name}.pem" for name in names]
    for path in paths:
        if not path.exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, capture_output=True)
    east.served.stop()
    options = [part for path in paths for part in ("--signing-key", str(path))]
    east.served = replace(east.served, command=("exchange", "serve", *options))
    east.served.start()
    return Signer([str(path) for path in paths]).public


def test_pages_are_signed_and_held_against_pinned_keys(sides: tuple[Side, Side], tmp_path: Path) -> None:
    """Unsigned and foreign pages are held with the reason and come after a pin; a new key beside the old one leaves no gap."""
    west, east = sides
    federation = Federation(west.opened)
    one, two = east.thing("ada", marking.GREEN), east.thing("ada", marking.GREEN)
    east.post("ada", one)
    old, stranger = signed_by(east, tmp_path, "old"), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    federation.trust("east", "require", [stranger])

    foreign = pull(west)
    before = west.seen(west.members.get("ada"))
    federation.trust("east", "require", old)
    good = pull(west)
    new = signed_by(east, tmp_path, "new", "old")[0]
    east.post("ada", two)
    both = pull(west)
    federation.trust("east", "require", [new])
    signed_by(east, tmp_path, "new")
    rotated = pull(west)
    east.served.stop()
    east.served = replace(east.served, command=("exchange", "serve"))
    east.served.start()
    unsigned = pull(west)
    federation.trust("east", "accept", [new])

    assert (foreign.held, before) == ("the page is signed, but by no key that is pinned", [])
    assert [told.held for told in (good, both, rotated)] == [None] * 3
    assert [name for name, _ in west.seen(west.members.get("ada"))] == [one["id"], two["id"]]
    assert unsigned.held == "the page is not signed"
    assert pull(west).held is None
    assert {name for name, *_ in federation.held()} == {"east"}
    assert federation.drop("east") == 2
    assert federation.held() == []
    assert [line.entry.action for line in audit.lines(west.opened, 0, 1_000)].count("hold") == 2


def test_an_altered_page_is_refused_by_every_policy(tmp_path: Path) -> None:
    """One byte, another collection, a signature that is none: never taken under a pinned key."""
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "k"], check=True, capture_output=True)
    signer = Signer([str(tmp_path / "k")])
    header = signer.header("c", b"{}")
    assert header is not None

    def judged(policy: str, place: str, body: bytes, given: str | None) -> str | None:
        return provenance.refusal(signer.public, policy, place, body, given)

    assert judged("require", "c", b"{}", header) is None
    for policy in provenance.POLICIES:
        for place, body, given in (("c", b"{} ", header), ("d", b"{}", header), ("c", b"{}", header.partition(":")[0] + ":!")):
            assert "altered" in (judged(policy, place, body, given) or "")
    assert judged("accept", "c", b"{}", "x:y, " * 1_000) is None
    assert "no key that is pinned" in (judged("require", "c", b"{}", "x" * 10_000) or "")


@pytest.mark.parametrize(("policy", "keys"), [("require", []), ("require", ["zz"]), ("accept", ["ab"]), ("maybe", [])])
def test_a_pin_that_is_none_is_refused(sides: tuple[Side, Side], policy: str, keys: list[str]) -> None:
    """What was pinned before stays."""
    with pytest.raises(SharingError):
        Federation(sides[0].opened).trust("east", policy, keys)

    assert Federation(sides[0].opened).all()[0].policy == "accept"
