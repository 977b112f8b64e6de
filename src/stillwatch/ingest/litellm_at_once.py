"""A block of LiteLLM's payloads read at once, where all of its lines have the plain shape; see at_once.py."""

from collections.abc import Callable, Mapping

import numpy as np
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

Failure = Callable[[Mapping[str, object]], int]

_ASKED = fields(
    {
        "temperature": NUMBER,
        "top_p": NUMBER,
        "n": WHOLE,
        "logprobs": TRUTH,
        "tools": TOOLS,
        "max_tokens": WHOLE,
        "max_completion_tokens": WHOLE,
        "max_output_tokens": WHOLE,
        "stream": TRUTH,
        "reasoning_effort": TEXT,
    }
    | dict.fromkeys(("instructions", "reasoning", "output_config", "thinking"), NOTHING)
)
_KEYS = ("user_id", "team_id", "hash", "org_id", "project_id")
_METADATA = fields(
    {f"user_api_key_{name}": TEXT for name in _KEYS}
    | {"requester_ip_address": TEXT, "user_agent": TEXT}
    | {"usage_object": fields({"completion_tokens_details": fields({"reasoning_tokens": WHOLE})})}
)
_PAYLOAD: Mapping[str, pa.DataType] = (
    dict.fromkeys(("litellm_call_id", "id", "model", "model_group", "status", "custom_llm_provider", "end_user"), TEXT)
    | dict.fromkeys(("session_id", "requester_ip_address", "user_agent"), TEXT)
    | {
        "messages": TURNS,
        "response": ANSWER,
        "model_parameters": _ASKED,
        "metadata": _METADATA,
        "stream": TRUTH,
        "prompt_tokens": WHOLE,
        "completion_tokens": WHOLE,
        "error_information": fields({"error_code": TEXT, "normalized_error": TEXT}),
    }
)


def read_block(block: Block, time_format: str | None, failure: Failure) -> Conformed | None:
    """
    All rows of a block, or None where a line of it is not plain.

    Args:
        block: Whole lines.
        time_format: As in `conform`.
        failure: The status of a payload that tells of a failure, from its `error_information`.
    """
    used = kinds_of(block.data)
    times = {used.get(name, frozenset()) for name in ("startTime", "endTime")}
    kind = {frozenset({float}): NUMBER, frozenset({int}): WHOLE, frozenset({str}): TEXT}.get(next(iter(times)))
    if len(times) != 1 or kind is None:
        return None
    table = table_of(block, pa.schema([*_PAYLOAD.items(), ("startTime", kind), ("endTime", kind)]))
    if table is None:
        return None
    told = {name: table[name].combine_chunks() for name in table.column_names}
    columns = _columns(told, block.data, failure)
    return None if columns is None else conformed(columns, len(table), time_format)


def _columns(told: Columns, data: bytes, failure: Failure) -> Columns | None:
    asked, meta = told["model_parameters"], told["metadata"]
    turns, answer = read_turns(told["messages"]), read_answers(told["response"], data)
    tools = read_tools(at(asked, "tools"), keep_empty=True)
    if meta.null_count or turns is None or answer is None or tools is None:
        return None
    if pc.any(pc.and_(pc.is_null(at(asked, "stream")), pc.fill_null(told["stream"], False))).as_py():
        return None  # is it absent where it counts, or null?
    failed = pc.fill_null(pc.equal(told["status"], "failure"), False)
    anthropic = pc.fill_null(pc.equal(told["custom_llm_provider"], "anthropic"), False)
    reasoning = at(meta, "usage_object", "completion_tokens_details", "reasoning_tokens")
    nothing = pa.scalar(None, WHOLE)
    row = {
        "exchange_id": pc.coalesce(filled(told["litellm_call_id"]), told["id"]),
        "seen_at": told["startTime"],
        "tools": tools,
        "response": answer["response"],
        "finish_reason": answer["finish_reason"],
        "max_tokens": pc.coalesce(
            _above_zero(at(asked, "max_tokens")), _above_zero(at(asked, "max_completion_tokens")), at(asked, "max_output_tokens")
        ),
        "stream": pc.fill_null(at(asked, "stream"), False),
        "prompt_tokens": pc.if_else(failed, nothing, told["prompt_tokens"]),
        "completion_tokens": told["completion_tokens"],
        "reasoning_tokens": pc.if_else(anthropic, nothing, reasoning),
        "status": _statuses(failed, told["error_information"], failure),
    }
    if told["startTime"].type != TEXT:
        row["latency_s"] = pc.subtract(told["endTime"].cast(NUMBER), told["startTime"].cast(NUMBER))
    row |= {name: at(asked, name) for name in ("temperature", "top_p", "n", "logprobs", "reasoning_effort")}
    return row | turns | _who(told, meta)


def _above_zero(array: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(array, 0), pa.scalar(None, WHOLE), array)


def _statuses(failed: pa.Array, information: pa.Array, failure: Failure) -> pa.Array:
    statuses = np.full(len(failed), 200)
    for row in np.flatnonzero(failed.to_numpy(zero_copy_only=False)):
        statuses[row] = failure({"error_information": information[int(row)].as_py()})
    return pa.array(statuses)


def _who(told: Columns, meta: pa.Array) -> Columns:
    user, team, key, org, project = (filled(at(meta, f"user_api_key_{name}")) for name in _KEYS)
    own = {name: filled(told[name]) for name, kind in _PAYLOAD.items() if kind == TEXT}
    of_user = pc.if_else(pc.is_valid(user), team, pa.scalar(None, TEXT))
    asked = pc.coalesce(own["model_group"], own["model"])
    return {
        "account_id": pc.coalesce(user, team, key),
        "org_id": pc.coalesce(org, of_user, project),
        "key_id": key,
        "end_user_id": own["end_user"],
        "session_id": own["session_id"],
        "ip": pc.coalesce(own["requester_ip_address"], filled(at(meta, "requester_ip_address"))),
        "user_agent": pc.coalesce(own["user_agent"], filled(at(meta, "user_agent"))),
        "provider": own["custom_llm_provider"],
        "model": asked,
        "model_served": unlike(own["model"], asked),
    }
