"""
Personal data and secrets in an object: what must never reach an exchange, found before it is stored.

A cheap pass over the object's bytes decides whether anything could be there; only then are its strings looked at one by
one. Ids, hashes and base64 of ours hold no `@`, no `+` before digits and no run of 13 digits between word boundaries.
"""

import re
from collections.abc import Iterator
from typing import Any

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}\b")
_ID = re.compile(r"[a-z][a-z0-9-]*--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # random digits, and nobody's
_PHONE = re.compile(r"(?<![\w.+-])(?:\+|00)[1-9]\d{0,2}[ .()/-]{0,2}(?:\d[ .()/-]{0,2}){6,13}(?![\w-])")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
# shapes that the services themselves document for their credentials
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|(?<![\w-])(?:(?:AKIA|ASIA)[0-9A-Z]{16}\b|gh[pousr]_[A-Za-z0-9]{36,}|sk-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|AIza[0-9A-Za-z_-]{35}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.|swx_[0-9a-f]{8}_)"
)
_MARKS = (
    b"@",
    b"+",
    b"PRIVATE KEY",
    b"AKIA",
    b"ASIA",
    b"ghp_",
    b"gho_",
    b"ghu_",
    b"ghs_",
    b"ghr_",
    b"sk-",
    b"xox",
    b"AIza",
    b"eyJ",
    b"swx_",
)
_ABROAD = re.compile(rb"00[1-9]\d")
_ZEROED = bytes.maketrans(b"123456789", b"000000000")
_CARD_DIGITS = b"0" * 13


def kind_in(text: str) -> str | None:
    """
    What personal data or secret a string holds, or None.

    >>> kind_in("write to jane.doe@example.org")
    'an e-mail address'
    >>> kind_in("2026-11-24T03:00:00.000Z") is None
    True
    """
    if _EMAIL.search(text):
        return "an e-mail address"
    if _SECRET.search(text):
        return "a secret key"
    if any(luhn(card.group()) for card in _CARD.finditer(text)):
        return "a payment card number"
    if _PHONE.search(text):
        return "a telephone number"
    return None


def find(thing: dict[str, Any], raw: bytes) -> tuple[str, str] | None:
    """
    The property and kind of the first personal data in an object.

    Args:
        thing: The object.
        raw: The same object as JSON bytes; searched first, because nearly all objects are clean.
    """
    if not _suspect(raw):
        return None
    for path, text in strings(thing):
        kind = None if _ID.fullmatch(text) else kind_in(text)
        if kind is not None:
            return path, kind
    return None


def _suspect(raw: bytes) -> bool:
    """Could anything be there? Plain searches, because one regular expression of these costs twenty times as much."""
    return any(mark in raw for mark in _MARKS) or _CARD_DIGITS in raw.translate(_ZEROED, b" -") or _ABROAD.search(raw) is not None


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a JSON value with the dotted path of its property; keys count as strings too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from strings(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, path)


def luhn(text: str) -> bool:
    """
    Does a run of digits carry the check digit of payment cards (ISO/IEC 7812-1)?

    >>> luhn("4111 1111 1111 1111"), luhn("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(c) for c in text if c.isdigit()]
    if len(set(digits)) == 1:
        return False
    doubled = (d * 2 - 9 * (d > 4) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
