"""
What a model said, wherever it was said: a prompt, an output, and how likely each token was.

Endpoints and files of texts both turn into this, so that no test knows which of them it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Operand


@dataclass(frozen=True, slots=True)
class TokenScore:
    """
    One token that was written, and what else might have been.

    Args:
        token: As the server spells it.
        log_prob: Natural log of its probability.
        top_tokens: Likeliest tokens, likeliest first, the written one perhaps among them.
        top_log_probs: `(k,)` of these.
        top_ids: Their numbers in the vocabulary, where the server tells.
    """

    token: str
    log_prob: float
    top_tokens: tuple[str, ...] = ()
    top_log_probs: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    top_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """One output to one prompt."""

    prompt: str
    output: str
    tokens: tuple[TokenScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """
    How prompts are put.

    Args:
        prompts: Distinct prompts.
        samples: Outputs a prompt.
        max_tokens: Longest output.
        temperature: 0 for the likeliest token.
        top: Alternatives a token to ask for; 0 for none.
        raw: Continue the prompt as plain text instead of answering it as a chat turn.
    """

    prompts: tuple[str, ...]
    samples: int = 1
    max_tokens: int = 48
    temperature: float = 0.0
    top: int = 0
    raw: bool = False


@runtime_checkable
class Speaker(Protocol):
    """An operand that says things: it can be asked, or it was recorded."""

    @property
    def name(self) -> str:
        """As the person typed it, without credentials."""
        ...

    @property
    def recorded_prompts(self) -> tuple[str, ...] | None:
        """The only prompts it has outputs for; None where it can be asked anything."""
        ...

    def say(self, question: Question) -> list[Spoken]:
        """Outputs to the prompts, grouped by prompt in their order; a recording skips prompts it does not have."""
        ...


def speaker(operand: Operand) -> Speaker:
    """The operand as something that says things."""
    if not isinstance(operand, Speaker):
        raise LineageError(f"{operand.name}: has weights but says nothing: give an endpoint or a file of its outputs")
    return operand


def shared_prompts(speakers: Sequence[Speaker], otherwise: Sequence[str], limit: int) -> tuple[str, ...]:
    """Prompts to which all can answer: those that every recording has, or `otherwise` where none is a recording."""
    recorded = [s.recorded_prompts for s in speakers]
    fixed = [prompts for prompts in recorded if prompts is not None]
    if not fixed:
        return tuple(otherwise[:limit])
    common = set(fixed[0]).intersection(*fixed[1:])
    return tuple(p for p in dict.fromkeys(fixed[0]) if p in common)[:limit]


def read_tokens(tree: object) -> tuple[TokenScore, ...]:
    """
    Token log-probabilities from the two shapes in use: a list of `{token, logprob, top_logprobs}`, or parallel lists.

    Raises:
        ValueError: neither of them, or a log-probability that is no number at most 0.
    """
    if isinstance(tree, dict) and isinstance(tree.get("content"), list):
        return tuple(_from_object(item) for item in tree["content"])
    if isinstance(tree, dict) and isinstance(tree.get("token_logprobs"), list):
        return _from_lists(tree)
    if isinstance(tree, list):
        return tuple(_from_object(i) if isinstance(i, dict) else TokenScore("", _log_prob(i)) for i in tree)
    raise ValueError("log-probabilities come in no shape that Stillwatch reads")


def _from_object(item: Any) -> TokenScore:
    if not isinstance(item, dict):
        raise ValueError("a token's log-probability is not an object")
    tops = sorted(item.get("top_logprobs") or (), key=lambda t: -_log_prob(t.get("logprob")))
    ids = tuple(t.get("id") for t in tops)
    return TokenScore(
        str(item.get("token", "")),
        _log_prob(item.get("logprob")),
        tuple(str(t.get("token", "")) for t in tops),
        np.array([_log_prob(t.get("logprob")) for t in tops], dtype=np.float64),
        ids if ids and all(isinstance(i, int) for i in ids) else None,
    )


def _from_lists(tree: dict[str, Any]) -> tuple[TokenScore, ...]:
    tokens = tree.get("tokens") or [""] * len(tree["token_logprobs"])
    tops = tree.get("top_logprobs") or [None] * len(tokens)
    scores = []
    for token, value, top in zip(tokens, tree["token_logprobs"], tops, strict=True):
        if value is None:
            continue  # the first token of an echoed prompt has no probability
        ranked = sorted((top or {}).items(), key=lambda kv: -_log_prob(kv[1]))
        values = np.array([_log_prob(v) for _, v in ranked], dtype=np.float64)
        scores.append(TokenScore(str(token), _log_prob(value), tuple(str(t) for t, _ in ranked), values))
    return tuple(scores)


def _log_prob(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value <= 1e-6:
        raise ValueError("a log-probability is not a number at most 0")
    return min(float(value), 0.0)
