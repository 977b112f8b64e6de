"""Bodies of answers."""

import orjson
import pytest

from stillwatch.ingest.answers import Answer, read_answer


def chunk(delta: dict[str, object], finish: str | None = None, **more: object) -> dict[str, object]:
    return {"id": "c", "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


CALL = {"index": 0, "function": {"name": "f", "arguments": '{"x"'}}
CHAT_STREAM: list[object] = [
    chunk({"role": "assistant", "content": "Rain "}),
    chunk({"content": "counts."}),
    chunk({"tool_calls": [CALL]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}, "tool_calls"),
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 1}}},
]
CHAT_WHOLE = {
    "id": "c",
    "model": "m-1",
    "choices": [
        {
            "message": {"content": "Rain counts.", "tool_calls": [{"function": {"name": "f", "arguments": '{"x":1}'}}]},
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 1}},
}
MESSAGE_STREAM: list[object] = [
    {"type": "message_start", "message": {"id": "c", "model": "m-1", "usage": {"input_tokens": 3, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hidden"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Rain counts."}},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "name": "f", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"x":1}'}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]
MESSAGE_WHOLE = {
    "id": "c",
    "model": "m-1",
    "content": [
        {"type": "thinking", "thinking": "hidden"},
        {"type": "text", "text": "Rain counts."},
        {"type": "tool_use", "name": "f", "input": {"x": 1}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 3, "output_tokens": 4},
}
RESPONSE_WHOLE = {
    "id": "c",
    "model": "m-1",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": [{"text": "hidden"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Rain counts."}]},
        {"type": "function_call", "name": "f", "arguments": '{"x":1}'},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 1}},
}
RESPONSE_STREAM: list[object] = [
    {"type": "response.created", "response": {"id": "c", "output": []}},
    {"type": "response.output_text.delta", "output_index": 0, "delta": "Rain counts."},
    {"type": "response.completed", "response": RESPONSE_WHOLE},
]


def events(chunks: list[object]) -> str:
    return "".join(f"event: e\ndata: {orjson.dumps(c).decode()}\n\n" for c in chunks) + "data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("whole", "stream"),
    [(CHAT_WHOLE, CHAT_STREAM), (MESSAGE_WHOLE, MESSAGE_STREAM), (RESPONSE_WHOLE, RESPONSE_STREAM)],
    ids=["chat", "messages", "responses"],
)
def test_a_stream_adds_up_to_the_whole_answer(whole: dict[str, object], stream: list[object]) -> None:
    """
    Chunks as a list, as strings, as wrapped events or as the event text give what the plain answer gives.
    """
    answer = read_answer(whole)

    assert answer.text == 'Rain counts.\nf({"x":1})'
    assert "hidden" not in str(answer)
    assert read_answer(orjson.dumps(whole).decode()) == answer
    for recorded in (
        stream,
        [orjson.dumps(c).decode() for c in stream],
        [f"data: {orjson.dumps(c).decode()}\n\n" for c in stream],
        [{"event": "e", "data": orjson.dumps(c).decode()} for c in stream],
        [{"data": c} for c in stream],
        events(stream),
    ):
        assert read_answer(recorded) == answer


def test_a_response_stream_without_its_end_keeps_the_text_so_far() -> None:
    """
    An aborted stream is an answer, too.
    """
    answer = read_answer(RESPONSE_STREAM[:2])

    assert (answer.answer_id, answer.text, answer.finish_reason) == ("c", "Rain counts.", None)


def test_cached_tokens_are_part_of_the_request() -> None:
    """
    What came from a cache was sent all the same.
    """
    usage = {"input_tokens": 7, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 1, "output_tokens": 2}

    assert read_answer({"content": "x", "usage": usage}).prompt_tokens == 18


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": 503}}, 503),
        ({"error": {"status": "404"}}, 404),
        ({"error": {"type": "overloaded_error"}}, 529),
        ({"error": {"type": "tokens", "code": "rate_limit_exceeded"}}, 429),
        ({"error": {}}, 500),
        ({"error": None, "output": []}, None),
        ([{"type": "error", "error": {"type": "overloaded_error"}}], 529),
    ],
)
def test_errors_have_a_status(body: object, status: int | None) -> None:
    """
    Told by the error itself, or by its published type.
    """
    assert read_answer(body).error_status == status


@pytest.mark.parametrize("body", [None, 3, "plain text", [], {}, [None, 7, "x"], "{broken", "data: x"])
def test_what_is_no_answer_tells_nothing(body: object) -> None:
    """
    Nonsense gives an empty answer rather than an error.
    """
    answer = read_answer(body)

    assert not answer.text
    assert answer.answer_id is None


def test_several_choices_refusals_and_old_completions_have_a_text() -> None:
    """
    All choices count, and each API's way to say no.
    """
    body = {"choices": [{"text": "a", "finish_reason": "stop"}, {"message": {"content": None, "refusal": "no"}}]}

    assert read_answer(body).text == "a\nno"
    assert read_answer({"content": "plain", "stop_reason": "end_turn"}) == Answer(text="plain", finish_reason="end_turn")
    assert read_answer([{"choices": [{"index": 0, "text": "a"}]}]).text == "a"
    incomplete = {"output": [], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert read_answer(incomplete).finish_reason == "max_output_tokens"
