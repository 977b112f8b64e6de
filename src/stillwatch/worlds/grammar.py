"""
Text from the shipped grammars, a chunk at a time: every row is a run of pieces, every piece a row of one Arrow array.

One `take` of all pieces of a chunk yields the chunk's bytes already in order, so a row costs its words and no Python.
Literal runs in a pattern stay short: two people who happen to use the same pattern share few five-word runs, as in real text.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.methods.ragged import within
from stillwatch.worlds.hashing import U64, below, mix, tag, unit
from stillwatch.worlds.lexicon import ADJECTIVES, LANGUAGES, NAMES, TOPICS, VERBS, Language
from stillwatch.worlds.patterns import FAMILIES, FOREIGN

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

NOUNS_A_TOPIC = 200  # 24 topics of them: a vocabulary of some 5,000 words before the tail
TAIL_WORDS = 20_000
_SLOTS = {
    "N": -1,
    "V": -2,
    "J": -3,
    "R": -4,
    "D": -5,
    "E1": -6,
    "E2": -7,
    "E3": -8,
    "C1": -9,
    "C2": -10,
    "F": -11,
    "S": -12,
}
_QUANTILES = 4096


@dataclass(frozen=True)
class Context:
    """
    What the rows of a chunk are about; every array has one entry a row.

    Args:
        language: Place in LANGUAGES.
        topic: Place in TOPICS.
        first, second: Seeds of the two names (people, projects, code bases) that a text may mention.
    """

    language: I64
    topic: I64
    first: U64
    second: U64


class Grammar:
    """
    The shipped languages, compiled once into arrays.

    Cost: about 0.1 µs a word.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = ["", " "]
        self._known: dict[str, int] = {"": 0, " ": 1}
        self._codes: list[int] = []
        self._starts: list[int] = []
        self._families: dict[str, I64] = {}
        self._counts: dict[str, I64] = {}
        n = len(LANGUAGES)
        self._nouns = np.zeros((n, len(TOPICS), _QUANTILES), np.int32)
        self._verbs = np.zeros((n, _QUANTILES), np.int32)
        self._adjectives = np.zeros((n, _QUANTILES), np.int32)
        self._function = np.zeros((n, _QUANTILES), np.int32)
        self._starters = np.zeros((n, _QUANTILES), np.int32)
        self._tail = np.zeros((n, 1 << 16), np.int32)
        self._syllables = np.zeros((n, 3, 1024), np.int32)
        for place, language in enumerate(LANGUAGES):
            self._learn(place, language)
        self._digits = self._add([f" {i}" for i in range(1000)])
        self._compile()
        self.pieces: pa.Array = pa.array(self._pieces, pa.string())
        self._flat = np.array(self._codes, np.int32)
        self._offsets = np.array([*self._starts, len(self._codes)], np.int64)

    def write(self, family: str, context: Context, seeds: U64, n_sentences: I64) -> pa.Array:
        """
        One text a row.

        Args:
            family: A family of patterns (patterns.FAMILIES).
            context: What each row is about.
            seeds: One seed a row; the same seed and context give the same text.
            n_sentences: Sentences a row, at least 1.
        """
        ids, lengths = self._choose(family, context, seeds, n_sentences)
        return joined(self.pieces, ids, lengths)

    def _choose(self, family: str, context: Context, seeds: U64, n_sentences: I64) -> tuple[I32, I64]:
        n_rows = len(seeds)
        row_of = np.repeat(np.arange(n_rows), n_sentences)
        turn = within(n_sentences)
        h = mix(seeds[row_of], turn)
        language = context.language[row_of]
        pattern = self._families[family][language] + below(h, self._counts[family][language])
        lengths = self._offsets[pattern + 1] - self._offsets[pattern]
        sentence = np.repeat(np.arange(len(pattern)), lengths)
        code = self._flat[self._offsets[pattern][sentence] + within(lengths)]
        self._fill(code, context, row_of[sentence], mix(h[sentence], within(lengths)), h[sentence])
        ends = np.cumsum(lengths) - 1
        code[ends[np.cumsum(n_sentences) - 1]] = 0
        totals = np.add.reduceat(lengths, np.cumsum(n_sentences) - n_sentences) if n_rows else np.zeros(0, np.int64)
        return code, totals

    def _fill(self, code: I32, context: Context, row: I64, u: U64, sentence: U64) -> None:
        kinds = code.copy()
        low = (u & np.uint64(_QUANTILES - 1)).astype(np.int64)
        for name, table in (("V", self._verbs), ("J", self._adjectives), ("F", self._function), ("S", self._starters)):
            at = np.flatnonzero(kinds == _SLOTS[name])
            code[at] = table[context.language[row[at]], low[at]]
        at = np.flatnonzero(kinds == _SLOTS["N"])
        code[at] = self._nouns[context.language[row[at]], context.topic[row[at]], low[at]]
        at = np.flatnonzero(kinds == _SLOTS["R"])
        code[at] = self._tail[context.language[row[at]], (u[at] & np.uint64(0xFFFF)).astype(np.int64)]
        at = np.flatnonzero(kinds == _SLOTS["D"])
        code[at] = self._digits + below(u[at], 1000)
        for place, names in enumerate((("E1", "C1"), ("E2",), ("E3", "C2"))):
            at = np.flatnonzero(np.isin(kinds, [_SLOTS[name] for name in names]))
            chosen = np.where(unit(mix(sentence[at], 5)) < 0.7, context.first[row[at]], context.second[row[at]])
            spot = (mix(chosen, place) & np.uint64(1023)).astype(np.int64)
            code[at] = self._syllables[context.language[row[at]], place, spot]

    def _learn(self, place: int, language: Language) -> None:
        rng = np.random.default_rng(tag("lexicon " + language.name))
        english = language.name == "en"

        def made(n: int) -> list[str]:
            return _made_words(rng, language, n)

        for topic, listed in enumerate(TOPICS.values()):
            nouns = _compounds(rng, listed.split()) if english else made(NOUNS_A_TOPIC)
            self._nouns[place, topic] = self._zipf(nouns, language.space, _QUANTILES)
        self._verbs[place] = self._zipf(VERBS.split() if english else made(80), language.space, _QUANTILES)
        self._adjectives[place] = self._zipf(ADJECTIVES.split() if english else made(80), language.space, _QUANTILES)
        function = language.function.split() or ["the"]
        self._function[place] = self._zipf(function, language.space, _QUANTILES)
        self._starters[place] = self._zipf([w.capitalize() for w in function], "", _QUANTILES)
        self._tail[place] = self._zipf(made(TAIL_WORDS if english else TAIL_WORDS // 4), language.space, 1 << 16)
        syllables = language.syllables.split()
        picks = rng.integers(0, len(syllables), (3, 1024))
        starts = [language.space + syllables[i].capitalize() for i in picks[0]]
        for third, words in enumerate((starts, [syllables[i] for i in picks[1]], [syllables[i] for i in picks[2]])):
            self._syllables[place, third] = [self._piece(w) for w in words]

    def _zipf(self, words: list[str], space: str, size: int) -> I32:
        """A table that a uniform number indexes: word r comes with probability ∝ 1/(r + 2.7) (Mandelbrot's form)."""
        ids = np.array([self._piece(space + w) for w in words], np.int32)
        weights = 1.0 / (np.arange(len(ids)) + 2.7)
        cumulative = np.cumsum(weights) / weights.sum()
        return ids[np.searchsorted(cumulative, (np.arange(size) + 0.5) / size)]

    def _compile(self) -> None:
        for family, english in FAMILIES.items():
            starts, counts = [], []
            for language in LANGUAGES:
                starts.append(len(self._starts))
                told = english if language.name == "en" else FOREIGN[family]
                for pattern in told:
                    self._starts.append(len(self._codes))
                    self._codes.extend(self._parse(pattern, language))
                counts.append(len(told))
            self._families[family] = np.array(starts)
            self._counts[family] = np.array(counts)

    def _parse(self, pattern: str, language: Language) -> list[int]:
        codes: list[int] = []
        for word in pattern.split():
            if word in ("E", "C"):
                codes += [_SLOTS["E1"], _SLOTS["E2"], _SLOTS["E3"]] if word == "E" else [_SLOTS["C1"], _SLOTS["C2"]]
            elif word in _SLOTS:
                codes.append(_SLOTS[word])
            elif word in ("?", "."):
                codes.append(self._piece(language.ask if word == "?" else language.stop))
            elif word in (",", ":", ";", "!", ")") or word.startswith("\\n"):
                codes.append(self._piece(word.replace("\\n", "\n")))
            else:
                codes.append(self._piece(word if not codes else " " + word))
        return [*codes, self._piece(" " if language.space else "")]

    def _piece(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = len(self._pieces)
            self._pieces.append(text)
        return self._known[text]

    def _add(self, texts: list[str]) -> int:
        first = len(self._pieces)
        self._pieces.extend(texts)
        return first


def joined(pieces: pa.Array, ids: I32, lengths: I64) -> pa.Array:
    """Strings, each the concatenation of `lengths[i]` pieces in turn; no byte is copied twice."""
    flat = pieces.take(pa.array(ids))
    marks = np.frombuffer(flat.buffers()[1], np.int32, len(ids) + 1, 4 * flat.offset) if len(ids) else np.zeros(1, np.int32)
    offsets = marks[np.concatenate([[0], np.cumsum(lengths)])]
    return pa.StringArray.from_buffers(len(lengths), pa.py_buffer(np.ascontiguousarray(offsets)), flat.buffers()[2])


def _compounds(rng: np.random.Generator, words: list[str]) -> list[str]:
    """A topic's words, then pairs of them: jargon that reads."""
    pairs = [f"{a}-{b}" for a in words for b in words if a != b]
    picked = rng.choice(len(pairs), NOUNS_A_TOPIC - len(words), replace=False)
    return words + [pairs[i] for i in picked]


def _made_words(rng: np.random.Generator, language: Language, n: int) -> list[str]:
    syllables = (NAMES if language.name == "en" else language.syllables).split()
    sizes = rng.integers(2, 4, n) if language.space else rng.integers(1, 3, n)
    return ["".join(syllables[i] for i in rng.integers(0, len(syllables), size)) for size in sizes]
