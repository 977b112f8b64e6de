"""The library of the shipped grammars: endless, ours to give away, the same on every machine."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.grammar import Context, Grammar
from stillwatch.worlds.hashing import U64, mix, tag
from stillwatch.worlds.library import Pool, Script
from stillwatch.worlds.writers import Bare, Chat, Framed, Gateway, language_of, own_context, rules, sentences
from stillwatch.worlds.writing import Writer

I64 = npt.NDArray[np.int64]


def turn_item(seed: int, conversation: U64, turn: I64) -> U64:
    """The item of a turn that no corpus has."""
    return mix(seed, tag("turn"), conversation, turn)


class GrammarLibrary:
    """
    Text from grammars.

    Args:
        grammar: The shipped languages.
        seed: Of the world.
    """

    def __init__(self, grammar: Grammar, seed: int) -> None:
        self._grammar = grammar
        self._seed = seed
        self.own: Writer = Chat()
        self.end_users: Writer = Gateway()

    def script(
        self, rng: np.random.Generator, counts: I64, burst_mean: npt.NDArray[np.float64], one_customer: npt.NDArray[np.bool_]
    ) -> Script:
        """Conversations of geometric length."""
        opens = rng.random(int(counts.sum())) < np.repeat(1.0 / burst_mean, counts)
        opens[(np.cumsum(counts) - counts)[counts > 0]] = True
        return Script(opens, None)

    def earlier(self, conversation: U64, item: U64, turn: I64, wanted: I64) -> U64:
        """Turns are made from conversation and number."""
        return turn_item(self._seed, conversation, wanted)

    def instructions(self, rng: np.random.Generator, n: int, use: str, mean: float, language: int | None = None) -> pa.Array:
        """Rules, all in one language; every use has the same grammar."""
        seeds = mix(int(rng.integers(1, 1 << 62)), np.arange(n))
        chosen = language_of(seeds[:1])[0] if language is None else language
        return rules(self._grammar, seeds, mean, np.full(n, chosen))

    def plain(self, rng: np.random.Generator, n: int, language: int | None = None) -> Pool:
        """Tasks, all in one language."""
        seed = int(rng.integers(1, 1 << 62))
        chosen = int(language_of(mix(seed))[0]) if language is None else language
        return Pool(Bare(language=chosen), mix(self._seed, tag("pool"), seed, np.arange(n)))

    def assembled(self, rng: np.random.Generator, n: int, want: str) -> Pool | None:
        """Nothing is assembled here: shapes put their own templates around plain pools."""
        return None

    def tasks(self, rng: np.random.Generator, n: int, use: str) -> pa.Array:
        """Tasks, all in one language."""
        seeds = mix(int(rng.integers(1, 1 << 62)), np.arange(n))
        about = own_context(seeds, seeds)
        context = Context(np.full(n, language_of(seeds[:1])[0]), about.topic, about.first, about.second)
        return self._grammar.write("task", context, seeds, 1 + sentences(seeds, 3.0))

    def benchmark(self, rng: np.random.Generator, n: int) -> Pool:
        """Tasks behind one template."""
        seed = int(rng.integers(1, 1 << 62))
        heads = self.instructions(rng, 1, "pipeline", 3.0)
        return Pool(Framed(heads, Bare(language=int(language_of(mix(seed))[0]))), mix(tag("benchmark"), seed, np.arange(n)))

    def documents(self, rng: np.random.Generator, n: int, in_system: bool) -> Pool:
        """Statements behind one template."""
        seed = int(rng.integers(1, 1 << 62))
        language = int(language_of(mix(seed))[0])
        heads = self.instructions(rng, 1, "app", 4.0, language)
        body = Bare("say", language, mean_sentences=5.0)
        return Pool(Framed(heads, body, in_system), mix(self._seed, tag("document"), seed, np.arange(n)))

    def related(self, pool: Pool) -> I64:
        """By topic, which follows from the item."""
        return np.argsort(own_context(mix(pool.item, 51), pool.item).topic, kind="stable")
