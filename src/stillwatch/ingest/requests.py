"""What the bodies of requests share, whichever vendor's they are: turns, system prompt, effort."""

from collections.abc import Mapping
from dataclasses import dataclass

from stillwatch.ingest.text import call_text, content_text

SYSTEM_ROLES = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class Turns:
    """
    A request's turns.

    Args:
        system: The system prompt, from wherever the API puts it; None where there is none.
        messages: The other turns, oldest first; leading system turns are in `system` and not repeated here.
    """

    system: str | None
    messages: list[dict[str, str]] | None


def mapping_at(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    """The object below a name; an empty one where there is something else."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def first_text(fields: Mapping[str, object], *names: str) -> str | None:
    """The first of the names that holds a string with something in it, or a whole number."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def read_turns(given: object, system: object = None) -> Turns:
    """
    Turns from a list of messages or items, or from one string; `system` is what the API keeps apart.

    >>> read_turns([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}])
    Turns(system='Be brief.', messages=[{'role': 'user', 'content': 'Why?'}])
    >>> read_turns("Why?", "Be brief.").messages
    [{'role': 'user', 'content': 'Why?'}]
    """
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    turns = [_turn(i) for i in items if isinstance(i, dict)] if isinstance(items, list) else None
    parts = [content_text(system)]
    while turns and turns[0]["role"] in SYSTEM_ROLES:
        parts.append(turns.pop(0)["content"])
    return Turns("\n\n".join(p for p in parts if p) or None, turns)


def _turn(item: Mapping[str, object]) -> dict[str, str]:
    role = item.get("role")
    parts = [content_text(item.get("content")) if "content" in item else content_text(item)]
    for call in _list(item.get("tool_calls")):
        function = mapping_at(call, "function")
        parts.append(call_text(function.get("name"), function.get("arguments")))
    parts += _sealed(item)
    return {"role": _role(item, role), "content": "\n".join(p for p in parts if p)}


_SEALS = ("signature", "encrypted_content", "thought_signature", "thoughtSignature")


def _sealed(item: Mapping[str, object]) -> list[str]:
    """Reasoning that a provider encrypted or signed and a client sends back: of the turn, its blocks and its details."""
    blocks = [item, *_list(item.get("content"))]
    found = [b[name] for b in blocks for name in _SEALS if name in b]
    found += [d[name] for d in _list(item.get("reasoning_details")) for name in ("data", "signature") if name in d]
    return [s for s in found if isinstance(s, str)]


def _role(item: Mapping[str, object], role: object) -> str:
    """A user turn that only hands back what tools said is the tools'; items without a role are the model's own."""
    blocks = _list(item.get("content"))
    if str(item.get("type") or "").endswith("_output") or (blocks and all(b.get("type") == "tool_result" for b in blocks)):
        return "tool"
    return role if isinstance(role, str) else "assistant"


def _list(value: object) -> list[Mapping[str, object]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def effort(asked: Mapping[str, object]) -> str | None:
    """
    How much reasoning was asked for: a word, or a budget of tokens.

    >>> effort({"reasoning": {"effort": "high"}}), effort({"thinking": {"type": "enabled", "budget_tokens": 2048}})
    ('high', '2048')
    """
    for fields, names in (
        (asked, ("reasoning_effort",)),
        (mapping_at(asked, "reasoning"), ("effort", "max_tokens")),
        (mapping_at(asked, "output_config"), ("effort",)),
        (mapping_at(asked, "thinking"), ("budget_tokens", "type")),
    ):
        found = first_text(fields, *names)
        if found is not None:
            return found
    return None
