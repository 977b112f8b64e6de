"""One value into one cell."""

import pytest

from stillwatch.ingest import cells
from stillwatch.ingest.cells import READERS, int32, int64, messages, names, number, text, truth
from stillwatch.records.tables import EXCHANGES


@pytest.mark.parametrize(
    ("value", "cell"),
    [("a", "a"), (12, "12"), (1.5, "1.5"), (True, "true"), (False, "false"), ({"a": 1}, '{"a":1}'), (None, None)],
)
def test_strings(value: object, cell: str | None) -> None:
    """
    Numbers and structures are written out.
    """
    assert text(value) == cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (1, 1.0),
        ("0.7", 0.7),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("hot", None),
        ([], None),
        (10**400, None),
    ],
)
def test_numbers(value: object, cell: float | None) -> None:
    """
    Only finite numbers, also from strings.
    """
    assert number(value) == cell


def test_text_of_a_number_that_is_none_is_absent() -> None:
    """
    NaN in an id is no id.
    """
    assert text(float("nan")) is None


def test_whole_numbers_keep_within_their_width() -> None:
    """
    What does not fit is absent, not wrapped around.
    """
    assert [int32(v) for v in (12.0, "12", 2**31 - 1, 2**31, 1.5, None)] == [12, 12, 2**31 - 1, None, None, None]
    assert [int64(v) for v in (64500, "AS64500", "as64500", 2**70)] == [64500, 64500, 64500, None]


def test_truths() -> None:
    """
    Counts and words for true and false are understood.
    """
    assert [truth(v) for v in (True, 0, 5, "True", "0", "maybe", None)] == [True, False, True, True, False, None, None]


def test_messages_from_blocks_strings_and_nonsense() -> None:
    """
    Whatever holds turns becomes turns of strings; what holds none is absent.
    """
    assert messages([{"role": "user", "content": [{"type": "text", "text": "hi"}]}, 3]) == [{"role": "user", "content": "hi"}]
    assert messages('[{"role": "user", "content": "hi"}]') == [{"role": "user", "content": "hi"}]
    assert messages([{"content": None}]) == [{"role": "", "content": ""}]
    assert messages("plain words") is None
    assert messages({"role": "user"}) is None


def test_tool_names_from_every_api() -> None:
    """
    A name, a function, a tool with a schema, or a built-in kind.
    """
    given = ["a", {"type": "function", "function": {"name": "b"}}, {"name": "c", "input_schema": {}}, {"type": "web_search"}, {}]

    assert names(given) == ["a", "b", "c", "web_search"]
    assert names("[]") == []
    assert names(7) is None


def test_every_column_but_times_has_a_reader() -> None:
    """
    A column added to the table is read or fails here.
    """
    assert set(READERS) | {"seen_at", "account_created_at"} == set(EXCHANGES.names)
    assert cells.READERS["asn"] is int64
