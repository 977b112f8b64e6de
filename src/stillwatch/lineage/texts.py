"""Outputs of a model in a JSON Lines file: one `{prompt, output, logprobs?}` a line."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Offer
from stillwatch.lineage.speech import Question, Spoken, read_tokens

_LARGEST_FILE = 1 << 31


@dataclass(frozen=True)
class Texts:
    """
    What a model said to prompts somebody else chose.

    Args:
        name: As the person typed it.
        lines: In file order.
        sha256: Of the file.
    """

    name: str
    lines: tuple[Spoken, ...]
    sha256: str

    @property
    def offers(self) -> frozenset[Offer]:
        """Texts, and log-probabilities where every line has them."""
        scored = {Offer.LOGPROBS} if all(line.tokens for line in self.lines) else set()
        return frozenset({Offer.TEXTS} | scored)

    def digests(self) -> Mapping[str, str]:
        """The file's SHA-256."""
        return {self.name: self.sha256}

    @property
    def recorded_prompts(self) -> tuple[str, ...]:
        """Distinct prompts in file order."""
        return tuple(dict.fromkeys(line.prompt for line in self.lines))

    def say(self, question: Question) -> list[Spoken]:
        """At most `question.samples` recorded outputs a prompt; other wishes were settled when they were recorded."""
        by_prompt: dict[str, list[Spoken]] = {prompt: [] for prompt in question.prompts}
        for line in self.lines:
            kept = by_prompt.get(line.prompt)
            if kept is not None and len(kept) < question.samples:
                kept.append(line)
        return [line for kept in by_prompt.values() for line in kept]


def read_texts(path: Path) -> Texts:
    """
    Read a file of outputs.

    Raises:
        LineageError: unreadable, empty, or a line without `prompt` or `output`; named by file and line only.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise LineageError(f"{path}: larger than 2 GiB. Give a sample of its lines")
        raw = path.read_bytes()
    except OSError as error:
        raise LineageError(f"{path}: cannot be read ({error.strerror})") from error
    lines = tuple(_line(line, path, number) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip())
    if not lines:
        raise LineageError(f"{path}: holds no line. Give one JSON object a line: prompt, output, and logprobs if you have them")
    return Texts(str(path), lines, hashlib.sha256(raw).hexdigest())


def _line(raw: bytes, path: Path, number: int) -> Spoken:
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise LineageError(f"{path}:{number}: not JSON. Give one JSON object a line: prompt, output, logprobs?") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("prompt"), str) or not isinstance(tree.get("output"), str):
        raise LineageError(f"{path}:{number}: a line needs 'prompt' and 'output', both strings")
    try:
        tokens = read_tokens(tree["logprobs"]) if tree.get("logprobs") is not None else ()
    except (ValueError, AttributeError, TypeError) as error:
        raise LineageError(
            f"{path}:{number}: 'logprobs' is neither a list of numbers nor a list of objects with token and logprob"
        ) from error
    return Spoken(tree["prompt"], tree["output"], tokens)
