"""What the bodies of answers share, whichever vendor's they are: text, reason of the end, tokens; whole or as a stream."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stillwatch.errors import BadLineError
from stillwatch.ingest.objects import parse
from stillwatch.ingest.requests import first_text, mapping_at
from stillwatch.ingest.text import call_text, content_text

_DATA = re.compile(r"^data: ?(.*)$", re.M)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; None is what the log does not tell."""

    answer_id: str | None = None
    model: str | None = None
    text: str | None = None
    finish_reason: str | None = None
    prompt_tokens: object = None
    completion_tokens: object = None
    reasoning_tokens: object = None
    error_status: int | None = None


def read_answer(body: object) -> Answer:
    """
    An answer from its body, from a recorded stream (a list of chunks, or the event text itself), or from JSON in a string.

    >>> read_answer({"id": "m1", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}).text
    'hi'
    """
    if isinstance(body, str):
        body = _unpacked(body)
    if isinstance(body, list):
        return _streamed([c for c in (_chunk(c) for c in body) if c])
    return _whole(body) if isinstance(body, dict) else Answer()


def _unpacked(text: str) -> object:
    if text.lstrip().startswith(("data:", "event:")):
        return _DATA.findall(text)
    try:
        return parse(text.encode())[0]
    except BadLineError:
        return None


def _chunk(chunk: object) -> Mapping[str, object]:
    if isinstance(chunk, str):
        unpacked = _unpacked(chunk)
        chunk = _chunk(unpacked[-1]) if isinstance(unpacked, list) and unpacked else unpacked
    if not isinstance(chunk, dict):
        return {}
    inner = chunk.get("data")
    return _chunk(inner) if isinstance(inner, str | dict) and "choices" not in chunk and "delta" not in chunk else chunk


def _whole(body: Mapping[str, object]) -> Answer:
    usage = _usage(mapping_at(body, "usage"))
    text, finish = _said(body)
    return replace(
        usage,
        answer_id=first_text(body, "id"),
        model=first_text(body, "model"),
        text=text,
        finish_reason=finish,
        error_status=error_status(body),
    )


def _said(body: Mapping[str, object]) -> tuple[str | None, str | None]:
    choices = _mappings(body.get("choices"))
    if choices:
        texts = [_message_text(c) for c in choices]
        return "\n".join(t for t in texts if t), first_text(choices[0], "finish_reason")
    if "output" in body:
        items = [i for i in _mappings(body.get("output")) if i.get("type") != "reasoning"]
        reason = first_text(mapping_at(body, "incomplete_details"), "reason") or first_text(body, "status")
        return "\n".join(t for t in map(content_text, items) if t), reason
    if "content" in body:
        blocks = body["content"]
        spoken = [b for b in blocks if not _thought(b)] if isinstance(blocks, list) else blocks
        return content_text(spoken), first_text(body, "stop_reason")
    return None, None


def _thought(block: object) -> bool:
    return isinstance(block, dict) and str(block.get("type")).endswith("thinking")


def _message_text(choice: Mapping[str, object]) -> str:
    message = mapping_at(choice, "message")
    parts = [content_text(message.get("content")) or content_text(message.get("refusal")), content_text(choice.get("text"))]
    parts.extend(_calls(message.get("tool_calls")))
    return "\n".join(p for p in parts if p)


def _calls(calls: object) -> Iterator[str]:
    for call in _mappings(calls):
        function = mapping_at(call, "function")
        yield call_text(function.get("name"), function.get("arguments") or "")


def _usage(usage: Mapping[str, object]) -> Answer:
    details = mapping_at(usage, "completion_tokens_details") or mapping_at(usage, "output_tokens_details")
    return Answer(
        prompt_tokens=_prompt_tokens(usage),
        completion_tokens=usage.get("completion_tokens", usage.get("output_tokens")),
        reasoning_tokens=details.get("reasoning_tokens"),
    )


def _prompt_tokens(usage: Mapping[str, object]) -> object:
    """Some count what was read from or written to a cache apart; it is part of the request all the same."""
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"]
    parts = [usage.get(n) for n in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    counted = [p for p in parts if isinstance(p, int)]
    return sum(counted) if counted else None


def error_status(body: Mapping[str, object]) -> int | None:
    """The HTTP status that an error in a body stands for; None where there is none."""
    error = body.get("error")
    if not isinstance(error, dict):
        return None
    for name in ("status", "status_code", "code"):
        code = first_text(error, name)
        if code and code.isdigit() and 400 <= int(code) <= 599:
            return int(code)
    return _ERRORS.get(first_text(error, "type") or "", 500)


_ERRORS: Mapping[str, int] = {  # the vendors' published error types
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def _streamed(chunks: Sequence[Mapping[str, object]]) -> Answer:
    """The answer that the chunks of a stream add up to; a final event that holds the whole answer wins."""
    for chunk in reversed(chunks):
        whole = mapping_at(chunk, "response")
        if whole.get("output"):
            return _whole(whole)
    answer = Answer()
    usage: dict[str, object] = {}
    said = _Said()
    for chunk in chunks:
        message = mapping_at(chunk, "message") or mapping_at(chunk, "response") or chunk
        usage.update(mapping_at(message, "usage"))
        said.add(chunk)
        choices = _mappings(chunk.get("choices"))
        finish = first_text(mapping_at(chunk, "delta"), "stop_reason") or (
            first_text(choices[0], "finish_reason") if choices else None
        )
        answer = replace(
            answer,
            answer_id=answer.answer_id or first_text(message, "id"),
            model=answer.model or first_text(message, "model"),
            finish_reason=finish or answer.finish_reason,
            error_status=error_status(chunk) or answer.error_status,
        )
    counted = _usage(usage)
    return replace(
        answer,
        text=said.text(),
        prompt_tokens=counted.prompt_tokens,
        completion_tokens=counted.completion_tokens,
        reasoning_tokens=counted.reasoning_tokens,
    )


class _Said:
    """Text and calls of tools, gathered from the deltas of a stream; hidden reasoning is left out."""

    def __init__(self) -> None:
        self._texts: dict[object, str] = {}
        self._calls: dict[object, tuple[str, str]] = {}

    def text(self) -> str:
        """As the whole answer would have read."""
        calls = [call_text(name, arguments) for name, arguments in self._calls.values()]
        return "\n".join(t for t in [*self._texts.values(), *calls] if t)

    def add(self, chunk: Mapping[str, object]) -> None:
        """One chunk of any of the three APIs."""
        delta, place = chunk.get("delta"), chunk.get("index", chunk.get("output_index"))
        if isinstance(delta, str):
            if chunk.get("type") in ("response.output_text.delta", "response.refusal.delta"):
                self._speak(place, delta)
        elif isinstance(delta, dict):
            self._speak(place, first_text(delta, "text") or "")
            self._call(place, "", first_text(delta, "partial_json") or "")
        block = mapping_at(chunk, "content_block")
        if block.get("type") == "tool_use":
            self._call(place, first_text(block, "name") or "", "")
        for choice in _mappings(chunk.get("choices")):
            self._add_choice(choice)

    def _add_choice(self, choice: Mapping[str, object]) -> None:
        delta, place = mapping_at(choice, "delta"), choice.get("index")
        self._speak(place, content_text(delta.get("content")) or content_text(choice.get("text")))
        for call in _mappings(delta.get("tool_calls")):
            function = mapping_at(call, "function")
            self._call((place, call.get("index")), first_text(function, "name") or "", first_text(function, "arguments") or "")

    def _speak(self, place: object, text: str) -> None:
        if text:
            self._texts[str(place)] = self._texts.get(str(place), "") + text

    def _call(self, place: object, name: str, arguments: str) -> None:
        if name or arguments:
            old = self._calls.get(str(place), ("", ""))
            self._calls[str(place)] = (old[0] + name, old[1] + arguments)


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
