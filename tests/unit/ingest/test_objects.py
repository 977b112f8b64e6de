"""JSON text into objects, forgiving."""

import math

import pytest

from stillwatch.errors import BadLineError
from stillwatch.ingest.objects import lines_of, objects_of, parse


def test_an_array_on_a_line_is_many_objects() -> None:
    """
    Batching shippers write several records on one line.
    """
    assert [p.fields for p in objects_of(b'[{"a": 1}, {"a": 2}]')] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"text"', "holds a string where an object is expected"),
        (b"3", "holds a number where an object is expected"),
        (b"true", "holds a truth value where an object is expected"),
        (b"null", "holds null where an object is expected"),
        (b"[[1]]", "holds an array where an object is expected"),
        (b"secret words", "is not JSON"),
        (b'{"secret": 1', "is JSON that ends too early"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested too deeply"),
    ],
)
def test_a_line_that_is_no_object_says_why_without_quoting_it(line: bytes, reason: str) -> None:
    """
    The reason names the kind of the trouble and none of the line's words.
    """
    with pytest.raises(BadLineError) as caught:
        objects_of(line)

    assert str(caught.value) == reason


def test_invalid_utf8_is_replaced_and_told() -> None:
    """
    Bytes that are no UTF-8 become U+FFFD.
    """
    (found,) = objects_of(b'{"a": "x\xff\xfey"}')

    assert found.fields == {"a": "x\ufffd\ufffdy"}
    assert found.mended


@pytest.mark.parametrize("text", [b'{"a": "\\ud800x"}', b'{"a": ["\\uDC00x"]}', b'{"n": 1, "a": {"\\ud800": "\\ud83d\\ude00"}}'])
def test_lone_surrogates_are_replaced_and_pairs_are_kept(text: bytes) -> None:
    """
    No string that leaves here is impossible to encode.
    """
    (found,) = objects_of(text)

    assert found.mended
    assert "\ufffd" in str(found.fields)
    str(found.fields).encode()


def test_nan_huge_numbers_and_raw_control_characters_are_read() -> None:
    """
    What strict JSON forbids but loggers write has a plain meaning.
    """
    value, mended = parse(b'{"t": NaN, "n": 1' + b"0" * 30 + b', "p": "a\x01b", "w": 1' + b"0" * 5_000 + b"}")

    assert isinstance(value, dict)
    assert math.isnan(value["t"])
    assert value["n"] == 10**30
    assert value["p"] == "a\x01b"
    assert value["w"] == math.inf
    assert not mended


def test_a_byte_order_mark_is_no_trouble() -> None:
    """
    The first line of a file saved on Windows is read.
    """
    assert parse(b'\xef\xbb\xbf{"a": 1}') == ({"a": 1}, False)


def test_blank_lines_count_but_give_nothing() -> None:
    """
    Places are those of the file, blank lines included.
    """
    assert list(lines_of(b"a\n\n  \r\nb")) == [(0, b"a"), (3, b"b")]
