"""A block of raw pairs read at once, where all of its lines have the plain shape; see at_once.py."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ingest.at_once import (
    ANSWER,
    NOTHING,
    NUMBER,
    TEXT,
    TOOLS,
    TRUTH,
    TURNS,
    WHOLE,
    Columns,
    at,
    conformed,
    fields,
    filled,
    kinds_of,
    read_answers,
    read_tools,
    read_turns,
    table_of,
    unlike,
)
from stillwatch.ingest.conform import Conformed
from stillwatch.ingest.files import Block

_REQUEST = fields(
    {
        "model": TEXT,
        "messages": TURNS,
        "tools": TOOLS,
        "temperature": NUMBER,
        "top_p": NUMBER,
        "n": WHOLE,
        "max_tokens": WHOLE,
        "max_completion_tokens": WHOLE,
        "max_output_tokens": WHOLE,
        "logprobs": TRUTH,
        "top_logprobs": WHOLE,
        "stream": TRUTH,
        "reasoning_effort": TEXT,
        "safety_identifier": TEXT,
        "user": TEXT,
        "metadata": fields({"user_id": TEXT}),
        "previous_response_id": TEXT,
        "prompt_cache_key": TEXT,
    }
    | dict.fromkeys(("body", "headers", "system", "instructions", "anthropic_version", "functions"), NOTHING)
    | dict.fromkeys(("reasoning", "output_config", "thinking"), NOTHING)
)
_NAMED_NULL = re.compile(rb'"(?:system|anthropic_version)"\s*:\s*null')  # there and null is not the same as absent
_TIMES, _COUNTS, _LATENCY = ("seen_at", "account_created_at"), ("asn", "status"), "latency_s"
_KINDS: Mapping[type, pa.DataType] = {str: TEXT, int: WHOLE, float: NUMBER}


@dataclass(frozen=True, slots=True)
class Wrapper:
    """
    What an adapter calls things.

    Args:
        names: The wrapper's name -> the column that it fills, and its rank among the names for it.
        requests: Names of the request.
        responses: Names of the response.
    """

    names: Mapping[str, tuple[str, int]]
    requests: Sequence[str]
    responses: Sequence[str]


def read_block(block: Block, wrapper: Wrapper, time_format: str | None) -> Conformed | None:
    """All rows of a block, or None where a line of it is not plain."""
    used = kinds_of(block.data)
    schema = _schema(used, wrapper) if used else None
    if schema is None or _NAMED_NULL.search(block.data):
        return None
    table = table_of(block, schema)
    if table is None:
        return None
    told = {name: table[name].combine_chunks() for name in schema.names}
    request = next((told[n] for n in wrapper.requests if told[n].type == _REQUEST), None)
    answer = next((told[n] for n in wrapper.responses if told[n].type == ANSWER), pa.nulls(len(table), ANSWER))
    if request is None:
        return None
    columns = _columns(told, wrapper, request, read_answers(answer, block.data))
    if columns is None:
        return None
    return conformed({n: c for n, c in columns.items() if c.type != NOTHING}, len(table), time_format)


def _schema(used: Mapping[str, frozenset[type]], wrapper: Wrapper) -> pa.Schema | None:
    """What is read of a line; None where the names or types of the wrapper are not plain."""
    kinds: dict[str, pa.DataType] = dict.fromkeys((*wrapper.requests, *wrapper.responses, "headers"), NOTHING)
    if kinds.keys() & wrapper.names.keys():
        return None
    for names, kind in ((wrapper.requests, _REQUEST), (wrapper.responses, ANSWER)):
        there = [n for n in names if used.get(n)]
        if len(there) > 1 or any(used[n] != {dict} for n in there):
            return None
        kinds.update(dict.fromkeys(there, kind))
    for name, (column, _) in wrapper.names.items():
        held = used.get(name, frozenset())
        kind = NOTHING if not held else _KINDS.get(next(iter(held))) if len(held) == 1 else None
        if kind is None or not _fits(kind, column):
            return None
        kinds[name] = kind
    return pa.schema(list(kinds.items()))


def _fits(kind: pa.DataType, column: str) -> bool:
    if kind == NOTHING or column in _TIMES:
        return True
    if column == _LATENCY:
        return kind in (WHOLE, NUMBER)
    return bool(kind == (WHOLE if column in _COUNTS else TEXT))


def _columns(told: Columns, wrapper: Wrapper, request: pa.Array, answer: Columns | None) -> Columns | None:
    messages = at(request, "messages")
    turns = read_turns(messages) if messages.null_count < len(messages) else None
    tools = read_tools(at(request, "tools"))
    said = _wrapped(told, wrapper, len(request))
    if answer is None or turns is None or tools is None or said is None:
        return None
    if pc.any(pc.and_(pc.is_null(at(request, "logprobs")), pc.is_valid(at(request, "top_logprobs")))).as_py():
        return None  # was the one absent, or null?
    model = at(request, "model")
    asked = {
        "model": model,
        "model_served": unlike(answer["model"], model),
        "tools": tools,
        "max_tokens": _first(request, "max_tokens", "max_completion_tokens", "max_output_tokens"),
        "stream": pc.fill_null(at(request, "stream"), False),
    }
    asked |= {name: at(request, name) for name in ("temperature", "top_p", "n", "logprobs", "reasoning_effort")}
    heard = {n: answer[n] for n in ("response", "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens")}
    who = _who(said, request, answer, model)
    return None if who is None else said | turns | asked | heard | who


def _first(holder: pa.Array, *names: str) -> pa.Array:
    return pc.coalesce(*(at(holder, name) for name in names))


def _wrapped(told: Columns, wrapper: Wrapper, n: int) -> Columns | None:
    """What the wrapper says, column by column; the first of several names for one counts."""
    named: dict[str, list[tuple[int, str]]] = {}
    for name, (column, rank) in wrapper.names.items():
        if told[name].type != NOTHING:
            named.setdefault(column, []).append((rank, name))
    said: Columns = {}
    for column, several in named.items():
        arrays = [told[name] for _, name in sorted(several)]
        if len({a.type for a in arrays}) > 1 or (column == _LATENCY and len(arrays) > 1):
            return None
        said[column] = pc.coalesce(*arrays) if len(arrays) > 1 else arrays[0]
        if column == _LATENCY:
            scale = 1_000.0 if several[0][1].endswith("_ms") else 1.0
            said[column] = pc.divide(said[column].cast(NUMBER), scale)
    return said


def _who(said: Columns, request: pa.Array, answer: Columns, model: pa.Array) -> Columns | None:
    """Who asked, by the wrapper or by the bodies; None where the id would be a digest of the line, or a key is no id."""
    n = len(request)
    none = pa.nulls(n, TEXT)

    def held(column: str) -> pa.Array:
        return filled(said[column]) if column in said else none

    def below(*names: str) -> pa.Array:
        return filled(at(request, *names))

    exchange_id, key = pc.coalesce(held("exchange_id"), answer["answer_id"]), held("key_id")
    secret = pc.or_(pc.starts_with(key, "sk-"), pc.starts_with(key, "Bearer "))
    if exchange_id.null_count or pc.any(secret).as_py():
        return None
    claude = pc.or_kleene(pc.starts_with(model, "claude"), pc.starts_with(answer["answer_id"], "msg_"))
    usual = pc.if_else(pc.fill_null(claude, False), "anthropic", "openai")
    spoke = pc.if_else(pc.is_valid(answer["response"]), pa.scalar(200, WHOLE), pa.scalar(None, WHOLE))
    return {
        "exchange_id": exchange_id,
        "key_id": key,
        "account_id": pc.coalesce(held("account_id"), key, held("org_id")),
        "end_user_id": pc.coalesce(held("end_user_id"), below("safety_identifier"), below("user"), below("metadata", "user_id")),
        "session_id": pc.coalesce(held("session_id"), below("previous_response_id"), below("prompt_cache_key")),
        "provider": pc.coalesce(held("provider"), usual),
        "status": pc.coalesce(said.get("status", pa.nulls(n, WHOLE)), answer["error_status"], spoke),
    }
