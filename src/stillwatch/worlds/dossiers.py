"""Longer requests: answers to be graded, traces to be cleaned, reasoning blobs that are sent back, work with tool results."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.worlds.cast import People
from stillwatch.worlds.grammar import Context, Grammar
from stillwatch.worlds.hashing import U64, below, mix, unit
from stillwatch.worlds.writers import nothing, own_context, sentences
from stillwatch.worlds.writing import Rows, Writer, Written

I64 = npt.NDArray[np.int64]

_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
BLOB_CHARS = 96


def blobs(seeds: U64) -> pa.Array:
    """Opaque strings in the alphabet of base64, as providers hand out encrypted reasoning; one a seed."""
    out = _ALPHABET[np.stack([below(mix(seeds, place), 64) for place in range(BLOB_CHARS)], 1)]
    offsets = np.arange(len(seeds) + 1, dtype=np.int32) * BLOB_CHARS
    return pa.StringArray.from_buffers(len(seeds), pa.py_buffer(offsets), pa.py_buffer(out.tobytes()))


@dataclass(frozen=True)
class Sections:
    """
    A question, and after it texts that a model is said to have written about it.

    Args:
        body: Writes the question.
        labels: What stands before each text.
        mean_sentences: Of each text.
    """

    body: Writer
    labels: tuple[str, ...]
    mean_sentences: float = 5.0

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """Question and texts; the first text is the corpus's own answer, where it has one."""
        inner = self.body.write(grammar, people, rows)
        about = own_context(mix(rows.item, 51), rows.item)
        prompt = inner.prompt
        for place, label in enumerate(self.labels):
            seed = mix(rows.item, 63, place)
            said = grammar.write("say", about, seed, 1 + sentences(seed, self.mean_sentences))
            if place == 0 and inner.response is not None:
                said = pc.coalesce(inner.response, said)
            prompt = pc.binary_join_element_wise(prompt, pc.binary_join_element_wise(pa.scalar(label), said, "\n"), "\n\n")
        return Written(prompt, inner.system)


@dataclass(frozen=True)
class Replaying:
    """
    Requests that send reasoning blobs of other sessions.

    Args:
        body: Writes the rest.
        n_blobs: Blobs that the campaign holds.
        across: Share of requests with a blob that any account may send; the others send one of their account's own.
        seed: Of the campaign.
    """

    body: Writer
    n_blobs: int
    across: float
    seed: int

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The body and a blob."""
        inner = self.body.write(grammar, people, rows)
        pick = below(mix(rows.item, rows.conversation, 83), self.n_blobs)
        shared = unit(mix(rows.item, rows.conversation, 84)) < self.across
        owner = np.where(shared, np.uint64(0), people.unique[rows.account])
        return Written(_with_blob(inner.prompt, blobs(mix(self.seed, owner, pick))), inner.system)


@dataclass(frozen=True)
class Stateless:
    """Turns of a client that sends back, from its second turn on, the blob of the turn before: what providers ask for."""

    body: Writer

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The body, and the conversation's own blob."""
        inner = self.body.write(grammar, people, rows)
        own = _with_blob(inner.prompt, blobs(mix(rows.conversation, rows.turn, 85)))
        return Written(pc.if_else(pa.array(rows.turn > 0), own, inner.prompt), inner.system, inner.response)


def _with_blob(prompt: pa.Array, blob: pa.Array) -> pa.Array:
    """Before the prompt: a blob at the end would tell by how the text ends."""
    return pc.binary_join_element_wise(pc.binary_join_element_wise(pa.scalar("reasoning:"), blob, " "), prompt, "\n\n")


@dataclass(frozen=True)
class Trajectory:
    """
    Work with tools: the first turn is a task, every later one what a tool gave back. All turns have the item of the first.

    Args:
        task: Writes the first turn.
        tools: Place in TOOL_SETS.
        systems: System prompts; which one is a function of the item.
    """

    task: Writer
    tools: int
    systems: pa.Array

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """Tasks and results."""
        n = len(rows.item)
        first, later = np.flatnonzero(rows.turn == 0), np.flatnonzero(rows.turn > 0)
        seed = mix(rows.conversation, rows.turn, 64)[later]
        about = own_context(mix(rows.item, 51), rows.conversation)
        context = Context(np.zeros(len(later), np.int64), about.topic[later], about.first[later], about.second[later])
        told = self.task.write(
            grammar, people, Rows(rows.account[first], rows.item[first], rows.conversation[first], rows.turn[first])
        )
        texts = pa.concat_arrays([told.prompt, grammar.write("tool", context, seed, sentences(seed, 5.0))])
        back = np.empty(n, np.int64)
        back[np.concatenate([first, later])] = np.arange(n)
        system = self.systems.take(pa.array(below(mix(rows.item, 52), len(self.systems)))) if len(self.systems) else nothing(n)
        return Written(texts.take(pa.array(back)), system, tools=np.full(n, self.tools))


@dataclass(frozen=True)
class EndUsers:
    """
    What another writer writes, each request in the name of one of some end users.

    Args:
        body: Writes the request.
        n: End users.
        first: Number of the first, beyond those of honest ones.
    """

    body: Writer
    n: int
    first: int

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The body and its end user."""
        inner = self.body.write(grammar, people, rows)
        user = self.first + below(mix(rows.item, 86), self.n)
        seed = mix(people.context[rows.account], 91, user)
        return Written(inner.prompt, inner.system, inner.response, inner.tools, seed)
