"""
Who read or wrote what, in a log where each line seals the one before (a hash chain).

Whoever alters, drops or inserts a line must redo every hash after it, and a head noted elsewhere shows that too. Writes are
logged in the transaction that stores them; reads are gathered and logged within a second.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from stillwatch.sharing.taxii import times
from stillwatch.sharing.taxii.database import Database, Transaction

START = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, before it is sealed; `detail` holds counts and ids, never content."""

    at: int
    member: str
    action: str
    target: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One line of the log."""

    seq: int
    entry: Entry
    hash: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of a check: how many lines hold, the last hash, the first line that does not hold, the noted hash's presence."""

    n_lines: int
    head: bytes
    broken_at: int | None
    contains: bool


def append(transaction: Transaction, entries: Sequence[Entry]) -> None:
    """Seal entries at the end of the log; the last thing a transaction does, since it holds the log until it ends."""
    if not entries:
        return
    transaction.lock("audit")
    last = transaction.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    seq, head = (0, START) if last is None else (last[0], bytes(last[1]))
    rows = []
    for entry in entries:
        seq, head = seq + 1, seal(head, seq + 1, entry)
        rows.append((seq, entry.at, entry.member, entry.action, entry.target, entry.detail, head))
    transaction.many("INSERT INTO audit (seq, at, member, action, target, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def seal(head: bytes, seq: int, entry: Entry) -> bytes:
    """SHA-256 over the hash before and all that the line says."""
    told = orjson.dumps([seq, entry.at, entry.member, entry.action, entry.target, entry.detail])
    return hashlib.sha256(head + told).digest()


def lines(database: Database, after: int, limit: int) -> list[Sealed]:
    """Lines in order, beginning after a sequence number."""
    with database.read() as transaction:
        rows = transaction.all(
            "SELECT seq, at, member, action, target, detail, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", after, limit
        )
    return [Sealed(r[0], Entry(r[1], r[2], r[3], r[4], r[5]), bytes(r[6])) for r in rows]


def verify(database: Database, noted: bytes | None = None) -> Finding:
    """
    Compute every hash anew, from the first line to the last.

    Args:
        noted: A hash written down earlier; without it, cutting off the newest lines goes unseen.
    """
    seq, head, contains = 0, START, noted is None
    while page := lines(database, seq, 10_000):
        for line in page:
            if line.seq != seq + 1 or seal(head, line.seq, line.entry) != line.hash:
                return Finding(seq, head, seq + 1, contains)
            seq, head, contains = line.seq, line.hash, contains or line.hash == noted
    return Finding(seq, head, None, contains)


def written(line: Sealed) -> dict[str, str | int]:
    """A line as people and programs read it."""
    entry = line.entry
    return {
        "seq": line.seq,
        "at": times.write(entry.at),
        "member": entry.member,
        "action": entry.action,
        "target": entry.target,
        "detail": entry.detail,
        "hash": line.hash.hex(),
    }
