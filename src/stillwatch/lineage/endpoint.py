"""
A model behind an OpenAI-compatible address: asked patiently, never twice for the same thing, and not believed blindly.

What it reports of itself (model id, usage) is the server's claim. `usage_faults` says where the claim contradicts itself.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from stillwatch.errors import EndpointError, LineageError, QuestionError
from stillwatch.lineage.answers import Answers, question_digest
from stillwatch.lineage.base import Offer
from stillwatch.lineage.patience import PASSING_STATUSES, Pace, Patience, retry_after_s
from stillwatch.lineage.speech import Question, Spoken, read_tokens
from stillwatch.lineage.transport import Fault, Reply, Transport

_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counts them; None where it does not say."""

    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None


@dataclass(frozen=True)
class Endpoint:
    """
    One model behind one address.

    Args:
        transport: Reaches the server.
        model: Model name to ask for.
        answers: Kept answers.
        patience: Retries and pace.
        parallel: Questions under way at once.
    """

    transport: Transport
    model: str
    answers: Answers = field(default_factory=Answers)
    patience: Patience = field(default_factory=Patience)
    parallel: int = 4
    pace: Pace | None = None
    _pace: Pace = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.model:
            raise LineageError(f"{self.transport.address}: which model? Write the address as https://host/v1#MODEL")
        object.__setattr__(self, "_pace", self.pace or Pace(self.patience.per_minute))

    @property
    def name(self) -> str:
        """Address and model, without credentials."""
        return f"{self.transport.address}#{self.model}"

    @property
    def offers(self) -> frozenset[Offer]:
        """It can be asked; whether it tells log-probabilities is known only after asking."""
        return frozenset({Offer.ENDPOINT, Offer.TEXTS, Offer.LOGPROBS})

    def digests(self) -> Mapping[str, str]:
        """SHA-256 over all its answers so far."""
        return {self.name: self.answers.digest()}

    @property
    def recorded_prompts(self) -> None:
        """It can be asked anything."""
        return

    def say(self, question: Question) -> list[Spoken]:
        """
        Put every prompt, `samples` times each.

        Raises:
            EndpointError: the server refuses, or gives no usable answer after all tries; answers so far are kept.
        """
        asked = [(prompt, sample) for prompt in question.prompts for sample in range(question.samples)]
        return self._each([partial(self._say_one, question, prompt, sample) for prompt, sample in asked])

    def count_tokens(self, texts: Sequence[str], sample: int = 0) -> list[Usage]:
        """What the server says it costs to read each text as one chat turn (one token is asked for)."""
        bodies = [_chat_body(self.model, text, 1, 0.0, 0, 0) for text in texts]
        return [_usage(tree) for tree in self._each([partial(self.post, "/chat/completions", b, sample) for b in bodies])]

    def echo(self, texts: Sequence[str]) -> list[Spoken]:
        """Each text with the log-probabilities of its own tokens; the server must support `echo`."""
        bodies = [
            {"model": self.model, "prompt": t, "max_tokens": 0, "echo": True, "logprobs": 1, "temperature": 0.0} for t in texts
        ]
        replies = self._each([partial(self.post, "/completions", body) for body in bodies])
        return [self._completion(text, tree) for text, tree in zip(texts, replies, strict=True)]

    def post(self, path: str, body: Mapping[str, Any], sample: int = 0) -> dict[str, Any]:
        """A question's answer as JSON; any status but 200 is an error."""
        reply = self.exchange("POST", path, orjson.dumps(body, option=orjson.OPT_SORT_KEYS), sample)
        if reply.status != 200:
            kind = EndpointError if reply.status in _REFUSED else QuestionError
            raise kind(f"{self.name}: {path} answered with status {reply.status}. {_hint(reply.status)}")
        tree = orjson.loads(reply.body)
        if not isinstance(tree, dict):
            raise QuestionError(f"{self.name}: {path} answered with JSON that is no object")
        return tree

    def once(self, method: str, path: str, body: bytes = b"") -> Reply | None:
        """One question without retries, for questions that a server may well choke on; None where no whole answer comes."""
        question = question_digest(self.transport.address, method, path, body, 0)
        kept = self.answers.get(question)
        if kept is not None:
            return kept
        self._pace.take_turn()
        said = self.transport.send(method, path, body or None)
        if isinstance(said, Fault) or said.status == 429:
            return None
        self.answers.put(question, said)
        return said

    def exchange(self, method: str, path: str, body: bytes = b"", sample: int = 0) -> Reply:
        """
        One question with retries; the whole answer, whatever its status.

        Raises:
            EndpointError: no usable answer after all tries.
        """
        question = question_digest(self.transport.address, method, path, body, sample)
        kept = self.answers.get(question)
        if kept is not None:
            return kept
        reply = self._ask_until_answered(method, path, body, random.Random(question))  # noqa: S311  # jitter, not a secret
        if reply.status == 200:  # a refusal may be mended before the next run
            self.answers.put(question, reply)
        return reply

    def _ask_until_answered(self, method: str, path: str, body: bytes, luck: random.Random) -> Reply:
        for tries in range(1, self.patience.attempts + 1):
            self._pace.take_turn()
            said = self.transport.send(method, path, body or None)
            fault, asked_s = _fault(said)
            if fault is None:
                assert isinstance(said, Reply)
                return said
            if not fault.passing or (asked_s or 0.0) > self.patience.longest_wait_s:
                wait = f" and asks to wait {asked_s:.0f} s" if asked_s else ""
                raise EndpointError(f"{self.name}: {path}: {fault.reason}{wait}. {self._kept_words()}")
            if tries < self.patience.attempts:
                self._wait(tries, asked_s, luck)
            last = fault.reason
        raise EndpointError(f"{self.name}: {path}: {last}, {self.patience.attempts} times. {self._kept_words()}")

    def _wait(self, tries: int, asked_s: float | None, luck: random.Random) -> None:
        wait_s = self.patience.wait_s(tries, asked_s, luck)
        if asked_s is None:
            self._pace.wait(wait_s)
        else:
            self._pace.pause(wait_s)  # a rate limit is everybody's

    def _kept_words(self) -> str:
        return f"{len(self.answers)} answers are kept: run the same command again to go on from there"

    def _each(self, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
        with ThreadPoolExecutor(self.parallel) as pool:
            futures = [pool.submit(job) for job in jobs]
            try:
                return [future.result() for future in futures]
            except BaseException:  # an error, or a person who has had enough: ask nothing more
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _say_one(self, question: Question, prompt: str, sample: int) -> Spoken:
        build = _raw_body if question.raw else _chat_body
        seed = int(question_digest(self.name, "", prompt, b"", sample)[:8], 16) >> 1  # 31 bits: what servers take
        body = build(self.model, prompt, question.max_tokens, question.temperature, question.top, seed)
        return self._completion(prompt, self.post("/completions" if question.raw else "/chat/completions", body, sample))

    def _completion(self, prompt: str, tree: Mapping[str, Any]) -> Spoken:
        try:
            choice = tree["choices"][0]
            text = choice["text"] if "text" in choice else choice["message"].get("content")
            scored = choice.get("logprobs")
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise QuestionError(f"{self.name}: an answer has no 'choices' as the protocol asks. Is the address right?") from error
        try:
            return Spoken(prompt, str(text or ""), read_tokens(scored) if scored else ())
        except (ValueError, TypeError, AttributeError) as error:
            raise QuestionError(
                f"{self.name}: it sends log-probabilities that are none (missing, above 0, or in no known shape)"
            ) from error


def usage_faults(usage: Usage, text: str, max_tokens: int) -> Iterator[str]:
    """In words, each way in which one reported usage cannot be true."""
    if usage.prompt_tokens is None:
        yield "it reports no prompt_tokens"
        return
    if usage.prompt_tokens <= 0:
        yield "it reports 0 tokens for a text that is not empty"
    if usage.completion_tokens is not None and usage.completion_tokens > max(max_tokens, 1):
        yield f"it counts {usage.completion_tokens} answer tokens where {max_tokens} were allowed"
    parts = (usage.prompt_tokens, usage.completion_tokens)
    if usage.total_tokens is not None and None not in parts and usage.total_tokens != sum(p or 0 for p in parts):
        yield "its total_tokens is not prompt_tokens plus completion_tokens"


def _chat_body(model: str, prompt: str, max_tokens: int, temperature: float, top: int, seed: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": max_tokens,
        "temperature": temperature,
        "seed": seed,
    }
    return body | ({"logprobs": True, "top_logprobs": top} if top else {})


def _raw_body(model: str, prompt: str, max_tokens: int, temperature: float, top: int, seed: int) -> dict[str, Any]:
    body = {"model": model, "prompt": prompt, "max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    return body | ({"logprobs": top} if top else {})


def _usage(tree: Mapping[str, Any]) -> Usage:
    told = tree.get("usage")
    if not isinstance(told, dict):
        return Usage(None, None, None)
    return Usage(*(_count(told.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _fault(said: Reply | Fault) -> tuple[Fault | None, float | None]:
    """Why this is not an answer yet, and how long the server asks to wait."""
    if isinstance(said, Fault):
        return said, None
    if said.status in PASSING_STATUSES:
        return Fault(f"status {said.status}"), retry_after_s(said.headers.get("retry-after"), datetime.now(UTC))
    if said.status == 200:
        try:
            orjson.loads(said.body)
        except orjson.JSONDecodeError:
            return Fault("an answer that is not JSON"), None
    return None, None


def _hint(status: int) -> str:
    if status in _REFUSED:
        return "The API key is missing or not accepted: set the variable that --api-key-env names"
    if status == 404:
        return "Check address and model name; the address usually ends in /v1"
    return "The server refuses this question"
