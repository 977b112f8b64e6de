"""
Pulling from other exchanges: by date with an overlap, within a policy, never handed on.

A pull begins ten minutes before the last date it saw, because other servers stamp before they commit and would hide what they
committed late; what comes twice is known already and changes nothing. Objects keep their bytes and identities; that they came
from a peer stands beside them, and no peer is shown what came from any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import audit, marking, times
from stillwatch.sharing.taxii.database import Database, Row
from stillwatch.sharing.taxii.members import Collection, Members
from stillwatch.sharing.taxii.objects import Objects
from stillwatch.sharing.taxii.remote import Remote

OVERLAP_US = 10 * 60 * times.SECOND_US
_COLUMNS = "name, url, member, key_file, coll, max_tlp, types, after_us"


@dataclass(frozen=True, slots=True)
class Peer:
    """
    An exchange that is pulled from.

    Args:
        name: Ours for it.
        url: Address of its collection.
        member: Our name there.
        key_file: File with our key there; the key itself is not stored.
        coll: Number of the collection of ours that takes it.
        max_tlp: Strictest marking that is taken.
        types: Types that are taken; empty: all.
        after_us: Date up to which it was pulled; None: never.
    """

    name: str
    url: str
    member: str
    key_file: str
    coll: int
    max_tlp: int
    types: tuple[str, ...]
    after_us: int | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull brought: objects seen, taken or known already, outside the policy, and refusals by reason."""

    seen: int
    taken: int
    passed_over: int
    refused: Mapping[str, int]


class Federation:
    """
    The peers of an exchange.

    Args:
        database: Where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._objects = Objects(database)

    def add(self, peer: Peer) -> None:
        """
        Register a peer.

        Raises:
            SharingError: the name is taken, or the address would show the key.
        """
        Remote(peer.url, peer.member, "")
        with self._database.write() as transaction:
            transaction.lock("register")
            if transaction.one("SELECT 1 FROM peer WHERE name = ?", peer.name):
                raise SharingError(f"peer '{peer.name}' is registered already. Remove it first, or choose another name")
            transaction.run(f"INSERT INTO peer ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *_row(peer))
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "peer-add", peer.name, peer.url)])

    def remove(self, name: str) -> None:
        """
        Forget a peer; what came from it stays until it expires.

        Raises:
            SharingError: there is none.
        """
        with self._database.write() as transaction:
            if not transaction.run("DELETE FROM peer WHERE name = ?", name):
                raise SharingError(f"there is no peer '{name}'. See: exchange peer list")
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "peer-remove", name)])

    def all(self) -> list[Peer]:
        """Every peer, by name."""
        with self._database.read() as transaction:
            return [_peer(row) for row in transaction.all(f"SELECT {_COLUMNS} FROM peer ORDER BY name")]

    def pull(self, peer: Peer) -> Pulled:
        """
        Take what is new; each page is stored, and its date noted, before the next is asked for.

        Raises:
            SharingError: the peer cannot be reached, or refuses.
        """
        place = self._place(peer)
        query = {"match[version]": "all"} | ({"match[type]": ",".join(peer.types)} if peer.types else {})
        if peer.after_us is not None:
            query["added_after"] = times.write(max(0, peer.after_us - OVERLAP_US))
        seen = taken = passed_over = 0
        refused: dict[str, int] = {}
        for things, last in Remote(peer.url, peer.member, _key(peer)).pages(query):
            wanted = [thing for thing in things if _within(peer, thing)]
            n, failures = self._objects.receive(place, peer.name, peer.max_tlp, wanted)
            seen, taken, passed_over = seen + len(things), taken + n, passed_over + len(things) - len(wanted)
            for failure in failures:
                refused[failure.reason] = refused.get(failure.reason, 0) + 1
            if last is not None:
                self._note(peer.name, last)
        return Pulled(seen, taken, passed_over, refused)

    def _place(self, peer: Peer) -> Collection:
        return next(c for c in Members(self._database).collections() if c.n == peer.coll)

    def _note(self, name: str, last: str) -> None:
        try:
            moment = times.parse(last)
        except ValueError as error:
            raise SharingError(f"peer '{name}' dates its pages by what is no TAXII timestamp. Tell its operator") from error
        with self._database.write() as transaction:
            transaction.run(
                "UPDATE peer SET after_us = ? WHERE name = ? AND (after_us IS NULL OR after_us < ?)", moment, name, moment
            )


def _within(peer: Peer, thing: Any) -> bool:
    """Is an object of a type and a marking that is taken? What is malformed is left to admission to refuse."""
    if not isinstance(thing, dict):
        return True
    kind, refs = thing.get("type"), thing.get("object_marking_refs", ())
    if peer.types and kind not in peer.types:
        return False
    texts = [ref for ref in refs if isinstance(ref, str)] if isinstance(refs, list | tuple) else []
    return marking.level(str(kind), texts) <= peer.max_tlp


def _key(peer: Peer) -> str:
    try:
        return Path(peer.key_file).read_text("utf-8").strip()
    except OSError as error:
        raise SharingError(f"{peer.key_file}: the key for peer '{peer.name}' cannot be read ({error.strerror})") from error


def _row(peer: Peer) -> Row:
    return (peer.name, peer.url, peer.member, peer.key_file, peer.coll, peer.max_tlp, ",".join(peer.types), peer.after_us)


def _peer(row: Row) -> Peer:
    return Peer(row[0], row[1], row[2], row[3], row[4], row[5], tuple(t for t in row[6].split(",") if t), row[7])
