"""
How a harvest is made to look like an account's own traffic, and its templates unlike each other: writers around writers.

Personas and entities make one account's requests share rare words that no other account has; output
contracts vary what a harvester's parser reads.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.worlds.cast import People
from stillwatch.worlds.grammar import Context, Grammar
from stillwatch.worlds.hashing import U64, below, mix, unit
from stillwatch.worlds.lexicon import TOPICS
from stillwatch.worlds.writers import language_of
from stillwatch.worlds.writing import Rows, Writer, Written

I64 = npt.NDArray[np.int64]

PERSONAS = 2  # people that one account pretends to be
ENTITIES = 3  # names that it pads with

_KEYS = (
    *("answer", "reasoning", "steps", "result", "score", "rationale", "summary", "verdict", "confidence", "evidence"),
    *("output", "plan", "code", "notes", "label", "explanation", "final", "critique", "sources", "category"),
)
_FORMS = (
    "Return JSON with the keys {0}, {1} and {2}.",
    "Reply with one JSON object: {0}, {1}, {2}.",
    "Wrap the {0} in <{0}> tags and the {1} in <{1}> tags.",
    "Write the {0} between [{0}] and [/{0}], then the {1}.",
    "Answer as YAML with the fields {0}, {1}, {2}.",
    "Print {0}: and {1}: on lines of their own.",
    "Use the headings ## {0} and ## {1}.",
    "Give the {0}, a line of three dashes, then the {1}.",
    "Fill a table with the columns {0} | {1} | {2}.",
    "Close with a line that starts with {0} =.",
    "State the {0} on a scale of 1 to {3} and add the {1}.",
    "End with {0}: followed by a number from 0 to {3}.",
)


def contracts(seeds: U64) -> pa.Array:
    """One output contract a seed: what a harvester's parser relies on."""
    picks = [below(mix(seeds, place), len(_KEYS)).tolist() for place in range(3)]
    forms, scales = below(mix(seeds, 3), len(_FORMS)).tolist(), below(mix(seeds, 4), 99).tolist()
    out = []
    for form, a, b, c, scale in zip(forms, *picks, scales, strict=True):
        keys = [_KEYS[a], _KEYS[(a + 1 + b % (len(_KEYS) - 1)) % len(_KEYS)], _KEYS[c]]
        out.append(_FORMS[form].format(*keys, scale + 2))
    return pa.array(out, pa.string())


@dataclass(frozen=True)
class Contracted:
    """
    What another writer writes, with an output contract after it.

    Args:
        body: Writes the rest.
        bank: Contracts; which one is a function of the item.
    """

    body: Writer
    bank: pa.Array

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The body and a contract."""
        inner = self.body.write(grammar, people, rows)
        told = self.bank.take(pa.array(below(mix(rows.item, 57), len(self.bank))))
        return _with_prompt(inner, pc.binary_join_element_wise(inner.prompt, told, "\n\n"))


@dataclass(frozen=True)
class Padded:
    """
    What another writer writes, after a persona or a name that is the account's own.

    Args:
        body: Writes the rest.
        persona, entity: Shares of rows that open with the one and with the other.
    """

    body: Writer
    persona: float
    entity: float

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """Persona, entity, body."""
        inner = self.body.write(grammar, people, rows)
        prompt = inner.prompt
        for family, share, names, salt in (("note", self.entity, ENTITIES, 81), ("persona", self.persona, PERSONAS, 82)):
            if share:
                said = self._said(grammar, people, rows, family, names, salt)
                with_it = pa.array(unit(mix(rows.item, rows.conversation, salt)) < share)
                prompt = pc.if_else(with_it, pc.binary_join_element_wise(said, prompt, "\n\n"), prompt)
        return _with_prompt(inner, prompt)

    @staticmethod
    def _said(grammar: Grammar, people: People, rows: Rows, family: str, names: int, salt: int) -> pa.Array:
        own = people.context[rows.account]
        name = mix(own, salt, below(mix(rows.conversation, salt, 1), names))
        topic = below(mix(name, 21), len(TOPICS))
        return grammar.write(family, Context(language_of(own), topic, name, name), mix(name, salt), np.ones(len(own), np.int64))


def _with_prompt(written: Written, prompt: pa.Array) -> Written:
    return Written(prompt, written.system, written.response, written.tools, written.end_user)
