"""Declared fields: their checks, JSON and schema."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

import orjson
import pytest

from stillwatch.errors import LogFormatError
from stillwatch.records import fields
from stillwatch.records.fields import Told


@dataclass(frozen=True, slots=True)
class Inner:
    """
    A part.

    Args:
        size: How large it is.
    """

    size: int


@dataclass(frozen=True, slots=True)
class Outer:
    """A whole."""

    name: Annotated[str, Told("what it is called", words=("a", "b"))]
    at: Annotated[datetime, Told("when")]
    rate: Annotated[float, Told("how much, 0…1", 0, 1)]
    yes: Annotated[bool, Told("is it so?")]
    parts: Annotated[tuple[Inner, ...], Told("its parts")]
    note: Annotated[str | None, Told("a note, or null")]

    def __post_init__(self) -> None:
        fields.check(self)


NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def an_outer(name: str = "a", at: datetime = NOON, rate: float = 0.5, note: str | None = None) -> Outer:
    return Outer(name, at, rate, True, (Inner(3), Inner(4)), note)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "c"}, "one of: a, b"),
        ({"rate": 1.5}, "at most 1"),
        ({"rate": -0.5}, "at least 0"),
        ({"rate": float("inf")}, "finite"),
        ({"at": datetime(2026, 11, 3)}, "UTC"),
        ({"at": datetime(2026, 11, 3, tzinfo=timezone(timedelta(hours=2)))}, "UTC"),
    ],
)
def test_a_field_outside_its_declaration_is_refused(change: dict[str, object], told: str) -> None:
    """The error names record and field and says what was expected."""
    with pytest.raises(ValueError, match=rf"Outer\.{next(iter(change))} .*{told}"):
        an_outer(**change)  # type: ignore[arg-type]  # wrong on purpose


def test_json_is_the_same_bytes_for_the_same_record() -> None:
    """Keys are sorted, floats keep nine significant digits, times have microseconds and a Z."""
    raw = fields.to_json(an_outer(rate=1 / 3))

    assert raw == fields.to_json(an_outer(rate=1 / 3 + 1e-13))
    assert b'"rate": 0.333333333' in raw
    assert b'"at": "2026-11-03T12:00:00.000000Z"' in raw
    assert list(orjson.loads(raw)) == ["at", "name", "note", "parts", "rate", "yes"]


def test_a_record_comes_back_from_json() -> None:
    """`from_json` undoes `to_json`, nested records, absent values and all."""
    for record in (an_outer(), an_outer(note="n")):
        assert fields.from_json(Outer, fields.to_json(record), "file") == record


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"parts": 3}, "'parts'"),
        ({"parts": [{"size": "large"}]}, r"'parts\[0\]\.size'"),
        ({"parts": [{}]}, r"'parts\[0\]\.size' is missing"),
        ({"at": "noon"}, "'at' is not a time"),
        ({"yes": 1}, "'yes'"),
        ({"rate": 2}, "at most 1"),
    ],
)
def test_a_reader_says_where_a_document_is_wrong(change: dict[str, object], told: str) -> None:
    """The error names the file and the path of the field, and never quotes its contents."""
    tree = orjson.loads(fields.to_json(an_outer())) | change

    with pytest.raises(LogFormatError, match=f"^some/file: .*{told}"):
        fields.from_json(Outer, orjson.dumps(tree), "some/file")


def test_what_is_no_json_is_refused() -> None:
    """A truncated file is named as such."""
    with pytest.raises(LogFormatError, match="not JSON"):
        fields.from_json(Outer, b'{"name": ', "file")


def test_the_schema_says_what_the_declaration_says() -> None:
    """Types, ranges, words and meanings are those of the record; a plain record is described by its docstring."""
    schema = fields.json_schema(Outer, "urn:x")

    assert schema["properties"]["rate"] == {"type": "number", "minimum": 0, "maximum": 1, "description": "how much, 0…1"}
    assert schema["properties"]["name"]["enum"] == ["a", "b"]
    assert schema["properties"]["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert schema["$defs"]["Inner"]["properties"]["size"]["description"] == "How large it is."
    assert set(schema["required"]) == {"name", "at", "rate", "yes", "parts", "note"}
