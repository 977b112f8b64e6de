"""
LiteLLM's StandardLoggingPayload, as its callbacks and its S3, GCS and HTTP sinks write it (version 1.106 was recorded).

Traps, each seen on real lines in tests/golden/logs/litellm.jsonl:

- `response_time` of a stream is the time to the first token; the duration is `endTime - startTime`.
- `stream` is null where nothing was streamed and where a stream failed; `model_parameters.stream` is what was asked.
- `/v1/messages` folds `system` into `messages`, `/v1/responses` leaves it in `model_parameters.instructions`.
- A request that a hook refused is still logged: `status` is "failure", tokens are 0, `response` is empty. It is an
  exchange, an attempt that was refused.
- `error_information.error_code` may be the provider's own word; `normalized_error` begins with the HTTP status.
- `id` is the upstream's and comes back when an upstream repeats itself; `litellm_call_id` is one a call.
- Reasoning tokens of Anthropic models are LiteLLM's own estimate, so they are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stillwatch.errors import BadLineError
from stillwatch.ingest.answers import read_answer
from stillwatch.ingest.base import Head, Piece, Split
from stillwatch.ingest.conform import Conformed
from stillwatch.ingest.files import Block
from stillwatch.ingest.lines import Fields, Format, read_lines
from stillwatch.ingest.litellm_at_once import read_block
from stillwatch.ingest.requests import effort, first_text, mapping_at, read_turns
from stillwatch.settings import IngestSettings

_MARKS = frozenset({"call_type", "custom_llm_provider", "litellm_call_id", "model_parameters", "metadata", "startTime"})
_MAPPING: Mapping[str, str] = {
    "exchange_id": "litellm_call_id, else id",
    "seen_at": "startTime",
    "account_id": "metadata.user_api_key_user_id, else …_team_id, else …_hash",
    "org_id": "metadata.user_api_key_org_id, else …_team_id, else …_project_id",
    "key_id": "metadata.user_api_key_hash",
    "end_user_id": "end_user",
    "session_id": "session_id",
    "ip": "requester_ip_address",
    "user_agent": "user_agent",
    "provider": "custom_llm_provider",
    "model": "model_group, else model",
    "model_served": "model",
    "system_prompt": "messages[role=system], or model_parameters.instructions",
    "messages": "messages",
    "prompt": "messages, newest user turn",
    "tools": "model_parameters.tools",
    "response": "response",
    "temperature": "model_parameters.temperature",
    "top_p": "model_parameters.top_p",
    "n": "model_parameters.n",
    "max_tokens": "model_parameters.max_tokens, max_completion_tokens or max_output_tokens",
    "logprobs": "model_parameters.logprobs",
    "stream": "model_parameters.stream, else stream",
    "reasoning_effort": "model_parameters.reasoning_effort, reasoning.effort or thinking.budget_tokens",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "reasoning_tokens": "metadata.usage_object.completion_tokens_details.reasoning_tokens",
    "finish_reason": "response.choices[].finish_reason",
    "status": "status, error_information.error_code, error_information.normalized_error",
    "latency_s": "endTime - startTime",
}


@dataclass(frozen=True)
class LiteLLM:
    """One StandardLoggingPayload a line, or an array of them a line or a file."""

    name: str = "litellm"
    table: str = "exchanges"

    def detect(self, head: Head, settings: IngestSettings) -> float:
        """The share of objects that bear the marks of the payload."""
        return sum(o.keys() >= _MARKS for o in head.objects) / max(len(head.objects), 1)

    def mapping(self, head: Head, settings: IngestSettings) -> Mapping[str, str]:
        """Fixed: the payload is the same everywhere."""
        return _MAPPING

    def read(self, split: Split, settings: IngestSettings) -> Iterator[Piece]:
        """The pieces of one split."""

        def fast(block: Block) -> Conformed | None:
            return read_block(block, settings.time_format, _failure_status)

        return read_lines(split, settings, Format(_row, fast=fast))


def _row(payload: dict[str, object]) -> Fields:
    if not payload.keys() >= {"startTime", "metadata"}:
        raise BadLineError("is no logging payload: 'startTime' or 'metadata' is missing")
    asked = mapping_at(payload, "model_parameters")
    failed = payload.get("status") == "failure"
    turns = read_turns(payload.get("messages"), asked.get("instructions"))
    answer = read_answer(payload.get("response"))
    row: dict[str, object] = {
        "exchange_id": payload.get("litellm_call_id") or payload.get("id"),
        "seen_at": payload.get("startTime"),
        "system_prompt": turns.system,
        "messages": turns.messages,
        "tools": asked.get("tools"),
        "response": answer.text,
        "finish_reason": answer.finish_reason,
        "max_tokens": asked.get("max_tokens") or asked.get("max_completion_tokens") or asked.get("max_output_tokens"),
        "stream": bool(asked.get("stream", payload.get("stream"))),
        "reasoning_effort": effort(asked),
        "prompt_tokens": None if failed else payload.get("prompt_tokens"),
        "completion_tokens": payload.get("completion_tokens"),
        "reasoning_tokens": _reasoning_tokens(payload),
        "status": _failure_status(payload) if failed else 200,
        "latency_s": _duration(payload),
    }
    row.update({name: asked.get(name) for name in ("temperature", "top_p", "n", "logprobs")})
    return {**row, **_who(payload)}


def _who(payload: Mapping[str, object]) -> Fields:
    meta = mapping_at(payload, "metadata")
    user, team, key = (first_text(meta, f"user_api_key_{n}") for n in ("user_id", "team_id", "hash"))
    org = first_text(meta, "user_api_key_org_id") or (team if user else None) or first_text(meta, "user_api_key_project_id")
    asked = first_text(payload, "model_group", "model")
    served = first_text(payload, "model")
    return {
        "account_id": user or team or key,
        "org_id": org,
        "key_id": key,
        "end_user_id": first_text(payload, "end_user"),
        "session_id": first_text(payload, "session_id"),
        "ip": first_text(payload, "requester_ip_address") or first_text(meta, "requester_ip_address"),
        "user_agent": first_text(payload, "user_agent") or first_text(meta, "user_agent"),
        "provider": first_text(payload, "custom_llm_provider"),
        "model": asked,
        "model_served": served if served != asked else None,
    }


def _reasoning_tokens(payload: Mapping[str, object]) -> object:
    if payload.get("custom_llm_provider") == "anthropic":
        return None
    usage = mapping_at(mapping_at(payload, "metadata"), "usage_object")
    return mapping_at(usage, "completion_tokens_details").get("reasoning_tokens")


def _failure_status(payload: Mapping[str, object]) -> int:
    told = mapping_at(payload, "error_information")
    for name in ("error_code", "normalized_error"):
        code = str(told.get(name) or "")[:3]
        if code.isdigit() and 400 <= int(code) <= 599:
            return int(code)
    return 500


def _duration(payload: Mapping[str, object]) -> float | None:
    begin, end = payload.get("startTime"), payload.get("endTime")
    if isinstance(begin, int | float) and isinstance(end, int | float):
        return float(end) - float(begin)
    return None


LITELLM = LiteLLM()
