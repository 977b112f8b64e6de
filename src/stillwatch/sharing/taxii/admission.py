"""
What an object must be before an exchange stores it: well-formed STIX 2.1, expiring, bucketed, and free of anyone's data.

One bad object never spoils its neighbours: each is judged alone, and a refusal is a sentence in the status resource. Why
not stix2's parser: 1.3 ms an object, and it cannot know what may not be shared. The checks here cost some 0.03 ms.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from stillwatch.sharing.sigma import rule as sigma
from stillwatch.sharing.taxii import marking, patterns, personal, strictjson, times

MAX_OBJECT_BYTES = 64 * 1024
MAX_TEXT = 200  # characters; longer free text is where prompts hide
MAX_TEXT_VOUCHED = 5_000  # for moderators, who publish playbooks
MAX_WORDS = 40  # in any string but a pattern: 200 characters of prose have some 35
MAX_PATTERN = 8_192  # characters; the longest sketch has 700
MAX_AHEAD_US = 5 * 60 * times.SECOND_US
MAX_NETWORK_US = 30 * times.DAY_US  # addresses change hands within weeks
MAX_INDICATOR_US = 92 * times.DAY_US  # one quarter: an epoch of the tokens and sketches
KEPT_AFTER_EXPIRY_US = 90 * times.DAY_US
ACTIONABLE = "dx:actionable"
WITHDRAWN = "withdrawn"  # a voice that counts no more
INDICATOR_EXTENSION = "extension-definition--8f6999f4-293c-5776-ba46-3c47d9e2acfd"  # catalogue.EXTENSION
MAX_BENIGN_PER_MILLION = 100  # the floors of sharing/export/floors.py as they are written: powers of two, rounded down
MIN_ACCOUNTS_BUCKET, MIN_REQUESTS_BUCKET = 4, 6

ID = re.compile(r"([a-z][a-z0-9-]{0,48})--[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

_COMMON = ("created", "modified")
# STIX 2.1 sections 4 to 7: what each type cannot do without, beyond type, id and spec_version
REQUIRED: dict[str, tuple[str, ...]] = {
    "attack-pattern": (*_COMMON, "name"),
    "campaign": (*_COMMON, "name"),
    "course-of-action": (*_COMMON, "name"),
    "extension-definition": (*_COMMON, "created_by_ref", "name", "schema", "version", "extension_types"),
    "grouping": (*_COMMON, "context", "object_refs"),
    "identity": (*_COMMON, "name"),
    "incident": (*_COMMON, "name"),
    "indicator": (*_COMMON, "name", "pattern", "pattern_type", "valid_from", "valid_until"),
    "infrastructure": (*_COMMON, "name"),
    "intrusion-set": (*_COMMON, "name"),
    "language-content": (*_COMMON, "object_ref", "contents"),
    "location": _COMMON,
    "malware": (*_COMMON, "is_family"),
    "malware-analysis": (*_COMMON, "product"),
    "marking-definition": ("created",),
    "note": (*_COMMON, "content", "object_refs"),
    "opinion": (*_COMMON, "opinion", "object_refs"),
    "relationship": (*_COMMON, "relationship_type", "source_ref", "target_ref"),
    "report": (*_COMMON, "name", "published", "object_refs"),
    "sighting": (*_COMMON, "sighting_of_ref"),
    "threat-actor": (*_COMMON, "name"),
    "tool": (*_COMMON, "name"),
    "vulnerability": (*_COMMON, "name"),
    # observables that name a machine or a network, never a person or a text
    "autonomous-system": ("number",),
    "domain-name": ("value",),
    "ipv4-addr": ("value",),
    "ipv6-addr": ("value",),
    "network-traffic": ("protocols",),
    "software": ("name",),
    "url": ("value",),
    "x509-certificate": (),
}
_PERSONAL_TYPES = {
    "observed-data": "it lists what one customer did",
    "artifact": "it carries a payload",
    "email-addr": "it names a person",
    "email-message": "it carries a text",
    "user-account": "it names an account: share a token in an indicator",
}
_MODERATORS_TYPES = frozenset({"intrusion-set", "threat-actor"})
_OBSERVABLES = frozenset(
    {"autonomous-system", "domain-name", "ipv4-addr", "ipv6-addr", "network-traffic", "software", "url", "x509-certificate"}
)
_TIMES = frozenset(
    {"created", "modified", "valid_from", "valid_until", "first_seen", "last_seen", "published", "submitted"}
    | {"analysis_started", "analysis_ended", "first_observed", "last_observed", "start", "end"}
)
_TEXTS = ("name", "description", "objective", "content", "abstract", "explanation")
OPINIONS = ("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")  # STIX 2.1, opinion-enum
_COMMERCIAL = re.compile(
    rb'"(?:[a-z0-9]+[_-])*(?:prices?|pricing|costs?|revenues?|volumes?|customers?|capacity|invoices?|spend|billing|turnover)'
    rb'(?:[_-][a-z0-9]+)*":'
)
_COMMERCIAL_WORDS = (
    b"pric",
    b"cost",
    b"revenue",
    b"volume",
    b"customer",
    b"capacity",
    b"invoice",
    b"spend",
    b"billing",
    b"turnover",
)
_COUNT = re.compile(rb'"(?:[a-z0-9]+_)*counts?":(-?[0-9.eE+-]+)')


class RefusedError(ValueError):
    """An object may not come in; the message is for its sender and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An object that passed, with all that the store needs to know of it beside its bytes."""

    id: str
    type: str
    version: str | None  # as the object writes it; None: the time of storing is its version
    version_us: int | None
    tlp: int
    created_by: str | None
    ends: tuple[str, ...]  # ids that this object joins: invisible ends make it invisible
    opinion: str | None  # what an opinion says of its first reference; WITHDRAWN where it, or a sighting, is revoked
    actionable: bool
    expires_us: int | None
    digest: bytes
    body: bytes


def admit(thing: Any, now_us: int, *, moderator: bool = False) -> Admitted:
    """
    Judge one object.

    Args:
        thing: A parsed JSON value from the `objects` of an envelope.
        now_us: The server's clock.
        moderator: The sender may override what is marked so in docs/reference/exchange.md.

    Raises:
        RefusedError: with the reason.
    """
    if not isinstance(thing, dict):
        raise RefusedError("an object must be a JSON object")
    kind = _check_kind(thing, moderator)
    body = _check_bytes(thing)
    _check_required(thing, kind)
    _check_shapes(thing)
    moments = _check_times(thing, now_us)
    _check_texts(thing, body, moderator)
    tlp = _check_markings(thing, kind)
    _CHECKS.get(kind, _nothing)(thing, moments, moderator)
    version = thing.get("modified") or thing.get("created")
    return Admitted(
        id=thing["id"],
        type=kind,
        version=version,
        version_us=moments.get("modified", moments.get("created")),
        tlp=tlp,
        created_by=thing.get("created_by_ref"),
        ends=_ends(thing, kind),
        opinion=_voice(thing, kind),
        actionable=ACTIONABLE in thing.get("labels", ()),
        expires_us=moments["valid_until"] + KEPT_AFTER_EXPIRY_US if "valid_until" in moments else None,
        digest=hashlib.sha256(orjson.dumps(thing, option=orjson.OPT_SORT_KEYS)).digest()[:16],
        body=body,
    )


def named(thing: Any) -> tuple[str, str]:
    """The id and version by which a status resource names an object that was refused, as far as it has any."""
    mapping = thing if isinstance(thing, dict) else {}
    name = mapping.get("id")
    version = mapping.get("modified", mapping.get("created"))
    return (
        name if isinstance(name, str) and ID.fullmatch(name) else "unreadable",
        version if isinstance(version, str) and len(version) <= 40 else "",
    )


def _check_kind(thing: dict[str, Any], moderator: bool) -> str:
    kind, name = thing.get("type"), thing.get("id")
    if not isinstance(kind, str):
        raise RefusedError("type is missing or no string")
    if kind in _PERSONAL_TYPES:
        raise RefusedError(f"personal data/prompt content: {kind} is not shared here, because {_PERSONAL_TYPES[kind]}")
    if kind not in REQUIRED:
        raise RefusedError("this type is no standard STIX 2.1 object that an exchange carries")
    if not isinstance(name, str) or (found := ID.fullmatch(name)) is None or found[1] != kind:
        raise RefusedError("id must be the type, two dashes and a lower-case UUID")
    spec = thing.get("spec_version", "2.1" if kind in _OBSERVABLES else None)
    if spec != "2.1":
        raise RefusedError('spec_version must be "2.1"')
    if kind in _MODERATORS_TYPES and not moderator:
        raise RefusedError("attribution to a named actor is published by moderators only")
    return kind


def _check_bytes(thing: dict[str, Any]) -> bytes:
    if strictjson.depth(thing) > strictjson.MAX_DEPTH:
        raise RefusedError(f"the object nests deeper than {strictjson.MAX_DEPTH} levels")
    try:
        body = orjson.dumps(thing)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise RefusedError("a number of the object does not fit 64 bits") from error
    if len(body) > MAX_OBJECT_BYTES:
        raise RefusedError(f"the object is larger than {MAX_OBJECT_BYTES} bytes")
    return body


def _check_required(thing: dict[str, Any], kind: str) -> None:
    for name in REQUIRED[kind]:
        if thing.get(name) is None:
            raise RefusedError(f"{name} is missing")
    for name, kept in thing.items():
        if kept is None or kept == [] or kept == {}:
            raise RefusedError("a property is null or empty: leave it out")
        if len(name) > 250:
            raise RefusedError("a property's name is longer than 250 characters")


def _check_shapes(thing: dict[str, Any]) -> None:
    for name, kept in thing.items():
        if name.endswith("_ref"):
            _check_id(name, kept)
        elif name.endswith("_refs"):
            if not isinstance(kept, list):
                raise RefusedError(f"{_known(name)} must be a list of ids")
            for one in kept:
                _check_id(name, one)
        elif (wanted := _SHAPES.get(name)) is not None and not wanted(kept):
            raise RefusedError(f"{name} is not of the type that STIX 2.1 gives it")


def _check_id(name: str, kept: Any) -> None:
    if not isinstance(kept, str) or ID.fullmatch(kept) is None:
        raise RefusedError(f"{_known(name)} holds what is no STIX id")


def _known(name: str) -> str:
    """A property's name, unless it is of the sender's own making and could quote anything."""
    return name if re.fullmatch(r"[a-z_]{1,40}", name) else "a reference"


def _check_times(thing: dict[str, Any], now_us: int) -> dict[str, int]:
    moments: dict[str, int] = {}
    for name in _TIMES & thing.keys():
        try:
            moments[name] = times.parse(thing[name])
        except (TypeError, ValueError) as error:
            raise RefusedError(f"{name} is not a time of the form 2026-11-24T03:00:00.000Z") from error
    if len(thing.get("modified", thing.get("created", ""))) > len("2026-11-24T03:00:00.000000Z"):
        raise RefusedError("modified has more than six digits after the second")
    if max(moments.get("modified", 0), moments.get("created", 0)) > now_us + MAX_AHEAD_US:
        raise RefusedError("modified is more than five minutes ahead of the exchange's clock")
    for earlier, later in (("created", "modified"), ("first_seen", "last_seen"), ("valid_from", "valid_until")):
        if earlier in moments and later in moments and moments[earlier] > moments[later]:
            raise RefusedError(f"{later} is before {earlier}")
    return moments


def _check_texts(thing: dict[str, Any], body: bytes, moderator: bool) -> None:
    longest = MAX_TEXT_VOUCHED if moderator else MAX_TEXT
    for name in _TEXTS:
        text = thing.get(name)
        if isinstance(text, str) and len(text) > longest:
            raise RefusedError(f"personal data/prompt content: {name} holds more than {longest} characters of free text")
    if not moderator and body.count(b" ") > MAX_WORDS and (path := _prose(thing)) is not None:
        raise RefusedError(f"personal data/prompt content: {_told(path)} holds more than {MAX_WORDS} words of free text")
    found = personal.find(thing, body)
    if found is not None:
        raise RefusedError(f"personal data/prompt content: {_told(found[0])} holds {found[1]}")
    if any(word in body for word in _COMMERCIAL_WORDS) and _COMMERCIAL.search(body):
        raise RefusedError("prices, volumes and customers are not shared: a property is named after one")
    for count in _COUNT.findall(body) if b'count":' in body or b'counts":' in body else ():
        if not count.isdigit() or (number := int(count)) < 1 or number & (number - 1):
            raise RefusedError("counts are shared as powers of two only, never exactly")


def _prose(thing: dict[str, Any]) -> str | None:
    """The path of the first string that reads like a text, wherever it hides; patterns are judged elsewhere."""
    for path, text in personal.strings(thing):
        if path not in ("pattern", "definition.statement") and text.count(" ") >= MAX_WORDS:
            return path
    return None


def _told(path: str) -> str:
    return path if re.fullmatch(r"[a-z_.]{1,60}", path) else "a property"


def _check_markings(thing: dict[str, Any], kind: str) -> int:
    if "granular_markings" in thing:
        raise RefusedError("granular markings are not carried: mark the whole object")
    refs = thing.get("object_marking_refs", ())
    if any(not ref.startswith("marking-definition--") for ref in refs):
        raise RefusedError("object_marking_refs names what is no marking-definition")
    if kind == "marking-definition" and (known := marking.LEVELS.get(thing["id"])) is not None:
        _check_tlp_definition(thing, known)
    return marking.level(kind, refs)


def _check_tlp_definition(thing: dict[str, Any], known: int) -> None:
    told = thing.get("extensions", {}).get(marking.TLP_2_EXTENSION, {}).get("tlp_2_0") or thing.get("definition", {}).get("tlp")
    if {"white": "clear"}.get(told, told) != marking.NAMES[known]:
        raise RefusedError("this id belongs to another TLP marking")


def _check_indicator(thing: dict[str, Any], moments: dict[str, int], moderator: bool) -> None:
    if len(thing["pattern"]) > MAX_PATTERN:
        raise RefusedError(f"the pattern is longer than {MAX_PATTERN} characters")
    network = _check_pattern(thing["pattern_type"], thing["pattern"], moderator)
    longest = MAX_NETWORK_US if network else MAX_INDICATOR_US
    if moments["valid_until"] - moments["valid_from"] > longest:
        raise RefusedError(f"valid_until is more than {longest // times.DAY_US} days after valid_from")
    if not moderator:
        _check_measured(thing)


def _check_pattern(kind: str, pattern: str, moderator: bool) -> bool:
    """
    Refuse what a pattern of any language may not hold; True if it matches on a network.

    Every language that members may use has a check of its own, linear in the pattern; there is no other language for them,
    because a text could stand in it. A moderator answers for what he publishes, within the same length.
    """
    try:
        if kind == "stix":
            return patterns.check(pattern, override=moderator)
        if not moderator:
            if kind != "sigma":
                raise RefusedError("patterns are carried in stix and sigma: of other languages a moderator vouches")
            sigma.read(pattern)
    except patterns.PatternError as error:
        raise RefusedError(str(error)) from error
    except sigma.RuleError as error:
        told = str(error)
        raise RefusedError(told if told.startswith("personal data") else f"the Sigma rule is not carried: {told}") from error
    return False


def _check_measured(thing: dict[str, Any]) -> None:
    """What an indicator of ours says of its own support and benign hits must keep the floors (sharing/export/floors.py)."""
    told = thing.get("extensions", {}).get(INDICATOR_EXTENSION, {})
    benign, support = told.get("benign_hits_per_million"), told.get("support", {})
    if benign is not None and not (_is_number(benign) and 0 <= benign <= MAX_BENIGN_PER_MILLION):
        raise RefusedError(
            f"benign_hits_per_million is no number from 0 to {MAX_BENIGN_PER_MILLION}: it hits too many bystanders"
        )
    least = {"accounts_min": MIN_ACCOUNTS_BUCKET, "requests_bucket": MIN_REQUESTS_BUCKET}
    if not isinstance(support, dict) or not all(
        name in least and type(kept) is int and least[name] <= kept < 2**40 for name, kept in support.items()
    ):
        raise RefusedError("support is below the floor of 5 accounts and 100 requests, or says something else")
    accounts = support.get("accounts_min", MIN_ACCOUNTS_BUCKET)
    if accounts & (accounts - 1):
        raise RefusedError("accounts_min must be a power of two: exact numbers are not shared")


def _is_number(kept: Any) -> bool:
    return isinstance(kept, int | float) and not isinstance(kept, bool)


def _check_address(thing: dict[str, Any], moments: dict[str, int], moderator: bool) -> None:
    try:
        patterns.check(f"[{thing['type']}:value = '{thing['value']}']", override=moderator)
    except (patterns.PatternError, ValueError) as error:
        raise RefusedError(str(error)) from error


def _check_opinion(thing: dict[str, Any], moments: dict[str, int], moderator: bool) -> None:
    if thing["opinion"] not in OPINIONS:
        raise RefusedError("opinion is none of the five that STIX 2.1 knows")


def _voice(thing: dict[str, Any], kind: str) -> str | None:
    if kind in ("opinion", "sighting") and thing.get("revoked") is True:
        return WITHDRAWN
    return thing.get("opinion") if kind == "opinion" else None


def _nothing(thing: dict[str, Any], moments: dict[str, int], moderator: bool) -> None:
    """Most types have no rule of their own."""


def _ends(thing: dict[str, Any], kind: str) -> tuple[str, ...]:
    if kind == "relationship":
        return (thing["source_ref"], thing["target_ref"])
    if kind == "sighting":
        return (thing["sighting_of_ref"],)
    return (thing["object_refs"][0],) if kind == "opinion" else ()


def _is_text(kept: Any) -> bool:
    return isinstance(kept, str)


def _is_texts(kept: Any) -> bool:
    return isinstance(kept, list) and all(isinstance(one, str) for one in kept)


def _is_mappings(kept: Any) -> bool:
    return isinstance(kept, list) and all(isinstance(one, dict) for one in kept)


def _is_extensions(kept: Any) -> bool:
    return isinstance(kept, dict) and all(isinstance(one, dict) and one for one in kept.values())


def _is_definition(kept: Any) -> bool:
    return isinstance(kept, dict) and all(isinstance(one, str) for one in kept.values())


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "confidence": lambda kept: type(kept) is int and 0 <= kept <= 100,
    "revoked": lambda kept: isinstance(kept, bool),
    "is_family": lambda kept: isinstance(kept, bool),
    "labels": _is_texts,
    "aliases": _is_texts,
    "indicator_types": _is_texts,
    "extension_types": _is_texts,
    "protocols": _is_texts,
    "kill_chain_phases": _is_mappings,
    "external_references": _is_mappings,
    "extensions": _is_extensions,
    "definition": _is_definition,
    "contents": _is_extensions,
    "number": lambda kept: type(kept) is int and 0 <= kept < 2**32,
    **dict.fromkeys(
        (*_TEXTS, "pattern", "pattern_type", "lang", "relationship_type", "context", "opinion", "schema", "value", "product"),
        _is_text,
    ),
}
_CHECKS: dict[str, Callable[[dict[str, Any], dict[str, int], bool], None]] = {
    "indicator": _check_indicator,
    "ipv4-addr": _check_address,
    "ipv6-addr": _check_address,
    "opinion": _check_opinion,
}
