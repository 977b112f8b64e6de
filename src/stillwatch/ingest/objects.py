"""JSON text -> objects, forgiving: what strict parsers refuse in real logs is mended where its meaning is plain."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from stillwatch.errors import BadLineError

_SURROGATE = re.compile("[\\ud800-\\udfff]")
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Parsed:
    """One object of a line, and whether its text had to be mended."""

    fields: dict[str, object]
    mended: bool


def objects_of(line: bytes) -> list[Parsed]:
    """
    The objects of one line: an object, or an array of objects as batching log shippers write it.

    >>> [p.fields for p in objects_of(b'[{"a": 1}, {"a": 2}]')]
    [{'a': 1}, {'a': 2}]

    Raises:
        BadLineError: the line is no JSON, or holds something else than objects.
    """
    value, mended = parse(line)
    return [Parsed(_object(item), mended) for item in (value if isinstance(value, list) else [value])]


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadLineError(f"holds {_kind(value)} where an object is expected")
    return value


def parse(text: bytes) -> tuple[object, bool]:
    """
    One JSON value, and whether it was mended: invalid UTF-8 and lone surrogates become U+FFFD; NaN is kept.

    Raises:
        BadLineError: no JSON even so.
    """
    try:
        return orjson.loads(text), False
    except orjson.JSONDecodeError:
        return _parse_slowly(text)


def _parse_slowly(text: bytes) -> tuple[object, bool]:
    mended = False
    try:
        readable = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        readable, mended = text.decode("utf-8-sig", "replace"), True
    try:
        value = json.loads(readable, strict=False, parse_int=_integer)
        whole, had_surrogates = _without_surrogates(value) if "\\ud" in readable.lower() else (value, False)
    except RecursionError:
        raise BadLineError("is nested too deeply") from None
    except ValueError:
        raise BadLineError(_why_not(text)) from None
    return whole, mended or had_surrogates


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float(digits)


def _without_surrogates(value: object) -> tuple[object, bool]:
    if isinstance(value, str):
        whole, n = _SURROGATE.subn(_REPLACEMENT, value)
        return whole, n > 0
    if isinstance(value, list):
        pairs = [_without_surrogates(v) for v in value]
        return [v for v, _ in pairs], any(m for _, m in pairs)
    if isinstance(value, dict):
        items = [(_SURROGATE.subn(_REPLACEMENT, k), _without_surrogates(v)) for k, v in value.items()]
        return {k: v for (k, _), (v, _) in items}, any(n > 0 or m for (_, n), (_, m) in items)
    return value, False


def _why_not(text: bytes) -> str:
    shown = text.strip()
    if shown.startswith((b"{", b"[")) and not shown.endswith((b"}", b"]")):
        return "is JSON that ends too early"
    return "is not JSON"


def _kind(value: object) -> str:
    kinds = {"str": "a string", "list": "an array", "NoneType": "null", "bool": "a truth value"}
    return kinds.get(type(value).__name__, "a number")


def lines_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their place in the block from 0."""
    for at, line in enumerate(data.split(b"\n")):
        if line and not line.isspace():
            yield at, line
