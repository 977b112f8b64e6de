"""
JSON as an exchange must read it: no duplicate keys, no NaN, no lone surrogates, no towers of brackets.

Two readers look at every body. orjson refuses what is not JSON (RFC 8259) at some 500 MB/s; the standard library's reader
sees every pair, which is the only way to find a key that stands twice.
"""

import json
from typing import Any

import orjson

MAX_DEPTH = 20


class StrictJsonError(ValueError):
    """The body is not JSON, or is JSON that two readers could understand differently."""


def loads(raw: bytes) -> Any:
    """
    The parsed body.

    Raises:
        StrictJsonError: with a sentence that names the fault and never quotes the body.
    """
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise StrictJsonError(f"the body is not JSON (line {error.lineno}, column {error.colno})") from error
    try:
        return json.loads(raw, object_pairs_hook=_once)
    except RecursionError as error:
        raise StrictJsonError("the body nests too deeply") from error


def depth(value: Any, limit: int = MAX_DEPTH) -> int:
    """
    How deeply lists and mappings nest; stops counting one level past `limit`.

    >>> depth({"a": [1]})
    2
    """
    level, layer = 0, [value] if isinstance(value, dict | list) else []
    while layer and level <= limit:
        level += 1
        layer = [
            inner
            for item in layer
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
    return level


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise StrictJsonError("a key stands twice in one object")
    return built
