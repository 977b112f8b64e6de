"""Bodies of requests."""

import pytest

from stillwatch.ingest.requests import effort, first_text, mapping_at, read_turns


def test_leading_system_turns_are_the_system_prompt_and_later_ones_stay() -> None:
    """
    What an API keeps apart comes first; a system turn in the middle is a turn.
    """
    turns = [
        {"role": "developer", "content": "a"},
        {"role": "system", "content": [{"type": "text", "text": "b"}]},
        {"role": "user", "content": "u"},
        {"role": "system", "content": "late"},
    ]

    read = read_turns(turns, "apart")

    assert read.system == "apart\n\na\n\nb"
    assert [t["role"] for t in read.messages or []] == ["user", "system"]


@pytest.mark.parametrize(
    ("item", "turn"),
    [
        (
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            ("assistant", "f({})"),
        ),
        ({"role": "user", "content": [{"type": "tool_result", "content": "14"}]}, ("tool", "14")),
        (
            {"role": "user", "content": [{"type": "tool_result", "content": "14"}, {"type": "text", "text": "so?"}]},
            ("user", "14\nso?"),
        ),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, ("assistant", "f({})")),
        ({"type": "function_call_output", "output": "14"}, ("tool", "14")),
        ({"type": "reasoning", "summary": []}, ("assistant", "")),
        ({"type": "reasoning", "summary": [], "encrypted_content": "gAAAA="}, ("assistant", "gAAAA=")),
        (
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "ErUB"}, {"text": "14"}]},
            ("assistant", "hm\n14\nErUB"),
        ),
        (
            {"role": "assistant", "content": "14", "reasoning_details": [{"type": "reasoning.encrypted", "data": "Ab+"}]},
            ("assistant", "14\nAb+"),
        ),
    ],
)
def test_turns_of_every_shape(item: dict[str, object], turn: tuple[str, str]) -> None:
    """
    Calls and results of tools read alike, whichever API wrote them.
    """
    (read,) = read_turns([item]).messages or []

    assert (read["role"], read["content"]) == turn


def test_a_plain_string_is_a_user_turn_and_nothing_is_none() -> None:
    """
    Completions and responses may ask with a string.
    """
    assert read_turns("hi").messages == [{"role": "user", "content": "hi"}]
    assert read_turns(None).messages is None
    assert read_turns([3, "x"]).messages == []
    assert read_turns(None, [{"type": "text", "text": "s"}]).system == "s"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"reasoning_effort": "low"}, "low"),
        ({"reasoning": {"effort": "high"}}, "high"),
        ({"output_config": {"effort": "medium"}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "2048"),
        ({"thinking": {"type": "adaptive"}}, "adaptive"),
        ({}, None),
    ],
)
def test_effort(asked: dict[str, object], found: str | None) -> None:
    """
    A word or a budget, wherever the API puts it.
    """
    assert effort(asked) == found


def test_lookups_pass_over_what_is_not_there() -> None:
    """
    Empty strings, truth values and other types are not texts; a missing object is an empty one.
    """
    assert first_text({"a": "", "b": True, "c": 7}, "a", "b", "c") == "7"
    assert first_text({}, "a") is None
    assert mapping_at({"a": 1}, "a") == {}
