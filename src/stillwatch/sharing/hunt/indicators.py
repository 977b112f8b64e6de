"""What peers ask to look for, out of STIX objects of anyone: sketches, contracts, networks, tokens, behaviours valid now."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stillwatch.sharing import catalogue
from stillwatch.sharing.export import sketch
from stillwatch.sharing.sigma import rule
from stillwatch.sharing.sigma.rule import Rule, RuleError
from stillwatch.sharing.taxii import patterns, times

MAX_BEHAVIOURS = 200  # each is one more pass over all exchanges
SKETCH_PATH, CONTRACT_PATH = patterns.SKETCH_PATH, patterns.CONTRACT_PATH
TOKEN_PATH = "user-account:user_id"  # noqa: S105 (an object path)
_NETWORK_PATHS = ("ipv4-addr:value", "ipv6-addr:value")


@dataclass(frozen=True, slots=True)
class Sketched:
    """A template to look for."""

    id: str
    sketched: bytes
    threshold: float


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A behaviour to look for."""

    id: str
    rule: Rule


@dataclass(slots=True)
class Wanted:
    """
    All that is looked for.

    `unread` counts indicators that are valid but say nothing that can be matched here, by why.
    """

    sketches: list[Sketched] = field(default_factory=list)
    networks: dict[tuple[int, int], dict[int, str]] = field(default_factory=dict)  # (version, prefix length) -> prefix -> id
    tokens: dict[str, str] = field(default_factory=dict)
    contracts: dict[int, str] = field(default_factory=dict)  # digest under the epoch's key -> id
    behaviours: list[Behaviour] = field(default_factory=list)
    benign: dict[str, float] = field(default_factory=dict)  # id -> benign hits per million, as its publisher measured them
    unread: dict[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many values are looked for."""
        n_networks = sum(len(nets) for nets in self.networks.values())
        return len(self.sketches) + len(self.tokens) + len(self.contracts) + len(self.behaviours) + n_networks

    def network_of(self, address: str) -> str | None:
        """The indicator whose network holds an address, the narrowest first; None also for what is no address."""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return None
        bits, width = int(known), known.max_prefixlen
        for version, length in sorted(self.networks, key=lambda key: -key[1]):
            if version == known.version and (found := self.networks[version, length].get(bits >> (width - length))):
                return found
        return None


def read(objects: Iterable[Any], epoch: str, now_us: int) -> Wanted:
    """
    Sort out indicators.

    Args:
        objects: STIX objects; all but indicators are passed over, of several versions the newest counts.
        epoch: Sketches of another epoch cannot be compared.
        now_us: Expired and revoked indicators are left out.
    """
    wanted = Wanted()
    for thing in newest(objects):
        refusal = _stale(thing, now_us) or _take(wanted, thing, epoch)
        if refusal is None and (rate := _benign(thing)) is not None:
            wanted.benign[thing["id"]] = rate
        if refusal:
            wanted.unread[refusal] = wanted.unread.get(refusal, 0) + 1
    return wanted


def newest(objects: Iterable[Any]) -> list[Mapping[str, Any]]:
    """The newest version of each indicator; all else is passed over."""
    newest: dict[str, Mapping[str, Any]] = {}
    for thing in objects:
        if not isinstance(thing, dict) or thing.get("type") != "indicator" or not isinstance(thing.get("id"), str):
            continue
        known = newest.get(thing["id"])
        if known is None or str(thing.get("modified")) > str(known.get("modified")):
            newest[thing["id"]] = thing
    return list(newest.values())


def _stale(thing: Mapping[str, Any], now_us: int) -> str | None:
    if thing.get("revoked") is True:
        return "withdrawn"
    try:
        return "expired" if times.parse(thing["valid_until"]) <= now_us else None
    except (KeyError, TypeError, ValueError):
        return "no end of validity"


def _take(wanted: Wanted, thing: Mapping[str, Any], epoch: str) -> str | None:
    """Add what an indicator asks for; why not, where it asks for nothing that can be matched here."""
    if thing.get("pattern_type") == "sigma":
        return _take_behaviour(wanted, thing)
    if thing.get("pattern_type") != "stix":
        return "a pattern neither of STIX nor of Sigma"
    try:
        (comparison,) = patterns.comparisons(str(thing.get("pattern")))
    except ValueError:
        return "a pattern of more than one comparison, or none that can be read"
    if comparison.path == SKETCH_PATH:
        return _take_sketch(wanted, thing, comparison.values, epoch)
    if comparison.path == CONTRACT_PATH:
        return _take_contract(wanted, thing, comparison.values, epoch)
    if comparison.path == TOKEN_PATH:
        wanted.tokens |= {value: thing["id"] for value in comparison.values if patterns.TOKEN_VALUE.fullmatch(value)}
        return None
    if comparison.path in _NETWORK_PATHS:
        return _take_networks(wanted, thing["id"], comparison.values)
    return "another kind of value"


def _take_behaviour(wanted: Wanted, thing: Mapping[str, Any]) -> str | None:
    if len(wanted.behaviours) == MAX_BEHAVIOURS:
        return f"more than {MAX_BEHAVIOURS} behaviours"
    try:
        wanted.behaviours.append(Behaviour(thing["id"], rule.read(str(thing.get("pattern")))))
    except RuleError as error:
        return f"a Sigma rule beyond what is read here: {error}"
    return None


def _extension(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    extensions = thing.get("extensions")
    found = extensions.get(catalogue.EXTENSION) if isinstance(extensions, dict) else None
    return found if isinstance(found, dict) else {}


def _benign(thing: Mapping[str, Any]) -> float | None:
    rate = _extension(thing).get("benign_hits_per_million")
    known = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate <= 1e6
    return float(rate) if known else None  # type: ignore[arg-type]  # a number, see above


def _take_contract(wanted: Wanted, thing: Mapping[str, Any], values: tuple[str, ...], epoch: str) -> str | None:
    extension = _extension(thing)
    if extension.get("algorithm") != sketch.CONTRACT_ALGORITHM:
        return "a contract of another algorithm"
    if extension.get("key_id") != epoch:
        return "a contract of another epoch"
    if not all(re.fullmatch("[0-9a-f]{16}", value) for value in values):
        return "a contract that cannot be read"
    wanted.contracts |= {sketch.read_contract(value): thing["id"] for value in values}
    return None


def _take_sketch(wanted: Wanted, thing: Mapping[str, Any], values: tuple[str, ...], epoch: str) -> str | None:
    extension = _extension(thing)
    ours = (sketch.ALGORITHM, sketch.PERMUTATIONS, sketch.SHINGLE, sketch.NORMALIZER)
    if tuple(extension.get(name) for name in ("algorithm", "num_perm", "shingle", "normalizer")) != ours:
        return "a sketch of another algorithm"
    if extension.get("key_id") != epoch:
        return "a sketch of another epoch"
    threshold = extension.get("match_threshold", sketch.THRESHOLD)
    try:
        sketched = [sketch.read(value) for value in values]
    except ValueError:
        return "a sketch that cannot be read"
    if not isinstance(threshold, float) or not 0.5 <= threshold <= 1 or any(len(s) != sketch.PERMUTATIONS for s in sketched):
        return "a sketch that cannot be read"
    wanted.sketches += [Sketched(thing["id"], one, threshold) for one in sketched]
    return None


def _take_networks(wanted: Wanted, name: str, values: tuple[str, ...]) -> str | None:
    for value in values:
        try:
            net = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return "a network that cannot be read"
        place = wanted.networks.setdefault((net.version, net.prefixlen), {})
        place[int(net.network_address) >> (net.max_prefixlen - net.prefixlen)] = name
    return None
