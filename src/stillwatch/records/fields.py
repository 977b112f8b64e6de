"""
What a published record says of its fields: meaning, range, allowed words; and from that alone its checks, JSON and schema.

A field is declared once, `score_bits: Annotated[float, Told("…")]`. The check in `__post_init__`, the bytes of `campaigns.json`,
its JSON Schema and the reference page all read that declaration, so that they cannot drift apart.

Why not pydantic: records of floor 2 need no coercion, and the gateway should not have to install it.
"""

import math
import re
import types
import typing
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, TypeVar

import orjson

from stillwatch.errors import LogFormatError

Record = TypeVar("Record")
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
SIGNIFICANT_DIGITS = 9  # of a stored float: beyond what any statistic here can mean, short of what two machines may differ in


@dataclass(frozen=True, slots=True)
class Told:
    """
    What a field means, and what it may hold.

    Args:
        meaning: One phrase with the unit.
        low, high: Inclusive range of a number.
        words: The only words a string may be.
        since: Minor version that brought the field; older documents lack it and get its default.
    """

    meaning: str
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    since: str = ""


@cache
def hints(kind: Any) -> dict[str, tuple[Any, Told]]:
    """Each field of a record with its bare type and what is told of it."""
    found = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        bare, told = typing.get_args(hint) if typing.get_origin(hint) is Annotated else (hint, Told(_argument(kind, name)))
        found[name] = (bare, told)
    return found


def _argument(kind: Any, name: str) -> str:
    """What the docstring's `Args` say of a field that is not `Annotated`."""
    told = re.search(rf"^\s+{name}: (.+)$", kind.__doc__ or "", re.MULTILINE)
    return told[1] if told else name


def check(record: object) -> None:
    """
    Hold every field against its declaration.

    Raises:
        ValueError: a number is out of range or not finite, a word is not one of those allowed, a time is not UTC.
    """
    kind: Any = type(record)
    for name, (_, told) in hints(kind).items():
        value = getattr(record, name)
        fault = _fault(value, told)
        if fault:
            raise ValueError(f"{type(record).__name__}.{name} {fault}")


def _fault(value: object, told: Told) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if told.low is not None and value < told.low:
            return f"must be at least {told.low:g}"
        if told.high is not None and value > told.high:
            return f"must be at most {told.high:g}"
    if isinstance(value, str) and told.words and value not in told.words:
        return f"must be one of: {', '.join(told.words)}"
    if isinstance(value, datetime) and value.utcoffset() != timedelta(0):
        return "must be a time in UTC"
    return None


def to_json(record: object) -> bytes:
    """The record as JSON: keys sorted, indented by two, floats of nine significant digits, times in UTC with microseconds."""
    return orjson.dumps(_plain(record), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def plain(record: object) -> dict[str, Any]:
    """The record as the nested mappings that `to_json` writes."""
    return typing.cast(dict[str, Any], _plain(record))


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(TIME_FORMAT)
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value


def from_json(kind: type[Record], raw: bytes, where: str) -> Record:
    """
    Read a record back; keys that this version does not know are passed over, so that older readers read newer minor versions.

    Raises:
        LogFormatError: not JSON, a field is missing, or holds what its declaration does not admit.
    """
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise LogFormatError(f"{where}: not JSON. Run the scan again") from error
    return typing.cast(Record, _read(kind, tree, where, ""))


def _read(hint: Any, value: Any, where: str, path: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return None if value is None else _read(arguments[0], value, where, path)
    if origin is tuple and isinstance(value, list):
        return tuple(_read(arguments[0], v, where, f"{path}[{i}]") for i, v in enumerate(value))
    if is_dataclass(hint) and isinstance(value, dict):
        return _read_record(typing.cast(type, hint), value, where, path)
    if hint is datetime and isinstance(value, str):
        return _read_time(value, where, path)
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    raise LogFormatError(f"{where}: '{path}' is not what this version of Stillwatch writes. Run the scan again")


def _read_record(kind: type, tree: dict[str, Any], where: str, path: str) -> Any:
    values = {}
    optional = _optional(kind)
    for name, (bare, _) in hints(kind).items():
        inner = f"{path}.{name}" if path else name
        if name not in tree and name in optional:
            continue
        if name not in tree:
            raise LogFormatError(f"{where}: '{inner}' is missing. Run the scan again")
        values[name] = _read(bare, tree[name], where, inner)
    try:
        return kind(**values)
    except ValueError as error:
        raise LogFormatError(f"{where}: {error}") from error


def _optional(kind: Any) -> frozenset[str]:
    """Fields that came with a later minor version."""
    return frozenset(name for name, (_, told) in hints(kind).items() if told.since)


def _read_time(value: str, where: str, path: str) -> datetime:
    try:
        return datetime.strptime(value, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise LogFormatError(f"{where}: '{path}' is not a time. Run the scan again") from error


def json_schema(kind: type, identifier: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record; every nested record is a definition."""
    definitions: dict[str, Any] = {}
    _define(kind, definitions)
    top = definitions.pop(kind.__name__)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identifier, **top, "$defs": definitions}


def _define(kind: type, definitions: dict[str, Any]) -> None:
    definitions[kind.__name__] = {}
    properties = {
        name: {**_typed(bare, told, definitions), "description": told.meaning} for name, (bare, told) in hints(kind).items()
    }
    definitions[kind.__name__] = {
        "title": kind.__name__,
        "description": _summary(kind),
        "type": "object",
        "properties": properties,
        "required": sorted(properties.keys() - _optional(kind)),
    }


def _summary(kind: type) -> str:
    return next((line.strip() for line in (kind.__doc__ or "").splitlines() if line.strip()), kind.__name__)


def _typed(hint: Any, told: Told, definitions: dict[str, Any]) -> dict[str, Any]:
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return {"anyOf": [_typed(arguments[0], told, definitions), {"type": "null"}]}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _typed(arguments[0], Told(""), definitions)}
    if is_dataclass(hint):
        kind = typing.cast(type, hint)
        if kind.__name__ not in definitions:
            _define(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if hint is datetime:
        return {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
    return _scalar(hint, told)


def _scalar(hint: Any, told: Told) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": {int: "integer", float: "number", str: "string", bool: "boolean"}[hint]}
    if told.low is not None:
        schema["minimum"] = told.low
    if told.high is not None:
        schema["maximum"] = told.high
    if told.words:
        schema["enum"] = list(told.words)
    return schema
