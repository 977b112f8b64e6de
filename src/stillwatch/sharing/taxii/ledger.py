"""
What becomes of a batch of admitted objects, given what a collection holds: stored, known already, or refused.

Pure: no clock, no database. The store fetches what is asked for in `Holdings` inside its write transaction, calls
`post`, and writes what comes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stillwatch.sharing.taxii import marking
from stillwatch.sharing.taxii.admission import Admitted


@dataclass(frozen=True, slots=True)
class Head:
    """What a collection holds of one object: owner, level of its newest version, and where its first and last version lie."""

    owner: str
    tlp: int
    first: tuple[int, int]  # version in microseconds, stamp
    last: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Holdings:
    """
    What the collection holds beside the batch.

    Args:
        heads: By id, for every object and every end named in the batch.
        digests: By (id, version in microseconds), for the versions of the batch that are stored; by (id, None) for
            objects without versions.
        producers: Who owns which identity in this collection.
        voices: By id, for objects that want to be actionable: members who agree, members who disagree.
    """

    heads: Mapping[str, Head]
    digests: Mapping[tuple[str, int | None], bytes]
    producers: Mapping[str, str]
    voices: Mapping[str, tuple[frozenset[str], frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Who sends, and the rules of the collection.

    Args:
        vouched: Another exchange's quorum stands for ours.
    """

    member: str
    moderator: bool
    pseudonymous: bool
    max_tlp: int
    vouched: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One row to store."""

    stamp: int
    object: Admitted
    version_us: int
    is_first: bool
    is_last: bool


@dataclass(slots=True)
class Posting:
    """What is to be written, and what the sender is told."""

    entries: list[Entry] = field(default_factory=list)
    no_longer_first: list[int] = field(default_factory=list)  # stamps of stored rows
    no_longer_last: list[int] = field(default_factory=list)
    claimed: dict[str, str] = field(default_factory=dict)  # identities that the sender is the first to use
    successes: list[tuple[Admitted, int]] = field(default_factory=list)  # with the version in microseconds
    failures: list[tuple[Admitted, str]] = field(default_factory=list)


def post(batch: Sequence[Admitted], holdings: Holdings, rules: Rules, next_stamp: int) -> Posting:
    """
    Decide about a batch.

    Objects that join others come after those, wherever they stand in the batch, so that ends are known.

    Args:
        next_stamp: The first stamp to give; each row gets one more than the row before.
    """
    posting = Posting()
    heads, digests = dict(holdings.heads), dict(holdings.digests)
    producers = dict(holdings.producers)
    for thing in sorted(batch, key=lambda one: bool(one.ends)):
        stored = digests.get((thing.id, thing.version_us))
        if stored == thing.digest or (thing.id in marking.LEVELS and thing.id in heads):
            posting.successes.append((thing, thing.version_us or heads[thing.id].last[0]))
            continue
        refusal = (
            _conflict(thing, stored, heads.get(thing.id))
            or _owner_refusal(thing, heads.get(thing.id), producers, rules)
            or _level_refusal(thing, heads, rules)
            or _quorum_refusal(thing, holdings, rules)
        )
        if refusal is not None:
            posting.failures.append((thing, refusal))
            continue
        for identity in _identities(thing):
            if identity not in producers and not rules.moderator:
                producers[identity] = posting.claimed[identity] = rules.member
        stamp = next_stamp + len(posting.entries)
        version_us = stamp if thing.version_us is None else thing.version_us
        heads[thing.id] = _store(posting, thing, heads.get(thing.id), stamp, version_us, rules.member)
        digests[thing.id, thing.version_us] = thing.digest
        posting.successes.append((thing, version_us))
    return posting


def _conflict(thing: Admitted, stored: bytes | None, head: Head | None) -> str | None:
    if stored is not None:
        return "conflict: another content is stored under this id and version. Send it with a later modified"
    if head is not None and (thing.version_us is None or thing.type == "marking-definition"):
        return "conflict: another content is stored under this id"
    return None


def _owner_refusal(thing: Admitted, head: Head | None, producers: Mapping[str, str], rules: Rules) -> str | None:
    if head is not None and head.owner != rules.member:
        return "not owner: this object is another member's"
    if rules.moderator:
        return None
    for identity in _identities(thing):
        holder = producers.get(identity)
        if holder is not None and holder != rules.member:
            return "not owner: created_by_ref is another's identity"
        if holder is None and rules.pseudonymous:
            return "not owner: created_by_ref must be the identity given to you, x_stillwatch_producer of the collection"
    return None


def _identities(thing: Admitted) -> list[str]:
    named = [thing.id] if thing.type == "identity" else []
    return named if thing.created_by is None or thing.created_by in named else [*named, thing.created_by]


def _level_refusal(thing: Admitted, heads: Mapping[str, Head], rules: Rules) -> str | None:
    if thing.tlp > rules.max_tlp:
        return "the marking is stricter than this collection admits"
    if any(end in heads and heads[end].tlp > thing.tlp for end in thing.ends):
        return "the marking must be at least as strict as those of the objects it joins"
    return None


def _quorum_refusal(thing: Admitted, holdings: Holdings, rules: Rules) -> str | None:
    """Two members, the owner and one more, and more for than against (docs/research.md, exchange)."""
    if not thing.actionable or rules.moderator or rules.vouched:
        return None
    agreeing, against = holdings.voices.get(thing.id, (frozenset(), frozenset()))
    if not agreeing - {rules.member} or len(agreeing | {rules.member}) <= len(against):
        return "dx:actionable needs the sighting or agreement of a second member first"
    return None


def _store(posting: Posting, thing: Admitted, head: Head | None, stamp: int, version_us: int, member: str) -> Head:
    here = (version_us, stamp)
    is_first = head is None or version_us < head.first[0]
    is_last = head is None or version_us > head.last[0]
    if head is not None and is_first:
        _lower(posting, head.first[1], "is_first", posting.no_longer_first)
    if head is not None and is_last:
        _lower(posting, head.last[1], "is_last", posting.no_longer_last)
    posting.entries.append(Entry(stamp, thing, version_us, is_first, is_last))
    if head is None:
        return Head(member, thing.tlp, here, here)
    return Head(
        head.owner,
        thing.tlp if is_last else head.tlp,
        here if is_first else head.first,
        here if is_last else head.last,
    )


def _lower(posting: Posting, stamp: int, flag: str, stored: list[int]) -> None:
    """Take a flag from a row of this batch, or note it for a stored one."""
    base = posting.entries[0].stamp if posting.entries else stamp + 1
    if stamp >= base:
        place = stamp - base
        entry = posting.entries[place]
        posting.entries[place] = replace(entry, is_first=False) if flag == "is_first" else replace(entry, is_last=False)
    else:
        stored.append(stamp)
