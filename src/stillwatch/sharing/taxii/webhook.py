"""
Telling a member's own server which objects are new, updated or revoked: ids and the collection's id, nothing else.

The outbox is the collection itself: a hook keeps the stamp up to which it was told, and stamps only rise, so a crash at any
moment loses nothing; at worst the same batch comes twice, under the same id. Only what the member may see is named.

References:
    Signature and headers: Standard Webhooks 1.0 (HMAC-SHA256 over id, timestamp and body).
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import secrets
import socket
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from stillwatch.errors import SharingError, StillwatchError
from stillwatch.sharing.taxii import audit, times
from stillwatch.sharing.taxii.database import Database, Row
from stillwatch.sharing.taxii.filters import Filters
from stillwatch.sharing.taxii.members import Members
from stillwatch.sharing.taxii.objects import Objects, Record

BATCH = 500
REPLAY_WINDOW_S = 300
_LEASE_US = 60 * times.SECOND_US  # longer than an attempt can take
_TIMEOUT_S = 10
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5, 3_600
_COLUMNS = "name, member, coll, url, secret_file, allow_private, told_us, until_us, attempts, next_us, last_error"
_EVERY = Filters(versions=("all",))
_NAMESPACE = uuid.UUID("5f0bb1c7-6f0e-5a55-93f3-0c83bb3a9d6b")


@dataclass(frozen=True, slots=True)
class Hook:
    """
    A member's server that is told.

    Args:
        name: The operator's for it.
        member: Whose view decides what is named.
        coll: Number of the collection.
        url: Where to; https, plain http only on this machine.
        secret_file: File with the secrets, one a line, newest first; the secrets themselves are not stored.
        allow_private: May its address be private or this machine?
        told_us: Stamp up to which it was told.
        until_us: Last stamp of the batch under way; None between batches.
        attempts: Failures since the last success.
        next_us: Not before this moment.
        last_error: Why the last attempt failed.
    """

    name: str
    member: str
    coll: int
    url: str
    secret_file: str
    allow_private: bool = False
    told_us: int = -1
    until_us: int | None = None
    attempts: int = 0
    next_us: int = 0
    last_error: str | None = None


class Webhooks:
    """
    The hooks of an exchange.

    Args:
        database: Where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._objects = Objects(database)
        self._members = Members(database)

    def add(self, hook: Hook) -> None:
        """
        Register a hook; it is told what comes from now on.

        Raises:
            SharingError: the name is taken, the member unknown, the address not one that may be called.
        """
        self._members.get(hook.member)
        _parts(hook)
        secrets_of(hook)
        with self._database.write() as transaction:
            transaction.lock("register")
            if transaction.one("SELECT 1 FROM webhook WHERE name = ?", hook.name):
                raise SharingError(f"webhook '{hook.name}' is registered already. Remove it first, or choose another name")
            row = transaction.one("SELECT last_stamp FROM collection WHERE n = ?", hook.coll)
            told = row[0] if row is not None else -1
            transaction.run(
                f"INSERT INTO webhook ({_COLUMNS}, leased_us) VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0, 0, NULL, 0)",
                *(hook.name, hook.member, hook.coll, hook.url, hook.secret_file, int(hook.allow_private), told),
            )
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "webhook-add", hook.name, hook.member)])

    def remove(self, name: str) -> None:
        """
        Forget a hook.

        Raises:
            SharingError: there is none.
        """
        with self._database.write() as transaction:
            if not transaction.run("DELETE FROM webhook WHERE name = ?", name):
                raise SharingError(f"there is no webhook '{name}'. See: exchange webhook list")
            audit.append(transaction, [audit.Entry(times.now_us(), "operator", "webhook-remove", name)])

    def all(self) -> list[Hook]:
        """Every hook, by name."""
        with self._database.read() as transaction:
            return [_hook(row) for row in transaction.all(f"SELECT {_COLUMNS} FROM webhook ORDER BY name")]

    def deliver(self, now_us: int) -> dict[str, int]:
        """
        One attempt for each hook that is due. Returns how many batches went out and how many attempts failed.

        Several processes may call it at once: a hook is leased to one of them.
        """
        counts = {"delivered": 0, "failed": 0}
        for hook in self.all():
            if hook.next_us > now_us or not self._lease(hook.name, now_us):
                continue
            try:
                outcome = self._attempt(hook, now_us)
            finally:
                self._set(hook.name, "leased_us = 0")
            if outcome is not None:
                counts["delivered" if outcome else "failed"] += 1
        return counts

    def _attempt(self, hook: Hook, now_us: int) -> bool | None:
        """None: there is nothing to tell."""
        try:
            place = next(c for c in self._members.collections() if c.n == hook.coll)
            member = self._members.get(hook.member)
            allowed = next((s.can_read for s in self._members.shown(member) if s.collection.n == hook.coll), False)
            if member.disabled or not allowed:
                return None
            page = self._objects.page(place, member, _EVERY, hook.told_us, BATCH, bodies=True)
            records = [one for one in page.records if hook.until_us is None or one.stamp <= hook.until_us]
            if not records:
                if hook.until_us is not None:  # deleted meanwhile
                    self._set(hook.name, "told_us = ?, until_us = NULL", hook.until_us)
                return None
            until = records[-1].stamp
            self._set(hook.name, "until_us = ?", until)  # a retry, after a crash too, is the same batch under the same id
            name = f"msg_{uuid.uuid5(_NAMESPACE, f'{hook.name} {place.id} {hook.told_us} {until}').hex}"
            _post(hook, name, payload(place.id, records), now_us // times.SECOND_US)
        except (StillwatchError, OSError, http.client.HTTPException, ValueError) as error:
            self._fail(hook, now_us, str(error) if isinstance(error, StillwatchError) else "the server cannot be reached")
            return False
        with self._database.write() as transaction:
            transaction.run(
                "UPDATE webhook SET told_us = ?, until_us = NULL, attempts = 0, next_us = 0, last_error = NULL WHERE name = ?",
                until,
                hook.name,
            )
            detail = f"{hook.name} n={len(records)}"
            audit.append(transaction, [audit.Entry(now_us, hook.member, "webhook", place.id, detail)])
        return True

    def _fail(self, hook: Hook, now_us: int, why: str) -> None:
        wait = min(_FIRST_WAIT_S * 2 ** min(hook.attempts, 20), _LONGEST_WAIT_S)
        spread = wait * (0.75 + secrets.randbelow(500) / 1_000)
        values = (hook.attempts + 1, now_us + int(spread * times.SECOND_US), why[:200])
        self._set(hook.name, "attempts = ?, next_us = ?, last_error = ?", *values)

    def _lease(self, name: str, now_us: int) -> bool:
        with self._database.write() as transaction:
            return bool(
                transaction.run(
                    "UPDATE webhook SET leased_us = ? WHERE name = ? AND leased_us < ? AND next_us <= ?",
                    *(now_us + _LEASE_US, name, now_us, now_us),
                )
            )

    def _set(self, name: str, assignments: str, *values: object) -> None:
        with self._database.write() as transaction:
            transaction.run(f"UPDATE webhook SET {assignments} WHERE name = ?", *values, name)


def payload(collection_id: str, records: list[Record]) -> bytes:
    """The body: the collection's id, and ids by what became of them; an id that is in two versions stands where the last is."""
    kinds: dict[str, str] = {}
    for one in records:
        thing = orjson.loads(one.body)
        fresh = thing.get("created") == thing.get("modified") or "modified" not in thing
        kind = "revoked" if thing.get("revoked") is True else "new" if fresh or kinds.get(one.id) == "new" else "updated"
        kinds.pop(one.id, None)
        kinds[one.id] = kind
    told = {kind: [name for name, known in kinds.items() if known == kind] for kind in ("new", "updated", "revoked")}
    return orjson.dumps({"collection": collection_id} | {kind: names for kind, names in told.items() if names})


def sign(secret: bytes, name: str, timestamp: int, body: bytes) -> str:
    """One signature, as it stands in the header `webhook-signature`."""
    digest = hmac.new(secret, f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def verify(secret: bytes, headers: Mapping[str, str], body: bytes, now_s: int) -> bool:
    """
    What a receiver does: is the body signed with the secret, not more than five minutes ago? It remembers `webhook-id` too.

    Args:
        headers: Names in lower case.
    """
    stamp = headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12) or abs(now_s - int(stamp)) > REPLAY_WINDOW_S:
        return False
    wanted = sign(secret, headers.get("webhook-id", ""), int(stamp), body).encode()
    given = headers.get("webhook-signature", "").encode("utf-8", "replace").split(b" ")
    return any(hmac.compare_digest(one, wanted) for one in given)


def new_secret() -> str:
    """A secret as Standard Webhooks writes it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def secrets_of(hook: Hook) -> list[bytes]:
    """
    The secrets of a hook, newest first; each signs, so that one can be replaced without a gap.

    Raises:
        SharingError: the file cannot be read, or holds what is no secret of 24 bytes and more.
    """
    path = Path(hook.secret_file)
    try:
        kept = [base64.b64decode(one.removeprefix("whsec_"), validate=True) for one in path.read_text("ascii").split()]
    except OSError as error:
        raise SharingError(f"{path}: the secret cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SharingError(f"{path}: holds what is no secret. Make one with: exchange webhook secret") from error
    if not kept or any(len(one) < 24 for one in kept):
        raise SharingError(f"{path}: holds no secret of 24 bytes and more. Make one with: exchange webhook secret")
    return kept


def _post(hook: Hook, name: str, body: bytes, now_s: int) -> None:
    """One request to an address that was looked at before it is connected to; a redirect is a failure, never followed."""
    signatures = " ".join(sign(secret, name, now_s, body) for secret in secrets_of(hook))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(now_s),
        "webhook-signature": signatures,
    }
    secure, host, port, path = _parts(hook)
    connection = (_Secure if secure else _Plain)(host, port, timeout=_TIMEOUT_S)
    connection.address = _address(hook, host, port)
    try:
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise SharingError(f"the server answered {status}")


def _parts(hook: Hook) -> tuple[bool, str, int, str]:
    parts = urlsplit(hook.url)
    try:
        port = parts.port
    except ValueError as error:
        raise SharingError(f"webhook '{hook.name}': its address has no port that is one") from error
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1") and hook.allow_private
    if parts.hostname is None or parts.username is not None or not (parts.scheme == "https" or local):
        raise SharingError(f"webhook '{hook.name}': its address must be https://…, or http on this machine with --allow-private")
    secure = parts.scheme == "https"
    query = f"?{parts.query}" if parts.query else ""
    return secure, parts.hostname, port or (443 if secure else 80), (parts.path or "/") + query


def _address(hook: Hook, host: str, port: int) -> str:
    """The address to connect to; every one that the name has must be public, so that a name cannot lead inside."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not hook.allow_private and not all(public(one) for one in found):
        raise SharingError("its address is private or reserved. Allow that with --allow-private")
    return found[0]


def public(address: str) -> bool:
    """
    May a server be called there that is not ours? An IPv4 address inside IPv6 is judged as itself.

    >>> public("93.184.216.34"), public("10.0.0.1"), public("::ffff:127.0.0.1"), public("169.254.169.254")
    (True, False, False, False)
    """
    known = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(known, ipaddress.IPv6Address):
        translated = known in _NAT64
        inner = ipaddress.IPv4Address(int(known) & 0xFFFFFFFF) if translated else known.ipv4_mapped or known.sixtofour
        if inner is not None:
            return public(str(inner))
        if known.teredo is not None:
            return False
    return known.is_global and not known.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class _Plain(http.client.HTTPConnection):
    """A connection to an address that was chosen before."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Secure(http.client.HTTPSConnection):
    """The same over TLS, with the name checked against the certificate."""

    address = ""

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.port), self.timeout)
        self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


def _hook(row: Row) -> Hook:
    return Hook(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7], row[8], row[9], row[10])
