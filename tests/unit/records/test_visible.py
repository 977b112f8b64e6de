"""Strings of strangers, made visible."""

import doctest

import orjson
import pytest

from stillwatch.records import visible as module
from stillwatch.records.visible import csv_cell, json_escaped, visible


def test_the_examples_in_the_docstrings_run() -> None:
    """What the docstrings show is what happens."""
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("text", ["plain", "naïve café", "日本語のテキスト", "Привет", "مرحبا", "👍", "a⟨…⟩b", ""])
def test_honest_text_stays_as_it_is(text: str) -> None:
    """Living scripts and emoji are not touched."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a⟨U+0000⟩b"),
        ("line\r\nforged", "line⟨U+000D⟩⟨U+000A⟩forged"),
        ("\x1b]0;title\x07", "⟨U+001B⟩]0;title⟨U+0007⟩"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("no\u00a0break", "no⟨U+00A0⟩break"),
        ("fill\u3164er", "fill⟨U+3164⟩er"),
        ("lone\ud800", "lone⟨U+D800⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("star\ufe0f", "star⟨U+FE0F⟩"),
    ],
)
def test_what_hides_or_commands_is_shown_by_its_code(text: str, shown: str) -> None:
    """Controls, escapes, bidirectional and zero-width characters, tags, blanks and lone surrogates become codes."""
    assert visible(text) == shown


def test_a_pile_of_marks_is_cut_off() -> None:
    """Three combining marks on a letter stay, further ones become codes."""
    piled = visible("z" + "\u0300" * 5)

    assert piled == "z" + "\u0300" * 3 + "⟨U+0300⟩⟨U+0300⟩"


@pytest.mark.parametrize("start", [*"=+-@", "\t", "\r"])
def test_a_csv_cell_is_never_a_formula(start: str) -> None:
    """A cell that would start like a formula starts with a quote."""
    assert csv_cell(start + "1").startswith("'")


def test_a_csv_cell_of_plain_text_is_that_text() -> None:
    """Other cells are not quoted."""
    assert csv_cell("a=b") == "a=b"


def test_json_that_is_printed_commands_nothing() -> None:
    """Control and format characters become escapes, and the values stay what they were."""
    values = ["\x9b31m", "\x7f", "\u202egnp", "\ufeff", "plain", "naïve 日本語 👍", "\u2028"]

    raw = json_escaped(orjson.dumps(values))

    assert orjson.loads(raw) == values
    assert all(c.isprintable() for c in raw.decode())
    assert "naïve 日本語 👍" in raw.decode()
