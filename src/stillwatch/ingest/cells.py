"""One value -> one cell of `exchanges`: what a log means by "12", 12.0 or true; None where it means nothing of the type."""

import math
from collections.abc import Callable, Mapping

import orjson
import pyarrow as pa

from stillwatch.ingest.text import compact, content_text
from stillwatch.records.tables import EXCHANGES, MESSAGE

_INT32 = 2**31
_TRUE = {"true": True, "1": True, "false": False, "0": False}


def text(value: object) -> str | None:
    """
    A string; numbers as they are written, structures as JSON.

    >>> text(12), text(""), text("a")
    ('12', '', 'a')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return None if isinstance(value, float) and not math.isfinite(value) else str(value)
    if isinstance(value, dict | list):
        return compact(value)
    return None


def number(value: object) -> float | None:
    """
    A finite number.

    >>> number("0.7"), number(float("nan"))
    (0.7, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def int32(value: object) -> int | None:
    """
    A whole number of 32 bits.

    >>> int32(12.0), int32(1.5), int32(2**40)
    (12, None, None)
    """
    read = number(value)
    return int(read) if read is not None and read.is_integer() and abs(read) < _INT32 else None


def int64(value: object) -> int | None:
    """
    A whole number; an autonomous system may be written AS64500.

    >>> int64("AS64500")
    64500
    """
    if isinstance(value, str) and value[:2].upper() == "AS":
        value = value[2:]
    read = number(value)
    return int(read) if read is not None and read.is_integer() and abs(read) < 2**63 else None


def truth(value: object) -> bool | None:
    """
    True or false; a count of log-probabilities asked for is true.

    >>> truth(5), truth("false")
    (True, False)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    return _TRUE.get(value.lower()) if isinstance(value, str) else None


def messages(value: object) -> list[dict[str, str]] | None:
    """
    Turns with a role and a text; content in blocks becomes their text. A JSON string is read first.

    >>> messages([{"role": "user", "content": [{"type": "text", "text": "hi"}]}])
    [{'role': 'user', 'content': 'hi'}]
    """
    value = _loaded(value)
    if not isinstance(value, list):
        return None
    turns = [t for t in value if isinstance(t, dict)]
    return [{"role": text(t.get("role")) or "", "content": text(content_text(t.get("content"))) or ""} for t in turns]


def names(value: object) -> list[str] | None:
    """
    Names of tools, from names or definitions.

    >>> names(["a", {"type": "function", "function": {"name": "b"}}, {"type": "web_search"}])
    ['a', 'b', 'web_search']
    """
    value = _loaded(value)
    if not isinstance(value, list):
        return None
    found = [_tool_name(v) for v in value]
    return [n for n in found if n is not None]


def _tool_name(tool: object) -> str | None:
    if isinstance(tool, dict):
        inner = tool.get("function")
        tool = tool.get("name") or (inner.get("name") if isinstance(inner, dict) else None) or tool.get("type")
    return text(tool)


def _loaded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


_BY_TYPE: Mapping[pa.DataType, Callable[[object], object]] = {
    pa.string(): text,
    pa.float64(): number,
    pa.int32(): int32,
    pa.int64(): int64,
    pa.bool_(): truth,
    pa.list_(MESSAGE): messages,
    pa.list_(pa.string()): names,
}
READERS: Mapping[str, Callable[[object], object]] = {c.name: _BY_TYPE[c.type] for c in EXCHANGES.columns if c.type in _BY_TYPE}
