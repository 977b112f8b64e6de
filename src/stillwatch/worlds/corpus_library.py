"""The library of real text: people's conversations dealt whole to accounts, published system prompts, real pools."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.errors import SettingsError
from stillwatch.worlds import corpora
from stillwatch.worlds.cast import People
from stillwatch.worlds.corpora import Conversations, Corpora, Texts
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.grammar_library import GrammarLibrary
from stillwatch.worlds.hashing import U64, below, mix, unit
from stillwatch.worlds.library import Pool, Script
from stillwatch.worlds.relatedness import related_order
from stillwatch.worlds.skins import N_SKINS, Skins, item_of, row_and_skin
from stillwatch.worlds.writers import OWN_SYSTEM_SHARE, Fixed, Framed, account_seed, nothing
from stillwatch.worlds.writing import Rows, Writer, Written

I64 = npt.NDArray[np.int64]

MIXED_SHARE = 0.2  # of the conversations, kept for accounts that resell to many customers


@dataclass(frozen=True)
class Human:
    """
    Turns that people wrote.

    Args:
        skins: The turns, in pieces.
        responses: Answers, one a row of the corpus.
        systems: What accounts with a system prompt of their own send.
    """

    skins: Skins
    responses: pa.Array
    systems: pa.Array

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The turns at the items' places, in their skins."""
        row, skin = row_and_skin(rows.item)
        seed = account_seed(people, rows)
        return Written(self.skins.text(row, skin), self._system(seed), self.responses.take(pa.array(row)))

    def _system(self, seed: U64) -> pa.Array:
        if len(self.systems) == 0:
            return nothing(len(seed))
        choice = (mix(seed, 46) % np.uint64(len(self.systems))).astype(np.int64)
        return self.systems.take(pa.array(choice, mask=unit(mix(seed, 41)) >= OWN_SYSTEM_SHARE))


@dataclass(frozen=True)
class Utterances:
    """Short requests of end users: each keeps to a few of them."""

    texts: pa.Array

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """One request a row."""
        user = mix(people.context[rows.account], 91, rows.item & np.uint64(0xFFFFFF))
        place = (mix(user, mix(rows.item, 92) % np.uint64(40)) % np.uint64(len(self.texts))).astype(np.int64)
        return Written(self.texts.take(pa.array(place)), nothing(len(user)), end_user=user)


@dataclass(frozen=True)
class Prepared:
    """A corpus with what is costly to work out, once a process."""

    known: Corpora
    skins: Skins
    order: I64


@lru_cache(maxsize=3)
def prepared(folder: Path, half: str | None) -> Prepared:
    """Read and prepare a corpus."""
    known = corpora.load(folder, half)
    return Prepared(known, Skins(known.conversations), related_order(known.conversations))


class CorpusLibrary:
    """
    Real text; what a corpus lacks comes from the grammars.

    Args:
        ready: The corpus.
        fallback: The grammars.
        seed: Of the world; another one deals from another place.
    """

    def __init__(self, ready: Prepared, fallback: GrammarLibrary, seed: int) -> None:
        known = ready.known
        self._seed = seed
        self._known, self._fallback = known, fallback
        self.own: Writer = Human(ready.skins, known.conversations.texts.responses, known.passed_on)
        self.end_users: Writer = Utterances(known.utterances) if len(known.utterances) else fallback.end_users
        n_mixed = int(MIXED_SHARE * len(ready.order))
        spot = np.argsort(mix(ready.order, 93), kind="stable")[:n_mixed]
        mixed = np.zeros(len(ready.order), np.bool_)
        mixed[spot] = True
        self._decks = {True: _Deck(known, _cut(ready.order[~mixed], seed)), False: _Deck(known, _cut(ready.order[spot], seed))}
        self._dealt: dict[str, int] = {}

    @property
    def passes(self) -> float:
        """How often, on average, each turn of people was dealt."""
        return sum(d.dealt for d in self._decks.values()) / max(1, len(self._known.conversations.texts))

    def script(
        self, rng: np.random.Generator, counts: I64, burst_mean: npt.NDArray[np.float64], one_customer: npt.NDArray[np.bool_]
    ) -> Script:
        """Whole conversations; an account's neighbours in the deck are related, unless it resells."""
        first = np.cumsum(counts) - counts
        opens = np.zeros(int(counts.sum()), np.bool_)
        item = np.zeros(len(opens), np.uint64)
        for account in rng.permutation(len(counts)).tolist():
            n = int(counts[account])
            if n:
                cut = slice(int(first[account]), int(first[account]) + n)
                opens[cut], item[cut] = self._decks[bool(one_customer[account])].deal(n)
        return Script(opens, item)

    def earlier(self, conversation: U64, item: U64, turn: I64, wanted: I64) -> U64:
        """Turns of a conversation lie side by side, in one skin."""
        return (item.astype(np.int64) - (turn - wanted)).astype(np.uint64)

    def instructions(self, rng: np.random.Generator, n: int, use: str, mean: float, language: int | None = None) -> pa.Array:
        """
        Published system prompts, and for apps role prompts that people pass on, none of them twice in a world.

        Made-up ones where there are not as many left: two parts of a world never share a template by accident.
        """
        known = {"agent": self._known.agent_instructions, "app": self._known.passed_on}.get(
            use, self._known.pipeline_instructions
        )
        begin = self._dealt.get(f"instructions {use}", 0)
        if len(known) < begin + n:
            return self._fallback.instructions(rng, n, use, mean, language)
        self._dealt[f"instructions {use}"] = begin + n
        return known.take(pa.array(_order(len(known), self._seed)[begin : begin + n]))

    def plain(self, rng: np.random.Generator, n: int, language: int | None = None) -> Pool:
        """Harvested instructions: of one source where it has enough, else of several."""
        sources = [self._known.plain[i] for i in rng.permutation(len(self._known.plain))]
        return self._drawn(rng, sources, n)

    def assembled(self, rng: np.random.Generator, n: int, want: str) -> Pool | None:
        """Harvested prompts with their templates."""
        sources = [s for s in self._known.assembled.get(want, ()) if self._left(s) >= n]
        return self._drawn(rng, [sources[int(rng.integers(len(sources)))]], n) if sources else None

    def tasks(self, rng: np.random.Generator, n: int, use: str) -> pa.Array:
        """Viral: what people pass on. Assignments: items of one benchmark."""
        if use == "viral" and len(self._known.passed_on) >= n:
            return self._known.passed_on.take(pa.array(rng.choice(len(self._known.passed_on), n, replace=False)))
        big = [b for b in self._known.benchmarks if len(b) >= n]
        if not big:
            return self._fallback.tasks(rng, n, use)
        chosen = big[int(rng.integers(len(big)))]
        return chosen.prompts.take(pa.array(rng.choice(len(chosen), n, replace=False)))

    def benchmark(self, rng: np.random.Generator, n: int) -> Pool:
        """The items of one task; where none has half of what is wanted, of several."""
        known = self._known.benchmarks
        if not known:
            return self._fallback.benchmark(rng, n)
        big = [b for b in known if len(b) >= n / 2]
        texts = _stacked([big[int(rng.integers(len(big)))]] if big else [known[i] for i in rng.permutation(len(known))], n)
        return Pool(_fixed(texts), np.arange(len(texts), dtype=np.uint64))

    def documents(self, rng: np.random.Generator, n: int, in_system: bool) -> Pool:
        """A real batch job where one is big enough; else one published instruction over the documents of several."""
        big = [b for b in self._known.batches if self._left(b) >= n]
        if big:
            return self._drawn(rng, [big[int(rng.integers(len(big)))]], n)
        if sum(self._left(b) for b in self._known.batches) < n:
            return self._fallback.documents(rng, n, in_system)
        pool = self._drawn(rng, list(self._known.batches), n)
        return Pool(Framed(self.instructions(rng, 1, "app", 4.0), pool.writer, in_system), pool.item)

    def related(self, pool: Pool) -> I64:
        """By their words."""
        if pool.texts is None:
            return self._fallback.related(pool)
        nothing_else = nothing(len(pool.texts))
        return related_order(Conversations(Texts("pool", pool.texts, nothing_else, nothing_else), np.arange(len(pool.texts) + 1)))

    def _left(self, source: Texts) -> int:
        return len(source) - self._dealt.get(source.name, 0)

    def _drawn(self, rng: np.random.Generator, sources: list[Texts], n: int) -> Pool:
        """The next prompts of the sources, none of which was dealt before."""
        sources = sorted(sources, key=lambda s: self._left(s) < n)
        taken: list[Texts] = []
        left = n
        for source in sources:
            begin = self._dealt.get(source.name, 0)
            some = min(left, len(source) - begin)
            if some > 0:
                taken.append(source.take(_order(len(source), self._seed)[begin : begin + some]))
                self._dealt[source.name] = begin + some
                left -= some
        if left > 0:
            raise SettingsError(
                f"the corpus has only {n - left:,} prompts left of the {n:,} that a pool asks for. "
                "Lower exchanges, raise cover or samples, or leave out --corpus"
            )
        texts = _stacked(taken, n)
        return Pool(_fixed(texts), np.arange(n, dtype=np.uint64), texts.prompts)


class _Deck:
    """Conversations in an order, dealt from the top and again from the top, each time in the next skin."""

    def __init__(self, known: Corpora, order: I64) -> None:
        starts = known.conversations.starts
        self._first, self._length = starts[order], starts[order + 1] - starts[order]
        self._used = np.zeros(len(order), np.int64)
        self._at = 0
        self._turn = 0
        self.dealt = 0

    def deal(self, n: int) -> tuple[npt.NDArray[np.bool_], U64]:
        """The next `n` turns; what is left of a conversation goes to the next account in another skin."""
        opens, items, have = [], [], 0
        self.dealt += n
        while have < n:
            length = min(n - have, int(self._length[self._at]) - self._turn)
            rows = self._first[self._at] + self._turn + np.arange(length)
            items.append(item_of(rows, np.full(length, self._used[self._at] % N_SKINS)))
            opens.append(np.arange(length) == 0)
            have += length
            self._used[self._at] += 1
            self._turn += length
            if self._turn == self._length[self._at]:
                self._at, self._turn = (self._at + 1) % len(self._first), 0
        return np.concatenate(opens), np.concatenate(items)


def _order(n: int, seed: int) -> I64:
    """An order of n texts that their number and the seed decide."""
    return np.argsort(mix(seed, np.arange(n), 94), kind="stable")


def _cut(order: I64, seed: int) -> I64:
    """The same order, begun elsewhere: neighbours stay neighbours."""
    return np.roll(order, int(below(mix(seed, 96), max(1, len(order)))[0]))


def _stacked(sources: list[Texts], n: int) -> Texts:
    """The first `n` texts of several sources, one after the other."""
    parts, left = [], n
    for source in sources:
        parts.append(source.take(np.arange(min(left, len(source)))))
        left -= len(parts[-1])
        if left <= 0:
            break
    columns = [pa.concat_arrays([getattr(p, name) for p in parts]) for name in ("prompts", "systems", "responses")]
    return Texts("+".join(p.name for p in parts), *columns)


def _fixed(texts: Texts) -> Fixed:
    return Fixed(texts.prompts, texts.systems, texts.responses)
