"""What a message says."""

import pytest

from stillwatch.ingest.text import call_text, compact, content_text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("plain", "plain"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "image", "source": {"data": "…"}}], "[image]"),
        ([{"type": "tool_use", "name": "f", "input": {"x": 1}}], 'f({"x":1})'),
        ([{"type": "tool_result", "content": [{"type": "text", "text": "14"}]}], "14"),
        ([{"type": "thinking", "thinking": "hm"}], "hm"),
        ([{"type": "redacted_thinking", "data": "blob"}], "blob"),
        ([{"type": "refusal", "refusal": "no"}], "no"),
        ({"type": "function_call_output", "output": "14"}, "14"),
        ({"type": "reasoning", "summary": []}, ""),
        ({}, ""),
        (None, ""),
        (7, ""),
        (["a", "", "b"], "a\nb"),
    ],
)
def test_blocks_of_every_kind_have_a_text(content: object, said: str) -> None:
    """
    Words are kept, calls are written out, and what has no words is named.
    """
    assert content_text(content) == said


def test_bottomless_blocks_end() -> None:
    """
    Content nested without end gives nothing rather than an error.
    """
    block: object = "deep"
    for _ in range(500):
        block = [{"content": block}]

    assert content_text(block) == ""


def test_calls() -> None:
    """
    Arguments come as text or as a structure.
    """
    assert call_text("f", '{"x":1}') == call_text("f", {"x": 1}) == 'f({"x":1})'
    assert call_text(None, "") == "()"


def test_structures_of_any_size_and_depth_are_written_or_dropped() -> None:
    """
    Numbers wider than 64 bits are written; a structure nested beyond reason is not.
    """
    deep: object = 0
    for _ in range(300):
        deep = [deep]
    bottomless: object = 0
    for _ in range(100_000):
        bottomless = [bottomless]

    assert compact(2**70) == str(2**70)
    assert compact(deep).startswith("[[[")
    assert compact(bottomless) == ""
