"""What a message says, whichever way an API writes it: a string, or blocks of many types."""

import json
from collections.abc import Mapping

import orjson

_DEPTH = 8  # blocks inside tool results inside blocks: no API nests deeper


def content_text(content: object, depth: int = 0) -> str:
    """
    The text of a message's content: blocks are joined by newlines, calls of tools as `name(arguments)`.

    >>> content_text([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "…"}}])
    'look\\n[image_url]'
    """
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return _block_text(content, depth)
    if isinstance(content, list | tuple) and depth < _DEPTH:
        parts = [content_text(block, depth + 1) for block in content]
        return "\n".join(p for p in parts if p)
    return ""


def _block_text(block: Mapping[str, object], depth: int) -> str:
    for name in ("text", "refusal", "thinking", "data"):
        if isinstance(block.get(name), str):
            return str(block[name])
    if "input" in block or "arguments" in block:
        return call_text(block.get("name"), block.get("input", block.get("arguments")))
    for name in ("content", "output", "summary", "text"):
        if name in block and depth < _DEPTH:
            return content_text(block[name], depth + 1)
    kind = block.get("type")
    return f"[{kind}]" if isinstance(kind, str) else ""


def call_text(name: object, arguments: object) -> str:
    """
    A tool call as text.

    >>> call_text("add", {"a": 1})
    'add({"a":1})'
    """
    shown = arguments if isinstance(arguments, str) else compact(arguments)
    return f"{name if isinstance(name, str) else ''}({shown})"


def compact(value: object) -> str:
    """
    A structure as JSON without spaces; empty where it is nested beyond all reason.

    >>> compact({"a": [1, 2**70]})
    '{"a":[1,1180591620717411303424]}'
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # deeper than orjson goes, or a number wider than 64 bits
        pass
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except RecursionError:
        return ""
