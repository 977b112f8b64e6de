"""
Conversations dealt more than once, each time in other names: rare words are replaced by made-up ones, the same word by the same.

Why not just repeat them: two accounts with one conversation share all its rare words, which real accounts do not. A skin keeps
a conversation's inner repetition, and its account's persistence, and shares neither with the next.
"""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.corpora import Conversations
from stillwatch.worlds.grammar import joined, within
from stillwatch.worlds.hashing import U64, below, mix
from stillwatch.worlds.lexicon import NAMES

I64 = npt.NDArray[np.int64]

N_SKINS = 24
RARE_CONVERSATIONS = 3  # a word of at most so many conversations is rare
_WORD = re.compile(r"[^\W\d_]+|\d+|\W|_")
_SYLLABLES = NAMES.split()


class Skins:
    """
    All turns of people, in pieces.

    Cost: about a microsecond a word once; afterwards as cheap as a grammar.
    """

    def __init__(self, known: Conversations) -> None:
        vocabulary: dict[str, int] = {}
        flat: list[int] = []
        lengths = np.zeros(len(known.texts), np.int64)
        for row, text in enumerate(known.texts.prompts.to_pylist()):
            words = _WORD.findall(text)
            flat.extend([vocabulary.setdefault(w, len(vocabulary)) for w in words])
            lengths[row] = len(words)
        self._flat = np.array(flat, np.int32)
        self._offsets = np.concatenate([[0], np.cumsum(lengths)])
        self._size = len(vocabulary)
        self._pieces = pa.array(_all_skins(list(vocabulary), self._rare(known, list(vocabulary))), pa.string())

    def text(self, rows: I64, skins: I64) -> pa.Array:
        """The turns of some rows, each in its skin; skin 0 is the original."""
        lengths = self._offsets[rows + 1] - self._offsets[rows]
        flat = self._flat[np.repeat(self._offsets[rows], lengths) + within(lengths)]
        return joined(self._pieces, (flat + np.repeat(skins * self._size, lengths)).astype(np.int32), lengths)

    def _rare(self, known: Conversations, words: list[str]) -> npt.NDArray[np.bool_]:
        conversation = np.repeat(np.arange(len(known)), np.diff(known.starts))
        word_of = np.repeat(conversation, np.diff(self._offsets))
        pairs = np.unique(self._flat.astype(np.int64) * len(known) + word_of)
        df = np.bincount(pairs // max(len(known), 1), minlength=self._size)
        made = np.array([len(w) >= 4 and w.isalpha() for w in words], bool)
        return np.asarray((df <= RARE_CONVERSATIONS) & made, np.bool_)


def item_of(rows: I64, skins: I64) -> U64:
    """Row and skin in one item."""
    return (rows.astype(np.uint64) | (skins.astype(np.uint64) << np.uint64(32))).astype(np.uint64)


def row_and_skin(item: U64) -> tuple[I64, I64]:
    """What `item_of` packed."""
    return (item & np.uint64(0xFFFFFFFF)).astype(np.int64), ((item >> np.uint64(32)) & np.uint64(0xFF)).astype(np.int64)


def _all_skins(words: list[str], rare: npt.NDArray[np.bool_]) -> list[str]:
    pieces = list(words)
    at = np.flatnonzero(rare)
    for skin in range(1, N_SKINS):
        dressed = list(words)
        picks = [below(mix(skin, at, place), len(_SYLLABLES)) for place in range(4)]
        for i, word in enumerate(at.tolist()):
            dressed[word] = _like(words[word], "".join(_SYLLABLES[p[i]] for p in picks))
        pieces += dressed
    return pieces


def _like(word: str, made: str) -> str:
    """The made word with the first one's capitals, and about its length."""
    cut = made[: max(4, min(len(word), len(made)))]
    return cut.upper() if word.isupper() else cut.capitalize() if word[0].isupper() else cut
