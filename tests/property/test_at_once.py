"""Blocks of pairs and payloads read at once against the same lines read one by one."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import BadLineError
from stillwatch.ingest import litellm, litellm_at_once, pairs, pairs_at_once
from stillwatch.ingest.conform import Conformed, from_rows
from stillwatch.ingest.files import Block
from stillwatch.settings import IngestSettings

NAMES = pairs._ranked(IngestSettings())
WRAPPER = pairs_at_once.Wrapper(NAMES, pairs.REQUEST, pairs.RESPONSE)
SAID = st.sampled_from(["", "hello", "größe", "a\nb", "claude-x", "msg_1"])
ODD = st.sampled_from([None, 0, 1.5, True, "", [], ["x"], {}, {"type": "text"}])
FEW = st.sampled_from


def some(plain: dict[str, st.SearchStrategy[Any]], odd: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of the names: plain values as a rule, now and then null or odd ones."""
    rare = dict.fromkeys(odd, ODD)
    usual = st.fixed_dictionaries({}, optional={n: st.none() | s if n != "content" else s for n, s in plain.items()})
    strange = st.fixed_dictionaries({}, optional=rare | dict.fromkeys(plain, ODD))
    return st.tuples(usual, FEW([False] * 39 + [True]), strange).map(lambda t: t[0] | t[2] if t[1] else t[0])


TURN = st.fixed_dictionaries({"role": FEW(["user", "assistant", "system", "developer", "tool"]), "content": SAID}) | some(
    {"role": SAID, "content": SAID}, ("type", "tool_calls", "signature", "reasoning_details")
)
TOOL = some({"name": SAID, "type": SAID, "function": some({"name": SAID, "parameters": ODD})})
CHOICE = some(
    {"index": st.just(0), "finish_reason": SAID, "message": some({"content": SAID, "role": SAID}, ("refusal", "tool_calls"))}
)
COUNT = st.integers(0, 2**33)
ANSWER = some(
    {
        "id": SAID,
        "model": SAID,
        "choices": st.lists(CHOICE, min_size=1, max_size=1) | st.lists(CHOICE, max_size=2),
        "usage": some({"prompt_tokens": COUNT, "completion_tokens": COUNT}, ("output_tokens", "completion_tokens_details")),
        "error": some({"type": FEW(["rate_limit_error", "other"]), "code": FEW(["429", "503", "x"])}, ("status",)),
    },
    ("content", "output", "body", "status"),
)
ASKED = some(
    {
        "model": FEW(["poem-1", "claude-x", ""]),
        "messages": st.lists(TURN, max_size=4),
        "tools": st.lists(TOOL, max_size=2),
        "temperature": FEW([0, 0.5, 1.0]),
        "n": st.integers(0, 3),
        "max_tokens": COUNT,
        "max_completion_tokens": COUNT,
        "logprobs": st.booleans(),
        "stream": st.booleans(),
        "reasoning_effort": SAID,
        "user": SAID,
        "safety_identifier": SAID,
        "prompt_cache_key": SAID,
        "metadata": some({"user_id": SAID}),
    },
    ("system", "instructions", "functions", "top_logprobs", "reasoning", "thinking", "body"),
)
PAIR = st.fixed_dictionaries(
    {
        "ts": FEW([1_793_610_000, 1_793_610_001]),
        "account": SAID,
        "request_id": FEW(["r-1", "r-2", "r-3", ""]),
        "request": ASKED | ASKED.map(lambda a: a | {"messages": [], "model": "m"}),
    },
    optional={
        "response": st.none() | ANSWER,
        "id": SAID,
        "key_id": FEW(["", "k", "sk-secret"]),
        "org": SAID,
        "organization": SAID,
        "status": FEW([200, 429, None]),
        "latency_ms": st.integers(0, 9),
        "headers": FEW([None, None, {"User-Agent": "ua"}]),
        "asn": st.integers(0, 9),
        "unknown": ODD,
    },
)


PAYLOAD = st.fixed_dictionaries(
    {
        "startTime": FEW([1_793_610_000.5, 1_793_610_001.25]),
        "endTime": FEW([1_793_610_002.0, None]),
        "id": FEW(["c-1", "c-2"]),
        "metadata": some(
            {f"user_api_key_{n}": SAID for n in ("user_id", "team_id", "org_id", "project_id")}
            | {"user_agent": SAID, "usage_object": some({"completion_tokens_details": some({"reasoning_tokens": COUNT})})}
        ).map(lambda m: m | {"user_api_key_hash": "k"}),
        "messages": st.lists(TURN, max_size=4),
        "model": FEW(["poem-1", "openai/poem-1"]),
    },
    optional={
        "litellm_call_id": SAID,
        "model_group": SAID,
        "response": st.none() | ANSWER,
        "status": FEW(["success", "failure", None]),
        "error_information": some({"error_code": FEW(["429", "ill", ""]), "normalized_error": FEW(["500_PROVIDER", "x"])}),
        "custom_llm_provider": FEW(["openai", "anthropic"]),
        "stream": FEW([None, True, False]),
        "prompt_tokens": COUNT,
        "completion_tokens": COUNT,
        "session_id": SAID,
        "model_parameters": some(
            {
                "temperature": FEW([0, 0.5]),
                "n": st.integers(0, 3),
                "tools": st.lists(TOOL, max_size=2),
                "max_tokens": st.integers(0, 2),
                "max_completion_tokens": st.integers(0, 2),
                "max_output_tokens": st.integers(0, 2),
                "stream": st.booleans(),
                "logprobs": st.booleans(),
                "reasoning_effort": SAID,
            },
            ("instructions", "thinking"),
        ),
        "unknown": ODD,
    },
)


def one_by_one(lines: list[dict[str, Any]]) -> Conformed | None:
    """As the forgiving reader has it; None where it sets a line aside."""
    try:
        rows = [
            litellm._row(line) if "startTime" in line else pairs._row(line, NAMES)
            for line in (orjson.loads(orjson.dumps(line)) for line in lines)
        ]
    except BadLineError:
        return None
    done = from_rows(rows)
    return done if done.kept.all() else None


def at_once(lines: list[dict[str, Any]]) -> Conformed | None:
    """As a block."""
    data = b"\n".join(orjson.dumps(line) for line in lines) + b"\n"
    block = Block(data, 1, len(lines))
    if "startTime" in lines[0]:
        return litellm_at_once.read_block(block, None, litellm._failure_status)
    return pairs_at_once.read_block(block, WRAPPER, None)


@given(st.lists(PAIR, min_size=1, max_size=4) | st.lists(PAYLOAD, min_size=1, max_size=4))
@settings(deadline=None, max_examples=800)
def test_what_is_read_at_once_is_what_is_read_line_by_line(lines: list[dict[str, Any]]) -> None:
    """
    Of any block, plain or odd, reading it at once gives the same rows and counts, or leaves it alone.
    """
    told = at_once(lines)

    if told is not None:
        wanted = one_by_one(lines)
        assert wanted is not None
        assert told.batch.to_pylist() == wanted.batch.to_pylist()
        assert dict(told.unfit) == dict(wanted.unfit)


PLAIN: dict[str, Any] = {
    "ts": 1_793_610_000,
    "account": "a",
    "request": {"model": "m", "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]},
    "response": {"id": "c", "model": "m-1", "choices": [{"message": {"content": "so"}, "finish_reason": "stop"}]},
}
PAID: dict[str, Any] = {
    "startTime": 1_793_610_000.5,
    "endTime": 1_793_610_002.0,
    "id": "c-1",
    "metadata": {"user_api_key_hash": "k", "user_api_key_team_id": "t", "more": {"of": "it"}},
    "model": "m",
    "messages": [{"role": "user", "content": "why?"}],
    "response": PLAIN["response"],
}
TOOLS = [{"type": "function", "function": {"name": "f"}}, {"type": "web_search"}]


@pytest.mark.parametrize(
    "line",
    [
        PLAIN,
        PLAIN | {"response": None, "id": "x", "status": 500},
        PLAIN | {"id": "x", "response": {"error": {"type": "rate_limit_error", "code": None, "message": "slow down"}}},
        PLAIN | {"request": PLAIN["request"] | {"tools": TOOLS, "temperature": 1, "stream": True, "max_tokens": 9}},
        PLAIN | {"request": PLAIN["request"] | {"messages": [], "logprobs": True, "top_logprobs": 3}},
        PAID,
        PAID | {"status": "failure", "error_information": {"error_code": "429"}, "response": {}},
        PAID | {"model_parameters": {"tools": [], "max_tokens": 0, "max_output_tokens": 5, "stream": True}, "stream": True},
        PLAIN | {"latency_ms": 1500, "ip": "192.0.2.1", "user_agent": "ua", "asn": 7},
    ],
)
def test_the_plain_shape_is_read_at_once(line: dict[str, Any]) -> None:
    """
    What most lines of a gateway's log look like does not go the slow way, and comes out the same.
    """
    lines = [line, PAID if "startTime" in line else PLAIN]

    told, wanted = at_once(lines), one_by_one(lines)

    assert told is not None
    assert wanted is not None
    assert told.batch.equals(wanted.batch)
