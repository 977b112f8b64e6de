"""
Conversations dealt more than once, each time in other words: rare words become made-up ones, fairly rare words trade places
with others as rare; the same word always with the same, whatever its capitals.

Why not just repeat them: two accounts with one conversation share all its rare words, which real accounts do not. A skin keeps
a conversation's inner repetition, its account's persistence, and how often words of each rarity come, and shares no rare word
with the next skin. What it costs is sense: only the first time round is a conversation as it was written.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.methods.ragged import within
from stillwatch.worlds.corpora import Conversations
from stillwatch.worlds.grammar import joined
from stillwatch.worlds.hashing import U64, below, mix
from stillwatch.worlds.lexicon import NAMES

I64 = npt.NDArray[np.int64]

N_SKINS = 64
RARE_CONVERSATIONS = 3  # a word of at most so many conversations is rare
FAIRLY_RARE_SHARE = 0.006  # of conversations; just above the 0.5 % of accounts below which detectors call a word rare
_WORD = re.compile(r"[^\W\d_]+|\d+|\W|_")
_SYLLABLES = NAMES.split()


class Skins:
    """
    All turns of people, in pieces.

    Cost: about a microsecond a word once, and as much a word of the vocabulary for each skin that is worn.
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
        self._words = list(vocabulary)
        self._form, self._counts = self._kinds(known, self._words)
        self._made = np.flatnonzero((self._counts > 0) & (self._counts <= RARE_CONVERSATIONS))
        self._traders = _by_rarity(self._words, self._form, self._counts)
        self._pieces = pa.array(self._words, pa.string())

    def text(self, rows: I64, skins: I64) -> pa.Array:
        """The turns of some rows, each in its skin; skin 0 is the original."""
        lengths = self._offsets[rows + 1] - self._offsets[rows]
        self._wear(int(skins.max(initial=0)))
        flat = self._flat[np.repeat(self._offsets[rows], lengths) + within(lengths)]
        return joined(self._pieces, (flat + np.repeat(skins * self._size, lengths)).astype(np.int32), lengths)

    def _wear(self, last: int) -> None:
        """Make the skins up to `last`, those that are not made yet."""
        have = len(self._pieces) // max(1, self._size)
        if have <= last:
            new = [pa.array(self._dressed(skin), pa.string()) for skin in range(have, last + 1)]
            self._pieces = pa.concat_arrays([self._pieces, *new])

    def _dressed(self, skin: int) -> list[str]:
        dressed = list(self._words)
        picks = np.stack([below(mix(skin, self._form[self._made], place), len(_SYLLABLES)) for place in range(4)], 1).tolist()
        for word, syllables in zip(self._made.tolist(), picks, strict=True):
            dressed[word] = _like(self._words[word], "".join([_SYLLABLES[s] for s in syllables]))
        for group in self._traders:
            shift = 1 + int(below(mix(skin, group.members[:1]), len(group.names) - 1)[0])
            others = np.roll(group.names, shift)[group.places].tolist()
            for word, other in zip(group.members.tolist(), others, strict=True):
                dressed[word] = _with_capitals(self._words[word], other)
        return dressed

    def _kinds(self, known: Conversations, words: list[str]) -> tuple[I64, I64]:
        """Of each word: the number of its lower-case form, and in how many conversations that form is; 0 = never changed."""
        forms: dict[str, int] = {}
        form = np.array([forms.setdefault(w.lower(), len(forms)) for w in words], np.int64)
        conversation = np.repeat(np.repeat(np.arange(len(known)), np.diff(known.starts)), np.diff(self._offsets))
        pairs = np.unique(form[self._flat] * len(known) + conversation)
        counts = np.bincount(pairs // len(known), minlength=len(forms))[form]
        changeable = np.array([len(w) >= 4 and w.isalpha() for w in words], bool)
        often = counts > max(RARE_CONVERSATIONS, FAIRLY_RARE_SHARE * len(known))
        return form, np.where(changeable & ~often, counts, 0)


def item_of(rows: I64, skins: I64) -> U64:
    """Row and skin in one item."""
    return (rows.astype(np.uint64) | (skins.astype(np.uint64) << np.uint64(32))).astype(np.uint64)


def row_and_skin(item: U64) -> tuple[I64, I64]:
    """What `item_of` packed."""
    return (item & np.uint64(0xFFFFFFFF)).astype(np.int64), ((item >> np.uint64(32)) & np.uint64(0xFF)).astype(np.int64)


@dataclass(frozen=True)
class _Traders:
    """Words that may trade places: their lower-case names, and all words of those names with the place of each one's name."""

    names: npt.NDArray[np.object_]
    members: I64
    places: I64


def _by_rarity(words: list[str], form: I64, counts: I64) -> list[_Traders]:
    """Groups of words that are as rare, within a factor of two, and of one script."""
    fairly = np.flatnonzero(counts > RARE_CONVERSATIONS)
    script = np.array([0 if words[w].isascii() else 1 + ord(words[w].lower()[0]) // 128 for w in fairly.tolist()], np.int64)
    keys = script * 64 + np.log2(np.maximum(counts[fairly], 1)).astype(np.int64)
    groups = []
    for key in np.unique(keys):
        members = fairly[keys == key]
        forms, first, places = np.unique(form[members], return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(mix(forms, 95), kind="stable"))
        names = np.empty(len(forms), object)
        names[order] = [words[members[i]].lower() for i in first.tolist()]
        if len(forms) > 1:
            groups.append(_Traders(names, members, order[places]))
    return groups


def _like(word: str, made: str) -> str:
    """The made word with the first one's capitals, and about its length."""
    return _with_capitals(word, made[: max(4, min(len(word), len(made)))])


def _with_capitals(word: str, other: str) -> str:
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
