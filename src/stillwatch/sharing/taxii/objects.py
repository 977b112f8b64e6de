"""
The objects of an exchange: pages by key, batches under one lock, deletion.

Lossless polling rests on one rule: a stamp is `max(clock, last stamp + 1 µs)`, taken *inside* the write transaction,
after the collection's lock. Whoever has seen stamp s will never be shown a smaller one later, because every commit
that is still to come takes its stamps after the lock, hence above s. (docs/research.md measured two servers that
stamp before the commit: pollers of one lost 27 %.)
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from stillwatch.sharing.taxii import audit, ledger, quota, times
from stillwatch.sharing.taxii.admission import Admitted, RefusedError, admit, named
from stillwatch.sharing.taxii.database import Database, Row, Transaction
from stillwatch.sharing.taxii.filters import Filters
from stillwatch.sharing.taxii.members import Collection, Member
from stillwatch.sharing.taxii.selection import marks, visible, where
from stillwatch.sharing.taxii.statuses import Failure, failed
from stillwatch.sharing.taxii.statuses import status as new_status

MAX_PAGE_BYTES = 8 * 1024 * 1024
STATUS_KEPT_US = 7 * times.DAY_US
SPEC_VERSION = "2.1"  # admission lets no other in, so the newest specification of every object is this one
_CHUNK = 500  # parameters of one IN list


class NotFoundError(Exception):
    """There is no such thing, or the member may not know of it."""


class ForbiddenError(Exception):
    """The member sees it but may not do this."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a page; `body` is empty where it was not asked for."""

    stamp: int
    id: str
    version: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Records in ascending order of their stamps, and whether more follow."""

    records: list[Record]
    more: bool


class Objects:
    """
    The objects of all collections.

    Args:
        database: Where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, collection: Collection, member: Member, filters: Filters, after_us: int, limit: int, *, bodies: bool) -> Page:
        """
        The visible records after a stamp.

        Args:
            after_us: Stamp of the last record already seen, from the cursor; `filters.added_after_us` bounds it too.
            limit: Records at most; a page also ends at 8 MiB.
            bodies: False for manifests and versions.
        """
        if filters.spec_versions and SPEC_VERSION not in filters.spec_versions:
            return Page([], False)
        asked, values = where(filters)
        seen, seen_values = visible(member)
        start = max(after_us, filters.added_after_us if filters.added_after_us is not None else -1)
        records: list[Record] = []
        size = 0
        with self._database.read() as transaction:
            for row in transaction.each(
                f"SELECT o.stamp, o.id, o.version, {'o.body' if bodies else 'NULL'} FROM object o "
                f"WHERE o.coll = ? AND o.stamp > ?{asked}{seen} ORDER BY o.stamp LIMIT ?",
                collection.n,
                start,
                *values,
                *seen_values,
                limit + 1,
            ):
                if len(records) == limit or size > MAX_PAGE_BYTES:
                    return Page(records, True)
                body = bytes(row[3]) if row[3] is not None else b""
                size += len(body)
                records.append(Record(row[0], row[1], row[2], body))
        return Page(records, False)

    def knows(self, collection: Collection, member: Member, name: str) -> bool:
        """Is any version of an object visible to the member?"""
        seen, values = visible(member)
        with self._database.read() as transaction:
            row = transaction.one(
                f"SELECT 1 FROM object o WHERE o.coll = ? AND o.id = ?{seen} LIMIT 1", collection.n, name, *values
            )
        return row is not None

    def post(self, collection: Collection, member: Member, things: Sequence[Any]) -> dict[str, Any]:
        """
        Judge and store a batch; each object stands or falls alone. Returns the TAXII status resource (section 4.3.1).

        What a quarantined member sends waits for a moderator, and its status says `pending` until then.

        Raises:
            QuotaError: nothing was stored.
        """
        now = times.now_us()
        admitted, failures = judge(things, now, moderator=member.moderator)
        with self._database.write() as transaction:
            quota.spend(transaction, member.id, "objects", len(admitted), member.limits.objects_a_day)
            if member.quarantined:
                return _hold(transaction, collection, member, admitted, failures, now)
            posting = _store(transaction, collection, _rules(collection, member), admitted, now)
            failures += [failed(thing, reason) for thing, reason in posting.failures]
            status = new_status(str(uuid.uuid4()), now, posting.successes, failures, [])
            _keep(transaction, collection, member, status, now)
            detail = f"stored={len(posting.entries)} refused={len(failures)} status={status['id']}"
            audit.append(transaction, [audit.Entry(now, member.id, "write", collection.id, detail)])
        return status

    def receive(self, collection: Collection, peer: str, max_tlp: int, things: Sequence[Any]) -> tuple[int, list[Failure]]:
        """
        Store what another exchange has, under its name as the owner and with its identities untouched.

        An identity that is a member's of ours, or an object that came from elsewhere, is refused: a peer speaks for itself.
        Returns how many were taken or known already, and why others were not.
        """
        now = times.now_us()
        admitted, failures = judge(things, now, moderator=False)
        rules = ledger.Rules(owner_of(peer), False, False, min(max_tlp, collection.max_tlp), vouched=True)
        with self._database.write() as transaction:
            posting = _store(transaction, collection, rules, admitted, now, origin=peer)
            failures += [failed(thing, reason) for thing, reason in posting.failures]
            if posting.entries:
                detail = f"{peer} stored={len(posting.entries)} refused={len(failures)}"
                audit.append(transaction, [audit.Entry(now, "exchange", "pull", collection.id, detail)])
        return len(posting.successes), failures

    def delete(self, collection: Collection, member: Member, name: str, filters: Filters) -> int:
        """
        Delete an object's versions that the filters name (the last one by default). Returns how many went.

        Raises:
            NotFoundError: no such version is visible to the member.
            ForbiddenError: it is another member's.
        """
        asked, values = where(filters)
        seen, seen_values = visible(member)
        with self._database.write() as transaction:
            transaction.lock(f"collection {collection.n}")
            rows = transaction.all(
                f"SELECT o.stamp, o.owner FROM object o WHERE o.coll = ? AND o.id = ?{asked}{seen}",
                collection.n,
                name,
                *values,
                *seen_values,
            )
            if not rows or (filters.spec_versions and SPEC_VERSION not in filters.spec_versions):
                raise NotFoundError
            if not member.moderator and any(owner != member.id for _, owner in rows):
                raise ForbiddenError
            transaction.many("DELETE FROM object WHERE coll = ? AND stamp = ?", [(collection.n, stamp) for stamp, _ in rows])
            _flag_anew(transaction, collection.n, name)
            detail = f"{name} versions={len(rows)}"
            audit.append(transaction, [audit.Entry(times.now_us(), member.id, "delete", collection.id, detail)])
        return len(rows)

    def status(self, root: str, member: Member, name: str) -> bytes:
        """
        A status resource of the member's own (of anyone's, for moderators), as JSON.

        Raises:
            NotFoundError: there is none.
        """
        with self._database.read() as transaction:
            row = transaction.one("SELECT member, body FROM status WHERE id = ? AND root = ?", name, root)
        if row is None or not (row[0] == member.id or member.moderator):
            raise NotFoundError
        return bytes(row[1])

    def waiting(self) -> list[tuple[str, str, int, list[bytes]]]:
        """What waits for a moderator: status, member, collection number, bodies."""
        found: dict[str, tuple[str, str, int, list[bytes]]] = {}
        with self._database.read() as transaction:
            for row in transaction.each("SELECT status, member, coll, body FROM waiting ORDER BY received, status, place"):
                found.setdefault(row[0], (row[0], row[1], row[2], []))[3].append(bytes(row[3]))
        return list(found.values())

    def review(self, status: str, member: Member, collection: Collection, *, accept: bool, moderator: str) -> dict[str, Any]:
        """
        Let a waiting batch in, with stamps of now so that every poller gets it, or send it back. Returns its new status.

        Raises:
            NotFoundError: nothing waits under this status.
        """
        now = times.now_us()
        with self._database.write() as transaction:
            transaction.lock(f"collection {collection.n}")
            rows = transaction.all("SELECT body FROM waiting WHERE status = ? AND member = ? ORDER BY place", status, member.id)
            kept = transaction.one("SELECT body, received FROM status WHERE id = ?", status)
            if not rows or kept is None:
                raise NotFoundError
            before = orjson.loads(bytes(kept[0])).get("failures", [])
            admitted, failures = judge((orjson.loads(bytes(row[0])) for row in rows), now, moderator=False)
            failures += [Failure(f["id"], f.get("version", ""), f.get("message", "")) for f in before]
            successes: list[tuple[Admitted, int]] = []
            if accept:
                posting = _store(transaction, collection, _rules(collection, member), admitted, now)
                successes = posting.successes
                failures += [failed(thing, reason) for thing, reason in posting.failures]
            else:
                failures += [failed(thing, "a moderator did not accept it") for thing in admitted]
            told = new_status(status, kept[1], successes, failures, [])
            transaction.run("DELETE FROM waiting WHERE status = ?", status)
            transaction.run("UPDATE status SET body = ?, pending = 0, received = ? WHERE id = ?", orjson.dumps(told), now, status)
            action = "review-accept" if accept else "review-reject"
            audit.append(transaction, [audit.Entry(now, moderator, action, collection.id, f"{member.id} status={status}")])
        return told

    def expire(self, now_us: int) -> int:
        """Delete what is 90 days past its validity, and statuses older than a week. Returns the number of objects."""
        with self._database.write() as transaction:
            rows = transaction.all("SELECT coll, stamp, id FROM object WHERE expires < ? ORDER BY coll LIMIT 10000", now_us)
            for n in sorted({row[0] for row in rows}):
                transaction.lock(f"collection {n}")
            transaction.many("DELETE FROM object WHERE coll = ? AND stamp = ?", [row[:2] for row in rows])
            for n, name in sorted({(row[0], row[2]) for row in rows}):
                _flag_anew(transaction, n, name)
            transaction.run("DELETE FROM status WHERE received < ? AND pending = 0", now_us - STATUS_KEPT_US)
            transaction.run("DELETE FROM quota WHERE day < ?", now_us // times.DAY_US - 7)
            if rows:
                audit.append(transaction, [audit.Entry(now_us, "exchange", "expire", "objects", f"n={len(rows)}")])
        return len(rows)


def judge(things: Iterable[Any], now_us: int, *, moderator: bool) -> tuple[list[Admitted], list[Failure]]:
    """Admit each object of a batch on its own."""
    admitted, failures = [], []
    for thing in things:
        try:
            admitted.append(admit(thing, now_us, moderator=moderator))
        except RefusedError as refusal:
            failures.append(Failure(*named(thing), str(refusal)))
    return admitted, failures


def owner_of(peer: str) -> str:
    """The owner of what a peer exchange sent; no member can have this name."""
    return f"peer:{peer}"


def _rules(collection: Collection, member: Member) -> ledger.Rules:
    return ledger.Rules(member.id, member.moderator, collection.pseudonymous, collection.max_tlp)


def _store(
    transaction: Transaction,
    collection: Collection,
    rules: ledger.Rules,
    batch: list[Admitted],
    now: int,
    origin: str | None = None,
) -> ledger.Posting:
    transaction.lock(f"collection {collection.n}")
    row = transaction.one("SELECT last_stamp FROM collection WHERE n = ?", collection.n)
    if row is None:
        raise NotFoundError
    first_stamp = max(times.now_us(), row[0] + 1, now)
    posting = ledger.post(batch, _holdings(transaction, collection.n, batch), rules, first_stamp)
    if posting.entries:
        _write(transaction, collection.n, rules.member, origin, posting)
    return posting


def _holdings(transaction: Transaction, n: int, batch: list[Admitted]) -> ledger.Holdings:
    names = sorted({thing.id for thing in batch} | {end for thing in batch for end in thing.ends})
    heads: dict[str, ledger.Head] = {}
    stored: dict[tuple[str, int | None], bytes] = {}
    for row in _in_chunks(
        transaction,
        "SELECT id, version_us, stamp, digest, owner, tlp, is_first, is_last FROM object "
        "WHERE coll = ? AND (is_first = 1 OR is_last = 1) AND id IN",
        n,
        names,
    ):
        here = (row[1], row[2])
        before = heads.get(row[0])
        heads[row[0]] = ledger.Head(
            row[4],
            row[5] if row[7] else before.tlp if before else row[5],
            here if row[6] or before is None else before.first,
            here if row[7] or before is None else before.last,
        )
        stored[row[0], row[1]] = bytes(row[3])
        stored[row[0], None] = bytes(row[3])
    for thing in batch:  # versions between the first and the last
        if thing.id in heads and thing.version_us is not None and (thing.id, thing.version_us) not in stored:
            found = transaction.one(
                "SELECT digest FROM object WHERE coll = ? AND id = ? AND version_us = ?", n, thing.id, thing.version_us
            )
            if found is not None:
                stored[thing.id, thing.version_us] = bytes(found[0])
    producers: dict[str, str] = dict(transaction.all("SELECT identity, member FROM producer WHERE coll = ?", n))
    voices = {thing.id: _voices(transaction, n, thing.id) for thing in batch if thing.actionable}
    return ledger.Holdings(heads, stored, producers, voices)


def _in_chunks(transaction: Transaction, sql: str, n: int, names: list[str]) -> Iterable[Row]:
    for start in range(0, len(names), _CHUNK):
        part = names[start : start + _CHUNK]
        yield from transaction.all(f"{sql} ({marks(part)})", n, *part)


def _voices(transaction: Transaction, n: int, name: str) -> tuple[frozenset[str], frozenset[str]]:
    rows = transaction.all(
        "SELECT owner, opinion FROM object WHERE coll = ? AND end_a = ? AND is_last = 1 AND type IN ('sighting', 'opinion')",
        n,
        name,
    )
    return (
        frozenset(owner for owner, opinion in rows if opinion in (None, "agree", "strongly-agree")),
        frozenset(owner for owner, opinion in rows if opinion in ("disagree", "strongly-disagree")),
    )


def _write(transaction: Transaction, n: int, member: str, origin: str | None, posting: ledger.Posting) -> None:
    transaction.many(
        "INSERT INTO object (coll, stamp, id, type, version, version_us, is_first, is_last, tlp, owner, origin, end_a, end_b, "
        "opinion, expires, digest, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_row(n, member, origin, entry) for entry in posting.entries],
    )
    for column, stamps in (("is_first", posting.no_longer_first), ("is_last", posting.no_longer_last)):
        if stamps:
            transaction.many(f"UPDATE object SET {column} = 0 WHERE coll = ? AND stamp = ?", [(n, stamp) for stamp in stamps])
    if posting.claimed:
        rows = [(n, identity, holder) for identity, holder in posting.claimed.items()]
        transaction.many("INSERT INTO producer VALUES (?, ?, ?, 0)", rows)
    transaction.run("UPDATE collection SET last_stamp = ? WHERE n = ?", posting.entries[-1].stamp, n)


def _row(n: int, member: str, origin: str | None, entry: ledger.Entry) -> Row:
    thing = entry.object
    ends = (*thing.ends, None, None)
    return (
        *(n, entry.stamp, thing.id, thing.type, thing.version or times.write(entry.version_us), entry.version_us),
        *(int(entry.is_first), int(entry.is_last), thing.tlp, member, origin, ends[0], ends[1], thing.opinion, thing.expires_us),
        *(thing.digest, thing.body),
    )


def _flag_anew(transaction: Transaction, n: int, name: str) -> None:
    transaction.run(
        "UPDATE object SET "
        "is_first = CASE WHEN version_us = (SELECT MIN(version_us) FROM object WHERE coll = ? AND id = ?) THEN 1 ELSE 0 END, "
        "is_last = CASE WHEN version_us = (SELECT MAX(version_us) FROM object WHERE coll = ? AND id = ?) THEN 1 ELSE 0 END "
        "WHERE coll = ? AND id = ?",
        *(n, name) * 3,
    )


def _hold(
    transaction: Transaction, collection: Collection, member: Member, batch: list[Admitted], failures: list[Failure], now: int
) -> dict[str, Any]:
    status = new_status(str(uuid.uuid4()), now, [], failures, batch)
    transaction.many(
        "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?)",
        [(status["id"], place, collection.n, member.id, now, thing.body) for place, thing in enumerate(batch)],
    )
    _keep(transaction, collection, member, status, now)
    detail = f"n={len(batch)} status={status['id']}"
    audit.append(transaction, [audit.Entry(now, member.id, "write-quarantined", collection.id, detail)])
    return status


def _keep(transaction: Transaction, collection: Collection, member: Member, status: dict[str, Any], now: int) -> None:
    values = (status["id"], collection.root, member.id, now, status["pending_count"], orjson.dumps(status))
    transaction.run("INSERT INTO status VALUES (?, ?, ?, ?, ?, ?)", *values)
