"""
Raw request and response bodies of the OpenAI (chat completions, responses) and Anthropic (messages) APIs, one pair a line.

    {"ts": …, "account": …, "ip": …, "status": 200, "request": {body}, "response": {body}}

Every gateway wraps the pair in its own way: NAMES lists the wrapper names that are understood, and `ingest.columns` adds
others. Bodies may be objects or JSON in a string, lie below `request.body`, and a streamed response may be the list of its
chunks or the event text. Both vendors' bodies may be mixed in one file: each line tells its own shape.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stillwatch.errors import BadLineError
from stillwatch.ingest.answers import Answer, read_answer
from stillwatch.ingest.base import Head, Piece, Split
from stillwatch.ingest.cells import number
from stillwatch.ingest.conform import Conformed
from stillwatch.ingest.files import Block
from stillwatch.ingest.lines import Fields, Format, read_lines
from stillwatch.ingest.objects import parse
from stillwatch.ingest.pairs_at_once import Wrapper, read_block
from stillwatch.ingest.requests import effort, first_text, mapping_at, read_turns
from stillwatch.ingest.text import compact
from stillwatch.records.tables import EXCHANGES
from stillwatch.settings import IngestSettings

REQUEST = ("request", "request_body", "body", "req", "input_body")
RESPONSE = ("response", "response_body", "output_body", "resp", "completion", "chunks", "response_chunks", "events")
NAMES: Mapping[str, tuple[str, ...]] = {
    "exchange_id": ("exchange_id", "request_id", "event_id", "id", "trace_id"),
    "seen_at": ("seen_at", "ts", "timestamp", "@timestamp", "time", "started_at", "start_time", "request_time", "created_at"),
    "account_id": ("account_id", "account", "customer_id", "customer", "consumer", "user_id", "user"),
    "org_id": ("org_id", "org", "organization_id", "organization", "team_id", "tenant_id", "workspace_id"),
    "key_id": ("key_id", "api_key_id", "api_key_hash", "key_hash", "key", "api_key"),
    "end_user_id": ("end_user_id", "end_user"),
    "session_id": ("session_id", "session", "conversation_id", "thread_id"),
    "payment_id": ("payment_id", "payment"),
    "device_id": ("device_id", "device"),
    "client_fingerprint": ("client_fingerprint", "ja4"),
    "ip": ("ip", "client_ip", "remote_ip", "source_ip", "ip_address", "remote_addr"),
    "asn": ("asn",),
    "account_created_at": ("account_created_at",),
    "tier": ("tier", "plan"),
    "user_agent": ("user_agent", "ua"),
    "provider": ("provider", "vendor"),
    "status": ("status", "status_code", "http_status", "response_status"),
    "latency_s": ("latency_s", "duration_s", "latency_ms", "duration_ms", "latency", "duration"),
}
_FROM_BODIES: Mapping[str, str] = {
    "end_user_id": "request.safety_identifier, user or metadata.user_id",
    "session_id": "request.previous_response_id or prompt_cache_key",
    "model": "request.model",
    "model_served": "response.model",
    "system_prompt": "request.system, request.instructions or leading turns of role system or developer",
    "messages": "request.messages or request.input",
    "prompt": "request, newest user turn",
    "tools": "request.tools",
    "response": "response, its text and calls of tools",
    "temperature": "request.temperature",
    "top_p": "request.top_p",
    "n": "request.n",
    "max_tokens": "request.max_tokens, max_completion_tokens or max_output_tokens",
    "logprobs": "request.logprobs or top_logprobs",
    "stream": "request.stream",
    "reasoning_effort": "request.reasoning_effort, reasoning.effort or thinking.budget_tokens",
    "prompt_tokens": "response.usage",
    "completion_tokens": "response.usage",
    "reasoning_tokens": "response.usage",
    "finish_reason": "response.choices[0].finish_reason, stop_reason or status",
}
_INFERRED = {
    "exchange_id": "response.id, else a digest of the line",
    "provider": "told by the shape of the bodies",
    "status": "response, its status or error",
}
_LAST = 1 << 30
_ASKED = ("messages", "input", "prompt")
_KNOWN = frozenset(n for names in NAMES.values() for n in names) | set(REQUEST) | set(RESPONSE) | {"headers"}


@dataclass(frozen=True)
class Pairs:
    """One pair a line."""

    name: str = "pairs"
    table: str = "exchanges"

    def detect(self, head: Head, settings: IngestSettings) -> float:
        """The share of objects that hold a request with a model and something asked."""
        return 0.9 * sum(_is_pair(o) for o in head.objects) / max(len(head.objects), 1)

    def mapping(self, head: Head, settings: IngestSettings) -> Mapping[str, str]:
        """The wrapper's names that occur in the file, and where the rest comes from."""
        there = {k for o in head.objects for k in o}
        wrapper = {c: next((n for n in names if n in there), None) for c, names in _names(settings).items()}
        found = dict(_FROM_BODIES) | _INFERRED | {c: n for c, n in wrapper.items() if n is not None}
        return {c: found[c] for c in EXCHANGES.names if c in found}

    def read(self, split: Split, settings: IngestSettings) -> Iterator[Piece]:
        """The pieces of one split."""
        names = _ranked(settings)

        def convert(fields: dict[str, object]) -> Fields:
            return _row(fields, names)

        wrapper = Wrapper(names, REQUEST, RESPONSE)

        def fast(block: Block) -> Conformed | None:
            return read_block(block, wrapper, settings.time_format)

        return read_lines(split, settings, Format(convert, _KNOWN | set(settings.columns.values()), fast))


Names = Mapping[str, tuple[str, int]]  # wrapper name -> column it fills, and its rank among the names for it


def _names(settings: IngestSettings) -> Mapping[str, tuple[str, ...]]:
    return {c: (settings.columns[c], *names) if c in settings.columns else names for c, names in NAMES.items()}


def _ranked(settings: IngestSettings) -> Names:
    pairs = [(n, (c, rank)) for c, names in _names(settings).items() for rank, n in enumerate(names)]
    return dict(reversed(pairs))  # a name that is listed twice fills the first column


def _is_pair(fields: Mapping[str, object]) -> bool:
    request = _request(fields)
    return "model" in request and any(n in request for n in _ASKED)


def _request(fields: Mapping[str, object]) -> Mapping[str, object]:
    found = _body(fields, REQUEST)
    if isinstance(found, dict):
        return found
    has_answer = any(n in fields for n in RESPONSE)
    return fields if has_answer and "model" in fields and any(n in fields for n in _ASKED) else {}


def _body(fields: Mapping[str, object], names: tuple[str, ...]) -> object:
    value = next((fields[n] for n in names if fields.get(n) is not None), None)
    value = _loaded(value)
    if isinstance(value, dict) and isinstance(value.get("body"), dict | str | list):
        return _loaded(value["body"])
    return value


def _loaded(value: object) -> object:
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return parse(value.encode())[0]
    except BadLineError:
        return value


def _row(fields: dict[str, object], names: Names) -> Fields:
    request = _request(fields)
    if not any(n in request for n in _ASKED):
        raise BadLineError("holds no request with 'messages', 'input' or 'prompt'")
    answer = read_answer(_body(fields, RESPONSE))
    asked = next(request[n] for n in _ASKED if n in request)
    turns = read_turns(asked, request.get("system") or request.get("instructions"))
    row: dict[str, object] = {
        "model": request.get("model"),
        "model_served": answer.model if answer.model != request.get("model") else None,
        "system_prompt": turns.system,
        "messages": turns.messages,
        "tools": request.get("tools") or request.get("functions"),
        "response": answer.text,
        "max_tokens": first_text(request, "max_tokens", "max_completion_tokens", "max_output_tokens"),
        "logprobs": request.get("logprobs", request.get("top_logprobs")),
        "stream": bool(request.get("stream", False)),
        "reasoning_effort": effort(request),
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "reasoning_tokens": answer.reasoning_tokens,
        "finish_reason": answer.finish_reason,
    }
    row.update({name: request.get(name) for name in ("temperature", "top_p", "n")})
    return {**row, **_wrapper(fields, names, request, answer)}


def _wrapper(fields: Mapping[str, object], names: Names, request: Fields, answer: Answer) -> Fields:
    told, latency = _told(fields, names, flat=fields is request)
    key = _opaque(first_text(told, "key_id"))
    meta = mapping_at(request, "metadata")
    return told | {
        "exchange_id": told.get("exchange_id") or answer.answer_id or _digest(fields),
        "key_id": key,
        "account_id": told.get("account_id") or key or told.get("org_id"),
        "end_user_id": told.get("end_user_id") or first_text(request, "safety_identifier", "user") or first_text(meta, "user_id"),
        "session_id": told.get("session_id") or first_text(request, "previous_response_id", "prompt_cache_key"),
        "user_agent": told.get("user_agent") or _header(fields, "user-agent"),
        "provider": told.get("provider") or _provider(request, answer),
        "status": _status(fields, told.get("status"), answer),
        "latency_s": latency,
    }


def _opaque(key: str | None) -> str | None:
    """Keys stay, secrets do not: what looks like the secret itself is replaced by a digest of it."""
    if key is None or not key.startswith(("sk-", "Bearer ")):
        return key
    return "sha256:" + hashlib.sha256(key.removeprefix("Bearer ").encode()).hexdigest()[:32]


def _digest(fields: Mapping[str, object]) -> str:
    return "line:" + hashlib.sha256(compact(fields).encode("utf-8", "replace")).hexdigest()[:24]


def _header(fields: Mapping[str, object], name: str) -> str | None:
    for holder in (fields, mapping_at(fields, "request")):
        for key, value in mapping_at(holder, "headers").items():
            if key.lower() == name and isinstance(value, str):
                return value
    return None


def _provider(request: Fields, answer: Answer) -> str:
    model = first_text(request, "model") or ""
    anthropic = "system" in request or "anthropic_version" in request or model.startswith("claude")
    return "anthropic" if anthropic or (answer.answer_id or "").startswith("msg_") else "openai"


def _status(fields: Mapping[str, object], told: object, answer: Answer) -> object:
    if number(told) is not None:
        return told
    inner = mapping_at(fields, "response")
    for name in ("status_code", "status"):
        if number(inner.get(name)) is not None:
            return inner[name]
    if answer.error_status is not None:
        return answer.error_status
    return 200 if answer.text is not None else None


def _told(fields: Mapping[str, object], names: Names, *, flat: bool) -> tuple[dict[str, object], float | None]:
    """What the wrapper says, column by column, and the latency in seconds; the first of several names for one counts."""
    told: dict[str, object] = {}
    ranks: dict[str, int] = {}
    latency: float | None = None
    for name, value in fields.items():
        column, rank = names.get(name, ("", 0))
        if not column or value is None or rank >= ranks.get(column, _LAST) or (flat and name == "user"):
            continue
        if column == "latency_s":
            seconds = number(value)
            if seconds is None:
                continue
            latency = seconds / 1000 if name.endswith("_ms") else seconds
        told[column], ranks[column] = value, rank
    return told, latency


PAIRS = Pairs()
