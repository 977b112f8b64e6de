"""
MISP events as indicators that `hunt` can look for and an exchange admits; what is neither is counted, by why.

Read with nothing but JSON: an event is a list of attributes, some of them inside objects. Why not misp-stix: it makes objects
that an exchange refuses (observed data, accounts in clear), and of a sketch it keeps the pattern only. Every indicator passes
the exchange's own admission here, so that what comes out can be pushed.
"""

import ipaddress
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.export.bundle import NETWORK_DAYS, SKETCH_DAYS
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.hunt.indicators import CONTRACT_PATH, SKETCH_PATH
from stillwatch.sharing.sigma import rule as sigma
from stillwatch.sharing.taxii import marking, patterns, times
from stillwatch.sharing.taxii.admission import RefusedError, admit

MAX_FILE_BYTES = 256 * 1024 * 1024
_ADDRESSES = ("ip-src", "ip-dst", "ip-src|port", "ip-dst|port")
_COMMENT = re.compile(
    r".*; valid until (?P<until>\d{4}-\d\d-\d\d)"
    r"(?:; (?P<algorithm>[a-z0-9-]{1,32}) (?P<num_perm>\d{1,4}) (?P<shingle>[a-z0-9-]{1,16}) (?P<normalizer>[a-z0-9-]{1,16})"
    r" epoch (?P<key_id>[a-z0-9-]{1,16}) threshold (?P<match_threshold>0\.\d{1,4}|1\.0)"
    r"|; (?P<contract>contract-\d{1,2}) epoch (?P<contract_epoch>[a-z0-9-]{1,16}))?"
)


@dataclass(slots=True)
class Imported:
    """The bundle's indicators, and how many attributes and events gave none, by why."""

    indicators: list[dict[str, Any]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    n_events: int = 0


def events(path: Path) -> Iterator[tuple[Mapping[str, Any] | None, str]]:
    """
    Events of a feed's folder or of one JSON file (an event, a list of them, or what MISP's search answers).

    A file of a folder that cannot be read comes as None with the reason, so that the rest is not lost.

    Raises:
        SharingError: the path itself is no event and no feed.
    """
    if not path.is_dir():
        yield from ((one, "") for one in _parsed(path))
        return
    files = sorted(one for one in path.glob("*.json") if one.name != "manifest.json")
    if not files:
        raise SharingError(f"{path}: holds no event of MISP. A feed is a folder of JSON files")
    for one in files:
        try:
            yield from ((event, "") for event in _parsed(one))
        except SharingError:
            yield None, "a file of the feed that is no event"


def read(found: Iterable[tuple[Mapping[str, Any] | None, str]], publisher: Publisher, now_us: int) -> Imported:
    """
    Indicators of events, under the publisher's own salted ids.

    Addresses end two weeks after the attribute was last touched, all else after a quarter, or when a comment of ours says.
    Without a TLP tag an attribute is AMBER+STRICT; the strictest of its own, its event's and the publisher's counts, and RED
    stays out.

    Args:
        found: As `events` gives them.
        publisher: Whoever imports.
        now_us: What has ended by now is left out.
    """
    made = Imported()
    known: set[str] = set()
    for event, refusal in found:
        if event is None:
            made.left_out[refusal] += 1
            continue
        made.n_events += 1
        for attribute, tags in _attributes(event, made.left_out):
            try:
                thing = _indicator(attribute, tags, publisher, now_us)
                admit(thing, now_us)
            except _LeftOutError as why:
                made.left_out[str(why)] += 1
            except RefusedError as why:
                made.left_out[f"an exchange would refuse it: {why}"] += 1
            else:
                if thing["id"] in known:
                    made.left_out["the same value again"] += 1
                    continue
                known.add(thing["id"])
                made.indicators.append(thing)
    return made


def bundle(made: Imported, publisher: Publisher) -> dict[str, Any]:
    """The indicators with what they refer to."""
    levels = sorted({marking.level("indicator", one["object_marking_refs"]) for one in made.indicators} | {publisher.tlp})
    constants = [catalogue.project(), catalogue.extension(), catalogue.terms(), *(marking.definition(one) for one in levels)]
    return {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": [*constants, *made.indicators]}


class _LeftOutError(ValueError):
    """An attribute gives no indicator; the message is why, and quotes nothing of it."""


def _parsed(path: Path) -> list[Mapping[str, Any]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SharingError(f"{path}: is larger than {MAX_FILE_BYTES // 2**20} MiB. Export fewer events at once")
        tree = orjson.loads(path.read_bytes())
    except OSError as error:
        raise SharingError(f"{path}: cannot be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise SharingError(f"{path}: is no JSON") from error
    if isinstance(tree, dict) and isinstance(tree.get("response"), list):
        tree = tree["response"]
    found = [_event(one) for one in (tree if isinstance(tree, list) else [tree])]
    events_only = [one for one in found if one is not None]
    if len(events_only) != len(found) or not found:
        raise SharingError(f"{path}: is no event of MISP")
    return events_only


def _event(tree: Any) -> Mapping[str, Any] | None:
    inner = tree.get("Event", tree) if isinstance(tree, dict) else None
    return inner if isinstance(inner, dict) and ("Attribute" in inner or "Object" in inner or "info" in inner) else None


def _attributes(event: Mapping[str, Any], left_out: Counter[str]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Attributes of an event and of its objects, each with its own and the event's tags."""
    own = _tags(event)
    inside = _list(event.get("Object"))
    lists = [event.get("Attribute"), *(one.get("Attribute") if isinstance(one, dict) else 0 for one in inside)]
    for found in lists:
        if found is not None and not isinstance(found, list):
            left_out["a list of attributes that is none"] += 1
        for attribute in _list(found):
            if isinstance(attribute, dict):
                yield attribute, own + _tags(attribute)
            else:
                left_out["an attribute that is none"] += 1


def _indicator(attribute: Mapping[str, Any], tags: list[str], publisher: Publisher, now_us: int) -> dict[str, Any]:
    if attribute.get("deleted") in (True, 1, "1"):
        raise _LeftOutError("deleted")
    kind, value = attribute.get("type"), attribute.get("value")
    if not isinstance(kind, str) or not isinstance(value, str):
        raise _LeftOutError("an attribute without type or value")
    comment = attribute.get("comment")
    ours = _COMMENT.fullmatch(comment) if isinstance(comment, str) and len(comment) < 500 else None
    if kind in _ADDRESSES:
        if attribute.get("to_ids") not in (True, 1, "1"):
            raise _LeftOutError("not meant for detection (to_ids)")
        pattern, label, name, days = _network(value.partition("|")[0]), "dx:network", "Network of a campaign", NETWORK_DAYS
    elif kind in ("stix2-pattern", "sigma"):
        pattern, label, name, days = value, "dx:misp", "Pattern from a MISP event", SKETCH_DAYS
    else:
        raise _LeftOutError(f"type {kind if re.fullmatch(r'[a-z0-9|-]{1,40}', kind) else 'unknown'} is not matched here")
    since = _since(attribute, now_us)
    until = times.parse(f"{ours['until']}T00:00:00Z") if ours else since + days * times.DAY_US
    if until <= now_us:
        raise _LeftOutError("expired")
    day = f"{times.write(since)[:10]}T00:00:00.000Z"
    thing: dict[str, Any] = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": publisher.id_of("indicator", pattern),
        "created_by_ref": publisher.identity,
        "created": day,
        "modified": day,
        "name": name,
        "indicator_types": ["malicious-activity"],
        "pattern_type": "sigma" if kind == "sigma" else "stix",
        "pattern_version": sigma.VERSION if kind == "sigma" else "2.1",
        "pattern": pattern,
        "valid_from": day,
        "valid_until": times.write_ms(until),
        "labels": [label],
        "object_marking_refs": [marking.definition(_level(tags, publisher))["id"], catalogue.TERMS],
    }
    return thing if kind == "sigma" else thing | _extension(pattern, ours)


def _extension(pattern: str, ours: re.Match[str] | None) -> dict[str, Any]:
    """How to compute a sketch or a contract, from the comment that our own feed carries; nothing for other patterns."""
    path = kind_of(pattern)
    if path == CONTRACT_PATH:
        if ours is None or ours["contract"] is None:
            raise _LeftOutError("a contract without its algorithm")
        how = {"algorithm": ours["contract"], "key_id": ours["contract_epoch"]}
        return {"extensions": {catalogue.EXTENSION: {"extension_type": "property-extension", "kind": "contract"} | how}}
    if path != SKETCH_PATH:
        return {}
    if ours is None or ours["algorithm"] is None:
        raise _LeftOutError("a sketch without its algorithm")
    names = ("algorithm", "num_perm", "shingle", "normalizer", "key_id", "match_threshold")
    told = {"extension_type": "property-extension", "kind": "prompt-template", **{name: ours[name] for name in names}}
    numbers = {"num_perm": int(ours["num_perm"]), "match_threshold": float(ours["match_threshold"])}
    return {"extensions": {catalogue.EXTENSION: told | numbers}}


def kind_of(pattern: str) -> str | None:
    """
    The object path of a pattern of one comparison.

    >>> kind_of("[ipv4-addr:value = '203.0.113.0/24']")
    'ipv4-addr:value'
    """
    try:
        (comparison,) = patterns.comparisons(pattern)
    except ValueError:
        return None
    return comparison.path


def _network(value: str) -> str:
    try:
        net = ipaddress.ip_network(value.strip(), strict=False)
    except ValueError as error:
        raise _LeftOutError("an address that cannot be read") from error
    whole = net.prefixlen == net.max_prefixlen
    return f"[ipv{net.version}-addr:value = '{net.network_address if whole else net}']"


def _since(attribute: Mapping[str, Any], now_us: int) -> int:
    """When the attribute was last touched, never in the future."""
    stamp = str(attribute.get("timestamp", ""))
    if not re.fullmatch(r"[0-9]{1,11}", stamp):
        raise _LeftOutError("an attribute without a time")
    return min(int(stamp) * times.SECOND_US, now_us)


def _level(tags: list[str], publisher: Publisher) -> int:
    known = {"white": marking.CLEAR} | {name: level for level, name in enumerate(marking.NAMES)}
    levels = [known[tag[4:].lower()] for tag in tags if tag.lower().startswith("tlp:") and tag[4:].lower() in known]
    level = max([*levels, publisher.tlp] if levels else [marking.DEFAULT, publisher.tlp])
    if level >= marking.RED:
        raise _LeftOutError("TLP:RED goes to named persons")
    return level


def _tags(thing: Mapping[str, Any]) -> list[str]:
    return [one["name"] for one in _list(thing.get("Tag")) if isinstance(one, dict) and isinstance(one.get("name"), str)]


def _list(kept: Any) -> list[Any]:
    return kept if isinstance(kept, list) else []
