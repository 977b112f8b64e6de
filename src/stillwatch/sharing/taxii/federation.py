"""
Pulling from other exchanges: by date with an overlap, within a policy, never handed on.

A pull begins ten minutes before the last date it saw, because other servers stamp before they commit and would hide what they
committed late; what comes twice is known already and changes nothing. Objects keep their bytes and identities; that they came
from a peer stands beside them, and no peer is shown what came from any.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import audit, marking, provenance, times
from stillwatch.sharing.taxii.database import Database, Row, Transaction
from stillwatch.sharing.taxii.members import Collection, Members
from stillwatch.sharing.taxii.objects import Objects
from stillwatch.sharing.taxii.remote import Remote

OVERLAP_US = 10 * 60 * times.SECOND_US
_MAX_HELD = 20  # pages of a peer; each may have 64 MiB
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
        policy: `require` or `accept`: whether a page must be signed by a pinned key.
        keys: Pinned public keys in hex.
    """

    name: str
    url: str
    member: str
    key_file: str
    coll: int
    max_tlp: int
    types: tuple[str, ...]
    after_us: int | None = None
    policy: str = "accept"
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull brought: objects seen, taken or known already, outside the policy, refusals by reason; why a page is held."""

    seen: int
    taken: int
    passed_over: int
    refused: Mapping[str, int]
    held: str | None = None


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
            _trust(transaction, peer.name, peer.policy, peer.keys)
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "peer-add", peer.name, peer.url)])

    def trust(self, name: str, policy: str, keys: Sequence[str]) -> None:
        """
        Set what a peer's pages must be signed with; pin the new key beside the old one while the peer replaces it.

        Raises:
            SharingError: no such peer or policy, a key that is none, or keys are required and none is pinned.
        """
        with self._database.write() as transaction:
            if transaction.one("SELECT 1 FROM peer WHERE name = ?", name) is None:
                raise SharingError(f"there is no peer '{name}'. See: exchange peer list")
            _trust(transaction, name, policy, keys)
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "peer-trust", name, f"{policy} n={len(keys)}")])

    def held(self) -> list[tuple[str, int, str, bytes]]:
        """Pages in quarantine: peer, when, why, bytes."""
        with self._database.read() as transaction:
            rows = transaction.all("SELECT peer, received, reason, body FROM held ORDER BY received")
        return [(row[0], row[1], row[2], bytes(row[3])) for row in rows]

    def drop(self, name: str) -> int:
        """Throw away a peer's pages in quarantine; what is good comes again, as no date was noted. Returns how many."""
        with self._database.write() as transaction:
            n = transaction.run("DELETE FROM held WHERE peer = ?", name)
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "held-drop", name, f"n={n}")])
        return n

    def remove(self, name: str) -> None:
        """
        Forget a peer; what came from it stays until it expires.

        Raises:
            SharingError: there is none.
        """
        with self._database.write() as transaction:
            if not transaction.run("DELETE FROM peer WHERE name = ?", name):
                raise SharingError(f"there is no peer '{name}'. See: exchange peer list")
            transaction.run("DELETE FROM peer_trust WHERE peer = ?", name)
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "peer-remove", name)])

    def all(self) -> list[Peer]:
        """Every peer, by name."""
        with self._database.read() as transaction:
            trusts = {row[0]: row for row in transaction.all("SELECT peer, policy, keys FROM peer_trust")}
            rows = transaction.all(f"SELECT {_COLUMNS} FROM peer ORDER BY name")
        return [_peer(row, trusts.get(row[0])) for row in rows]

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
        remote = Remote(peer.url, peer.member, _key(peer))
        there = remote.identifier() if peer.keys else ""
        for told, answer in remote.answers(query):
            why = provenance.refusal(peer.keys, peer.policy, there, answer.raw, answer.signature)
            if why is not None:
                self._hold(peer.name, answer.raw, why)
                return Pulled(seen, taken, passed_over, refused, why)
            things, last = told.get("objects", []), answer.last
            wanted = [thing for thing in things if _within(peer, thing)]
            n, failures = self._objects.receive(place, peer.name, peer.max_tlp, wanted)
            seen, taken, passed_over = seen + len(things), taken + n, passed_over + len(things) - len(wanted)
            for failure in failures:
                refused[failure.reason] = refused.get(failure.reason, 0) + 1
            if last is not None:
                self._note(peer.name, last)
        return Pulled(seen, taken, passed_over, refused)

    def _hold(self, name: str, raw: bytes, why: str) -> None:
        digest = hashlib.sha256(raw).hexdigest()
        with self._database.write() as transaction:
            transaction.lock("register")
            if transaction.one("SELECT 1 FROM held WHERE peer = ? AND digest = ?", name, digest) is None:
                count = transaction.one("SELECT COUNT(*) FROM held WHERE peer = ?", name)
                if count is not None and count[0] < _MAX_HELD:
                    transaction.run("INSERT INTO held VALUES (?, ?, ?, ?, ?)", name, digest, times.now_us(), why, raw)
            audit.append(transaction, [audit.Entry(times.now_us(), "exchange", "hold", name, why)])

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


def _trust(transaction: Transaction, name: str, policy: str, keys: Sequence[str]) -> None:
    if policy not in provenance.POLICIES:
        raise SharingError(f"there is no policy '{policy}'. Known: {', '.join(provenance.POLICIES)}")
    if policy == "require" and not keys:
        raise SharingError("signatures are required, but no key is pinned. Add --key, as the peer's operator gave it to you")
    for key in keys:
        provenance.parse(key)
    transaction.run("DELETE FROM peer_trust WHERE peer = ?", name)
    transaction.run("INSERT INTO peer_trust VALUES (?, ?, ?)", name, policy, ",".join(keys))


def _peer(row: Row, trust: Row | None) -> Peer:
    policy, keys = (trust[1], tuple(key for key in trust[2].split(",") if key)) if trust else ("accept", ())
    return Peer(row[0], row[1], row[2], row[3], row[4], row[5], tuple(t for t in row[6].split(",") if t), row[7], policy, keys)
