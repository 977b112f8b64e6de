"""
What an endpoint gives away about itself: model ids, headers, error texts, and tokens that only some families have.

A leaked name is the server's own claim, right or wrong; it can point to a candidate, and it never excludes one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

import orjson

from stillwatch.lineage.base import Given, Needs, Offer, Operand, Part, Result, Skipped, Verdict, as_class
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.transport import Reply

_LONGEST_SHOWN = 120

# family -> how its models are named in ids, file names and chat markers; the longest names first where one contains another
FAMILIES: tuple[tuple[str, str], ...] = (
    ("SmolLM", r"smol[-_ ]?lm"),
    ("Kimi", r"kimi|moonshot"),
    ("Qwen", r"qwen|qwq"),
    ("DeepSeek", r"deep[-_ ]?seek|<｜(?:User|Assistant)｜>"),
    ("Gemma", r"gemma|<start_of_turn>"),
    ("Mixtral", r"mixtral"),
    ("Mistral", r"mistral|ministral|devstral|codestral"),
    ("GLM", r"(?<![a-z])glm[-_ ]?\d|chatglm|zhipu|\[gMASK\]"),
    ("MiniMax", r"minimax"),
    ("gpt-oss", r"gpt[-_]?oss|<\|channel\|>"),
    ("GPT", r"(?<![a-z])gpt[-_ ]?[3-9]|(?<![a-z])o[134]-(?:mini|preview)|openai/"),
    ("Claude", r"claude|anthropic"),
    ("Gemini", r"gemini"),
    ("Grok", r"(?<![a-z])grok"),
    ("Phi", r"(?<![a-z])phi[-_ ]?[1-9]"),
    ("Nemotron", r"nemotron"),
    ("Falcon", r"falcon"),
    ("OLMo", r"olmo"),
    ("Granite", r"granite"),
    ("Yi", r"(?<![a-z])yi[-_ ]?(?:\d|large)"),
    ("Command", r"command[-_ ]?[ra](?![a-z])|cohere"),
    ("Llama", r"(?<!o)llama(?![._-]?cpp|[._-]?server|-?index)|<\|eot_id\|>"),
)
SERVERS: tuple[tuple[str, str], ...] = (
    ("llama.cpp", r"llama[._-]?cpp|llamacpp|exceed_context_size_error"),
    ("vLLM", r"vllm|maximum context length is \d+ tokens"),
    ("SGLang", r"sglang"),
    ("TGI", r"text-generation-inference|x-compute-type"),
    ("Ollama", r"ollama"),
    ("LiteLLM", r"litellm"),
    ("OpenRouter", r"openrouter"),
    ("Bedrock", r"x-amzn-bedrock|bedrock"),
    ("Azure", r"x-ms-(?:region|deployment)|apim-request-id"),
)

# Requests that a server must refuse: how it does so names its software, and some quote the model behind an alias.
_MALFORMED: tuple[tuple[str, dict[str, object]], ...] = (
    ("error on missing messages", {}),
    ("error on a wrong type", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": "many"}),
    ("error on an unknown role", {"messages": [{"role": "stillwatch", "content": "hi"}], "max_tokens": 1}),
)


@dataclass(frozen=True, slots=True)
class Trace:
    """One place in which the server speaks of itself, and what it says there."""

    place: str
    text: str


@dataclass(frozen=True)
class Wire:
    """
    Read what the server says of itself, and hold it against the candidates' names.

    Works where somebody forgot to hide an id. Blind to anybody who did not, and as easily forged as written.
    Cost: one answer, one list of models, three malformed requests.
    """

    name: ClassVar[str] = "wire"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(frozenset({Offer.ENDPOINT})),)

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Compatible* where a leaked name is of the base's family, else *no power*."""
        endpoint = as_class(suspect, Endpoint)
        traces = gather(endpoint)
        named = {family: trace for trace in traces for family in find(FAMILIES, hide_asked(trace.text, endpoint.model))}
        servers = sorted({server for trace in traces for server in find(SERVERS, trace.text)})
        for base in bases:
            verdict, words = _judge(base.name, named)
            yield Result(
                test=self.name,
                suspect=suspect.name,
                base=base.name,
                verdict=verdict,
                sentence=words + (f" The server looks like {' or '.join(servers)}." if servers else ""),
                null="none: names are read, not drawn",
                exact=False,
                n=len(traces),
                assumptions=("nobody forged what the server says of itself",),
                parts=tuple(_part(trace, endpoint.model) for trace in traces),
            )


def gather(endpoint: Endpoint) -> list[Trace]:
    """Everything the server says of itself; a place it does not have is left out."""
    traces = _from_answer(endpoint) + _from_models(endpoint)
    for place, body in _MALFORMED:
        raw = orjson.dumps({"model": endpoint.model, **body}, option=orjson.OPT_SORT_KEYS)
        reply = endpoint.once("POST", "/chat/completions", raw)
        if reply is not None and reply.status != 200:
            traces.append(Trace(place, reply.body.decode("utf-8", "replace")))
    return [trace for trace in traces if trace.text.strip()]


def find(table: Sequence[tuple[str, str]], text: str) -> list[str]:
    """
    Names of a table whose pattern occurs in the text.

    >>> find(FAMILIES, "/models/Kimi-K2-Instruct"), find(FAMILIES, "llama.cpp")
    (['Kimi'], [])
    """
    return [name for name, pattern in table if re.search(pattern, text, re.IGNORECASE)]


def hide_asked(text: str, model: str) -> str:
    """
    The text without the model name that was asked for: an echo tells nothing.

    >>> hide_asked("no such model: qwen-max", "qwen-max")
    'no such model: '
    """
    return re.sub(re.escape(model), "", text, flags=re.IGNORECASE)


def known_as(operand: str) -> str:
    """
    What an operand calls its model: the model of an address, the last two parts of a path. A user's home is no family.

    >>> known_as("/home/qwen/models/Kimi-K2/model.gguf"), known_as("https://qwen.example/v1#glm-4.6")
    ('Kimi-K2/model.gguf', 'glm-4.6')
    """
    if operand.startswith(("http://", "https://")):
        return operand.partition("#")[2]
    return "/".join(PurePath(operand).parts[-2:])


def _from_answer(endpoint: Endpoint) -> list[Trace]:
    body = {"model": endpoint.model, "messages": [{"role": "user", "content": "Say yes."}], "max_tokens": 4, "temperature": 0.0}
    reply = endpoint.exchange("POST", "/chat/completions", orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
    headers = [Trace(f"header {name}", f"{name}: {value}") for name, value in sorted(reply.headers.items()) if _telling(name)]
    tree = _object(reply)
    fields = ("model", "system_fingerprint", "provider", "owned_by")
    return [Trace(f"'{f}' of an answer", str(tree[f])) for f in fields if isinstance(tree.get(f), str)] + headers


def _from_models(endpoint: Endpoint) -> list[Trace]:
    reply = endpoint.once("GET", "/models")
    tree = _object(reply) if reply is not None else {}
    rows = tree.get("data")
    told = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    mine = told if len(told) == 1 else [row for row in told if row.get("id") == endpoint.model]
    fields = ("id", "root", "parent", "owned_by")
    return [Trace(f"'{f}' in the list of models", str(row[f])) for row in mine for f in fields if isinstance(row.get(f), str)]


def _object(reply: Reply) -> dict[str, object]:
    try:
        tree = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _telling(header: str) -> bool:
    return header in {"server", "via", "openai-organization"} or (header.startswith("x-") and "request-id" not in header)


def _judge(base: str, named: dict[str, Trace]) -> tuple[Verdict, str]:
    own = find(FAMILIES, known_as(base))
    for family in own:
        if family in named:
            return (
                Verdict.COMPATIBLE,
                f"The server names {family}, the family of {base}, in {named[family].place}: its own claim.",
            )
    if named:
        return Verdict.NO_POWER, f"The server names {' and '.join(sorted(named))}, which is not how {base} is named."
    return Verdict.NO_POWER, "The server names no family of models that Stillwatch knows."


def _part(trace: Trace, model: str) -> Part:
    shown = "".join(c if c.isprintable() else " " for c in trace.text)[:_LONGEST_SHOWN]
    families = find(FAMILIES, hide_asked(trace.text, model))
    return Part(trace.place, 1, float(len(families)), None, f"{shown}{' · ' + ', '.join(families) if families else ''}")
