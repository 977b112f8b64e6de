"""
Members, their keys, their collections and their pseudonyms.

A key is 256 random bits, shown once and stored as its SHA-256; at most two of a member live, so that one can be rotated
without a gap. Inside a collection a member is known by an identity made for that collection alone.
"""

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import audit, marking, times
from stillwatch.sharing.taxii.database import Database, Row, Transaction

ROLES = ("reader", "contributor", "moderator", "auditor", "peer")
READERS = frozenset({"reader", "contributor", "moderator", "peer"})
WRITERS = frozenset({"contributor", "moderator"})
LIVE_KEYS = 2
RESERVED_ROOTS = frozenset({"taxii2", "audit", "metrics", "healthz"})  # addresses of the server's own
EXCHANGE = "exchange"  # the owner of what the exchange itself publishes; no member may take this name

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_KEY = re.compile(r"swx_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one member may ask for; 0 means no limit (exchange defaults: docs/research.md, exchange)."""

    gets_a_minute: int = 600
    posts_a_minute: int = 60
    objects_a_day: int = 200_000
    tokens_a_day: int = 200_000  # some two times the sign-ups of a large member; bounds guessing


@dataclass(frozen=True, slots=True)
class Member:
    """Who may use the exchange, and how."""

    id: str
    role: str
    clearance: int = marking.AMBER_STRICT
    quarantined: bool = False
    disabled: bool = False
    certificate: str | None = None  # SHA-256 of the client certificate that must accompany every key, in hex
    limits: Limits = Limits()

    @property
    def moderator(self) -> bool:
        """Sees and deletes everything, and vouches for exceptions."""
        return self.role == "moderator"


@dataclass(frozen=True, slots=True)
class Collection:
    """A TAXII collection; `listed` ones are open only to members that have been granted access."""

    n: int
    id: str
    root: str
    alias: str | None
    title: str
    description: str | None
    max_tlp: int
    listed: bool
    pseudonymous: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A collection as one member sees it."""

    collection: Collection
    can_read: bool
    can_write: bool
    producer: str | None


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as it can be shown: never the key."""

    prefix: str
    made: int
    expires: int
    revoked: int | None


_MEMBER = "id, role, clearance, quarantined, disabled, certificate, gets_a_minute, posts_a_minute, objects_a_day, tokens_a_day"
_COLLECTION = "n, id, root, alias, title, description, max_tlp, listed, pseudonymous"


class Members:
    """
    The register of an exchange.

    Args:
        database: Where it lies.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, member: Member) -> None:
        """
        Register a member and give it an identity in every pseudonymous collection.

        Raises:
            SharingError: the name is taken or malformed, or the role unknown.
        """
        if _NAME.fullmatch(member.id) is None or member.id == EXCHANGE:
            raise SharingError(f"member '{member.id}': a name has 1 to 63 of a-z, 0-9, dot, dash, underscore. Choose another")
        _check(member)
        with self._database.write() as transaction:
            transaction.lock("register")
            if transaction.one("SELECT 1 FROM member WHERE id = ?", member.id):
                raise SharingError(f"member '{member.id}' is registered already. Change it with: exchange member set")
            transaction.run(
                f"INSERT INTO member ({_MEMBER}, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *_row(member), times.now_us()
            )
            for (n,) in transaction.all("SELECT n FROM collection WHERE pseudonymous = 1"):
                _issue(transaction, n, member.id)
            _log(transaction, "member-add", member.id, member.role)

    def change(self, member: Member) -> None:
        """Replace all that is known of a member but its name."""
        _check(member)
        with self._database.write() as transaction:
            transaction.lock("register")
            transaction.run(
                "UPDATE member SET role = ?, clearance = ?, quarantined = ?, disabled = ?, certificate = ?, gets_a_minute = ?, "
                "posts_a_minute = ?, objects_a_day = ?, tokens_a_day = ? WHERE id = ?",
                *_row(member)[1:],
                member.id,
            )
            _log(transaction, "member-set", member.id, f"{member.role} {'quarantined' if member.quarantined else ''}".strip())

    def get(self, name: str) -> Member:
        """
        A member by name.

        Raises:
            SharingError: there is none.
        """
        with self._database.read() as transaction:
            row = transaction.one(f"SELECT {_MEMBER} FROM member WHERE id = ?", name)
        if row is None:
            raise SharingError(f"there is no member '{name}'. See: exchange member list")
        return _member(row)

    def all(self) -> list[Member]:
        """Every member, by name."""
        with self._database.read() as transaction:
            return [_member(row) for row in transaction.all(f"SELECT {_MEMBER} FROM member ORDER BY id")]

    def issue_key(self, name: str, days: int) -> str:
        """
        A new key, shown this once.

        Raises:
            SharingError: no such member, or two keys of it live already.
        """
        self.get(name)
        now = times.now_us()
        prefix, secret = secrets.token_hex(4), base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        key = f"swx_{prefix}_{secret}"
        with self._database.write() as transaction:
            transaction.lock("register")
            live = transaction.all("SELECT prefix FROM api_key WHERE member = ? AND revoked IS NULL AND expires > ?", name, now)
            if len(live) >= LIVE_KEYS:
                raise SharingError(f"member '{name}' has two live keys. Revoke one first: {', '.join(row[0] for row in live)}")
            transaction.run(
                "INSERT INTO api_key (prefix, member, digest, made, expires) VALUES (?, ?, ?, ?, ?)",
                prefix,
                name,
                hashlib.sha256(key.encode()).digest(),
                now,
                now + days * times.DAY_US,
            )
            _log(transaction, "key-add", name, prefix)
        return key

    def keys(self, name: str) -> list[KeyInfo]:
        """A member's keys, oldest first."""
        with self._database.read() as transaction:
            rows = transaction.all("SELECT prefix, made, expires, revoked FROM api_key WHERE member = ? ORDER BY made", name)
        return [KeyInfo(*row) for row in rows]

    def revoke_key(self, prefix: str) -> None:
        """
        End a key now.

        Raises:
            SharingError: no live key begins so.
        """
        with self._database.write() as transaction:
            row = transaction.one("SELECT member FROM api_key WHERE prefix = ? AND revoked IS NULL", prefix)
            if row is None:
                raise SharingError(f"no live key has the prefix '{prefix}'. See: exchange key list MEMBER")
            transaction.run("UPDATE api_key SET revoked = ? WHERE prefix = ?", times.now_us(), prefix)
            _log(transaction, "key-revoke", row[0], prefix)

    def authenticate(self, key: str) -> tuple[Member, str] | None:
        """The member a key belongs to and the key's prefix; None if it is unknown, revoked, expired or the member disabled."""
        found = _KEY.fullmatch(key)
        if found is None:
            return None
        qualified = ", ".join("m." + column.strip() for column in _MEMBER.split(","))
        with self._database.read() as transaction:
            row = transaction.one(
                f"SELECT k.digest, k.expires, {qualified} FROM api_key k JOIN member m ON m.id = k.member "
                "WHERE k.prefix = ? AND k.revoked IS NULL AND m.disabled = 0",
                found[1],
            )
        if row is None or not hmac.compare_digest(bytes(row[0]), hashlib.sha256(key.encode()).digest()):
            return None
        return (_member(row[2:]), found[1]) if row[1] > times.now_us() else None

    def add_collection(self, collection: Collection) -> Collection:
        """
        Make a collection; its number is chosen here, and every member gets an identity in it if it is pseudonymous.

        Raises:
            SharingError: id or alias are taken; or TLP:RED without a list of members.
        """
        if collection.max_tlp >= marking.RED and not collection.listed:
            raise SharingError("TLP:RED goes to named recipients only. Add --listed, then grant access member by member")
        if _NAME.fullmatch(collection.root) is None or (collection.alias and _NAME.fullmatch(collection.alias) is None):
            raise SharingError("root and alias stand in addresses: use a-z, 0-9, dot, dash and underscore")
        if collection.root in RESERVED_ROOTS:
            raise SharingError(f"'{collection.root}' is an address of the server's own. Choose another root")
        with self._database.write() as transaction:
            transaction.lock("register")
            taken = transaction.one(
                "SELECT 1 FROM collection WHERE id = ? OR (root = ? AND alias = ?)",
                collection.id,
                collection.root,
                collection.alias,
            )
            if taken:
                raise SharingError("a collection with this id or alias exists already. See: exchange collection list")
            row = transaction.one("SELECT COALESCE(MAX(n), 0) + 1 FROM collection")
            assert row is not None
            made = Collection(row[0], *(getattr(collection, name.strip()) for name in _COLLECTION.split(",")[1:]))
            transaction.run(
                f"INSERT INTO collection ({_COLLECTION}, last_stamp) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                *_collection_row(made),
            )
            if made.pseudonymous:
                for (name,) in transaction.all("SELECT id FROM member"):
                    _issue(transaction, made.n, name)
            _issue(transaction, made.n, EXCHANGE)
            _log(transaction, "collection-add", made.id, made.title)
        return made

    def collection(self, name: str, root: str | None = None) -> Collection:
        """
        A collection by id or alias, in one API root or in all.

        Raises:
            SharingError: there is none.
        """
        found = [c for c in self.collections() if name in (c.id, c.alias) and root in (None, c.root)]
        if len(found) != 1:
            raise SharingError(f"there is no one collection '{name}'. See: exchange collection list")
        return found[0]

    def collections(self) -> list[Collection]:
        """Every collection in the order of making."""
        with self._database.read() as transaction:
            rows = transaction.all(f"SELECT {_COLLECTION} FROM collection ORDER BY n")
        return [_collection(row) for row in rows]

    def grant(self, name: str, collection: Collection, *, can_read: bool, can_write: bool) -> None:
        """Set what a member may do in one collection; neither takes the access away."""
        self.get(name)
        with self._database.write() as transaction:
            transaction.lock("register")
            transaction.run("DELETE FROM access WHERE member = ? AND coll = ?", name, collection.n)
            transaction.run("INSERT INTO access VALUES (?, ?, ?, ?)", name, collection.n, int(can_read), int(can_write))
            _log(transaction, "grant", collection.id, f"{name} read={can_read} write={can_write}")

    def shown(self, member: Member) -> list[Shown]:
        """
        The collections that a member can see at all, with what it may do there.

        A grant decides where there is one; else open collections follow the role and listed ones do not exist.
        """
        with self._database.read() as transaction:
            rows = transaction.all(
                f"SELECT {', '.join('c.' + c.strip() for c in _COLLECTION.split(','))}, a.can_read, a.can_write, p.identity "
                "FROM collection c LEFT JOIN access a ON a.coll = c.n AND a.member = ? "
                "LEFT JOIN producer p ON p.coll = c.n AND p.member = ? AND p.issued = 1 ORDER BY c.n",
                member.id,
                member.id,
            )
        told = (_shown(member, row) for row in rows)
        return [shown for shown in told if shown.can_read or shown.can_write]

    def identity(self, name: str, collection: Collection) -> str | None:
        """The identity that a member (or the exchange itself) has in a collection."""
        with self._database.read() as transaction:
            row = transaction.one(
                "SELECT identity FROM producer WHERE coll = ? AND member = ? AND issued = 1", collection.n, name
            )
        return row[0] if row else None


def _shown(member: Member, row: Row) -> Shown:
    collection, can_read, can_write, producer = _collection(row[:9]), row[9], row[10], row[11]
    if member.role not in READERS:
        return Shown(collection, False, False, None)
    if member.moderator:
        return Shown(collection, True, True, producer)
    if can_read is None:
        can_read, can_write = not collection.listed, not collection.listed
    return Shown(collection, bool(can_read), bool(can_write) and member.role in WRITERS, producer)


def _check(member: Member) -> None:
    if member.role not in ROLES:
        raise SharingError(f"there is no role '{member.role}'. Known: {', '.join(ROLES)}")
    if member.certificate is not None and re.fullmatch(r"[0-9a-f]{64}", member.certificate) is None:
        raise SharingError("the certificate is not the SHA-256 of a client certificate: 64 hex digits in lower case")


def _issue(transaction: Transaction, n: int, name: str) -> None:
    transaction.run("INSERT INTO producer VALUES (?, ?, ?, 1)", n, f"identity--{uuid.uuid4()}", name)


def _log(transaction: Transaction, action: str, target: str, detail: str) -> None:
    audit.append(transaction, [audit.Entry(times.now_us(), "operator", action, target, detail)])


def _row(member: Member) -> Row:
    limits = member.limits
    return (
        *(member.id, member.role, member.clearance, int(member.quarantined), int(member.disabled), member.certificate),
        *(limits.gets_a_minute, limits.posts_a_minute, limits.objects_a_day, limits.tokens_a_day),
    )


def _member(row: Row) -> Member:
    return Member(row[0], row[1], row[2], bool(row[3]), bool(row[4]), row[5], Limits(*row[6:10]))


def _collection_row(made: Collection) -> Row:
    return (
        *(made.n, made.id, made.root, made.alias, made.title, made.description, made.max_tlp),
        *(int(made.listed), int(made.pseudonymous)),
    )


def _collection(row: Row) -> Collection:
    return Collection(row[0], row[1], row[2], row[3], row[4], row[5], row[6], bool(row[7]), bool(row[8]))
