"""
Networks out of STIX objects of anyone as a list that a gateway can load, each line with the moment at which it must go.

A list outlives whoever made it, so nothing without an end is written, and what a peer sends is judged again here: a hostile
object must not take half the Internet off a gateway.
"""

import csv
import io
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stillwatch.sharing.hunt.indicators import newest
from stillwatch.sharing.taxii import marking, patterns, times
from stillwatch.sharing.taxii.admission import ACTIONABLE, ID, MAX_NETWORK_US

FORMATS = ("csv", "cidr", "nginx", "nft", "ipset")
_PATHS = ("ipv4-addr:value", "ipv6-addr:value")


@dataclass(frozen=True, slots=True)
class Line:
    """A network, the indicator that names it, until when, how far it may travel, how sure its publisher is (0…100)."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    valid_until: int
    indicator_id: str
    tlp: int
    confidence: int | None


@dataclass(slots=True)
class BlockList:
    """Lines by address, and how many indicators were left out, by why."""

    lines: list[Line] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)


def read(objects: Iterable[Any], now_us: int, *, actionable: bool) -> BlockList:
    """
    The networks that are valid now; where several indicators name one, the last to expire counts.

    Args:
        objects: STIX objects; all but indicators are passed over, of several versions the newest counts.
        actionable: Only what a second member has seen too (`dx:actionable`).
    """
    kept = BlockList()
    found: dict[str, Line] = {}
    for thing in newest(objects):
        lines = _lines(thing, now_us, actionable)
        if isinstance(lines, str):
            kept.left_out[lines] = kept.left_out.get(lines, 0) + 1
            continue
        for line in lines:
            known = found.get(str(line.network))
            if known is None or line.valid_until > known.valid_until:
                found[str(line.network)] = line
    kept.lines = sorted(found.values(), key=lambda one: (one.network.version, int(one.network.network_address)))
    return kept


def write(lines: Sequence[Line], form: str, now_us: int) -> str:
    """
    The list as text.

    Args:
        form: `csv` with a header; `cidr`, a prefix below a comment with its end; `nginx` for a geo block; `nft` for `nft -f`
            and `ipset` for `ipset restore`, in which each element ends by itself.
        now_us: What time-outs are counted from.

    Raises:
        ValueError: there is no such form.
    """
    if form == "csv":
        return _csv(lines)
    if form not in FORMATS:
        raise ValueError(f"no such list. Known: {', '.join(FORMATS)}")
    writer = {"cidr": _cidr, "nginx": _nginx, "nft": _nft, "ipset": _ipset}[form]
    return "".join(line + "\n" for line in writer(lines, now_us))


def _lines(thing: Mapping[str, Any], now_us: int, actionable: bool) -> list[Line] | str:
    """What an indicator adds, or why it adds nothing."""
    if thing.get("revoked") is True:
        return "withdrawn"
    if ID.fullmatch(thing["id"]) is None:
        return "an id that is none"
    try:
        until, begins = times.parse(thing["valid_until"]), times.parse(thing["valid_from"])
        compared = patterns.comparisons(str(thing["pattern"])) if thing.get("pattern_type") == "stix" else []
    except (KeyError, TypeError, ValueError):
        return "no validity or no pattern that can be read"
    if until <= now_us:
        return "expired"
    if len(compared) != 1 or compared[0].path not in _PATHS:
        return "no network"
    if until > max(begins, now_us) + MAX_NETWORK_US:
        return "valid for more than 30 days: addresses change hands"
    try:
        patterns.check(str(thing["pattern"]))
    except patterns.PatternError as error:
        return str(error)
    labels = thing.get("labels")
    if actionable and not (isinstance(labels, list) and ACTIONABLE in labels):
        return "not actionable yet: no second member has seen it"
    refs = thing.get("object_marking_refs")
    tlp = marking.level("indicator", [ref for ref in refs if isinstance(ref, str)] if isinstance(refs, list) else [])
    confidence = thing.get("confidence")
    sure = confidence if type(confidence) is int and 0 <= confidence <= 100 else None
    return [Line(ipaddress.ip_network(v, strict=False), until, thing["id"], tlp, sure) for v in compared[0].values]


def _csv(lines: Sequence[Line]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("network", "valid_until", "tlp", "confidence", "indicator_id"))
    for one in lines:
        sure = "" if one.confidence is None else one.confidence
        writer.writerow((one.network, times.write_ms(one.valid_until), marking.NAMES[one.tlp], sure, one.indicator_id))
    return text.getvalue()


def _cidr(lines: Sequence[Line], now_us: int) -> Iterable[str]:
    for one in lines:
        yield f"# until {times.write_ms(one.valid_until)} {one.indicator_id}"
        yield str(one.network)


def _nginx(lines: Sequence[Line], now_us: int) -> Iterable[str]:
    return (f"{one.network} 1; # until {times.write_ms(one.valid_until)}" for one in lines)


def _nft(lines: Sequence[Line], now_us: int) -> Iterable[str]:
    """Sets of the table `inet stillwatch`, emptied and filled in one transaction."""
    yield "add table inet stillwatch"
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        name = f"inet stillwatch peers{version}"
        yield f"add set {name} {{ type {kind}; flags interval, timeout; auto-merge; }}"
        yield f"flush set {name}"
        for one in lines:
            if one.network.version == version:
                yield f"add element {name} {{ {one.network} timeout {_seconds(one, now_us)}s }}"


def _ipset(lines: Sequence[Line], now_us: int) -> Iterable[str]:
    """Sets `stillwatch4` and `stillwatch6`, for `ipset restore -exist`; longest time-out of ipset: 2147483 s."""
    for version, family in ((4, "inet"), (6, "inet6")):
        yield f"create stillwatch{version} hash:net family {family} timeout 0"
        yield f"flush stillwatch{version}"
        for one in lines:
            if one.network.version == version:
                yield f"add stillwatch{version} {one.network} timeout {min(_seconds(one, now_us), 2_147_483)}"


def _seconds(line: Line, now_us: int) -> int:
    return max(1, (line.valid_until - now_us) // times.SECOND_US)
