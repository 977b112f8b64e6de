"""
Just enough of STIX patterning (STIX 2.1 section 9) to see what an indicator matches on: its comparisons, one by one.

Why not the grammar of stix2-patterns: 0.7 ms a pattern, ten times the whole budget of an object. What is skipped here
(precedence, qualifiers' arguments) cannot hide a value: every quoted literal is seen, or the pattern is refused.
"""

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s+"
    r"|(?P<literal>(?:[tbh])?'(?:[^'\\]|\\['\\])*')"
    r"|(?P<path>[a-zA-Z][a-zA-Z0-9-]*:[a-zA-Z_][\w-]*(?:\.[\w-]+|\.'(?:[^'\\]|\\['\\])*'|\[(?:\d+|\*)\]|:[\w-]+)*)"
    r"|(?P<word>NOT|AND|OR|FOLLOWEDBY|IN|LIKE|MATCHES|ISSUBSET|ISSUPERSET|EXISTS|WITHIN|SECONDS|REPEATS|TIMES|START|STOP|true|false)\b"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?)"
    r"|(?P<mark><=|>=|!=|=|<|>|\[|\]|\(|\)|,)"
)
MAX_COMPARISONS = 256
MAX_WORDS = 40  # of all literals together: a text cannot be cut into small ones
_WORD = re.compile(r"[^\W\d_]{2,}")
SKETCH_PATH, CONTRACT_PATH = "artifact:x_dx_minhash", "artifact:x_dx_contract"
_SKETCH_BYTES = range(64, 513)
_CONTRACT = re.compile("[0-9a-f]{16}")
_READABLE = 0.75  # share of printable bytes above which a "sketch" is a text: of random bytes 0.37 are
_COMPARES = frozenset({"=", "!=", "<", ">", "<=", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"})
TOKEN_VALUE = re.compile(r"dx1\.[a-z0-9-]{1,32}\.[a-z0-9-]{1,16}\.[A-Za-z0-9_-]{16,44}")  # up to 32 bytes
_ACCOUNT_PATHS = ("user-account:", "email-addr:", "email-message:", "mac-addr:")
_NETWORKS = {"ipv4-addr:value": 16, "ipv6-addr:value": 32}
_TOO_COMMON = tuple(
    ipaddress.ip_network(n)
    for n in ("1.1.1.0/24", "1.0.0.0/24", "8.8.8.0/24", "8.8.4.0/24", "9.9.9.0/24", "208.67.222.0/24", "2001:4860:4860::/48")
)  # public resolvers: the head of MISP's warninglist `public-dns-v4`


class PatternError(ValueError):
    """A pattern cannot be read, or matches on what may not be shared; the message says which."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One object path and the literals it is compared with."""

    path: str
    values: tuple[str, ...]


def comparisons(pattern: str) -> list[Comparison]:
    """
    Every comparison of a pattern.

    Raises:
        PatternError: it does not parse.

    >>> comparisons("[ipv4-addr:value = '203.0.113.0/24' OR ipv4-addr:value IN ('198.51.100.7')]")
    [Comparison(path='ipv4-addr:value', values=('203.0.113.0/24',)), Comparison(path='ipv4-addr:value', values=('198.51.100.7',))]
    """
    found: list[Comparison] = []
    path: str | None = None
    values: list[str] = []
    brackets: list[str] = []
    compared = False
    for kind, text in _tokens(pattern):
        if kind == "path":
            _close(found, path, values, compared)
            path, values, compared = text, [], False
        elif text in _COMPARES:
            if path is None or compared:
                raise PatternError("the pattern compares nothing with nothing")
            compared = True
        elif kind in ("literal", "number") or text in ("true", "false"):
            values.append(_literal(text) if kind == "literal" else text)
        elif text in "[(":
            brackets.append(text)
        elif text in "])" and (not brackets or brackets.pop() + text not in ("[]", "()")):
            raise PatternError("the pattern's brackets do not close")
    _close(found, path, values, compared)
    if brackets or not found or not pattern.startswith(("[", "(")):
        raise PatternError("the pattern is no observation expression in brackets")
    return found


def check(pattern: str, *, override: bool = False) -> bool:
    """
    Refuse a pattern that matches on too much, or on a person. True if it matches on a network.

    Args:
        override: A moderator vouches for wide networks and common addresses.

    Raises:
        PatternError: with the reason.
    """
    network = False
    found = comparisons(pattern)
    if len(found) > MAX_COMPARISONS:
        raise PatternError(f"the pattern makes more than {MAX_COMPARISONS} comparisons")
    texts = (v for c in found if c.path not in (SKETCH_PATH, CONTRACT_PATH) for v in c.values if not TOKEN_VALUE.fullmatch(v))
    if not override and sum(len(_WORD.findall(text)) for text in texts) > MAX_WORDS:
        raise PatternError(f"personal data/prompt content: pattern holds more than {MAX_WORDS} words of free text")
    for comparison in found:
        if comparison.path == SKETCH_PATH:
            _check_sketches(comparison)
        elif comparison.path == CONTRACT_PATH:
            if not all(_CONTRACT.fullmatch(value) for value in comparison.values):
                raise PatternError("a contract is 16 hex digits")
        elif comparison.path.startswith("artifact:") and not comparison.path.startswith("artifact:hashes."):
            raise PatternError("personal data/prompt content: an artifact's payload is not shared here")
        elif comparison.path.startswith(_ACCOUNT_PATHS):
            if not all(TOKEN_VALUE.fullmatch(value) for value in comparison.values):
                raise PatternError("accounts are shared as dx1 tokens only, never as they are")
        elif comparison.path in _NETWORKS:
            network = True
            if not override:
                _check_networks(comparison)
        elif comparison.path.startswith("autonomous-system:"):
            network = True
    return network


def _check_sketches(comparison: Comparison) -> None:
    for value in comparison.values:
        try:
            raw = base64.b64decode(value, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise PatternError("a sketch is base64 with - and _") from error
        if len(raw) not in _SKETCH_BYTES:
            raise PatternError(f"a sketch has {_SKETCH_BYTES.start} to {_SKETCH_BYTES.stop - 1} bytes")
        if sum(32 <= byte < 127 for byte in raw) > _READABLE * len(raw):
            raise PatternError("personal data/prompt content: the sketch reads as a text")


def _check_networks(comparison: Comparison) -> None:
    shortest = _NETWORKS[comparison.path]
    for value in comparison.values:
        try:
            net = ipaddress.ip_network(value, strict=False)
        except ValueError as error:
            raise PatternError(f"{comparison.path} is compared with what is no address or prefix") from error
        if net.prefixlen < shortest:
            raise PatternError(f"a prefix shorter than /{shortest} matches too many bystanders")
        if not net.is_global and not _documentation(net):
            raise PatternError("the address is private or reserved: it means something else in every network")
        if any(net.version == common.version and net.overlaps(common) for common in _TOO_COMMON):
            raise PatternError("the address is on the list of services that everyone uses")


_EXAMPLES = tuple(ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))


def _documentation(net: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """RFC 5737 and RFC 3849: examples harm nobody, and every exercise is full of them."""
    return any(net.version == e.version and net.overlaps(e) for e in _EXAMPLES)


def _tokens(pattern: str) -> list[tuple[str, str]]:
    place, out = 0, []
    while place < len(pattern):
        found = _TOKEN.match(pattern, place)
        if found is None:
            raise PatternError(f"the pattern cannot be read at character {place + 1}")
        place = found.end()
        if found.lastgroup is not None:
            out.append((found.lastgroup, found.group()))
    return out


def _close(found: list[Comparison], path: str | None, values: list[str], compared: bool) -> None:
    if path is None:
        return
    if not compared and values:
        raise PatternError("the pattern holds a value that it compares with nothing")
    found.append(Comparison(path, tuple(values)))


def _literal(text: str) -> str:
    body = text[text.index("'") + 1 : -1]
    return body.replace("\\'", "'").replace("\\\\", "\\")
