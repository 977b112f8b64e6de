"""Relations between numbered things, a bit a pair: thirty times smaller than counts, and a whole word at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, lowest_bit

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

_WORD = 64
_ROWS = 1 << 24  # pairs that are looked at as bytes at once


@dataclass(frozen=True, slots=True)
class Relation:
    """
    Which of n things is related to which.

    Args:
        words: (n, n / 64 rounded up) row i holds the bits of all j, lowest first; bits past n are 0.
        n: Things.

    >>> less = Relation.of_rows([np.array([[False, True], [False, False]])], 2)
    >>> (less | less.transposed()).rows(0, 2).tolist(), (~less).rows(0, 2).tolist()
    ([[False, True], [True, False]], [[True, False], [True, True]])
    """

    words: Words
    n: int

    @classmethod
    def of_rows(cls, blocks: Iterable[npt.NDArray[np.bool_]], n: int) -> Self:
        """From consecutive blocks of whole rows."""
        words = np.zeros((n, words_of(n)), np.uint64)
        at = 0
        for block in blocks:
            words[at : at + len(block)] = _packed(block)
            at += len(block)
        return cls(words, n)

    @classmethod
    def at_least(cls, rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> Self:
        """(i, j): is the value of row i at least that of column j?"""
        n = len(rows)
        return cls.of_rows((rows[a:b, None] >= columns[None, :] for a, b in _blocks(n)), n)

    @classmethod
    def among(cls, chosen: Bools) -> Self:
        """(i, j): are both chosen?"""
        n = len(chosen)
        row = _packed(chosen[None, :]) if n else np.zeros((1, 0), np.uint64)
        return cls(np.where(chosen[:, None], row, U(0)).astype(np.uint64).reshape(n, words_of(n)), n)

    def __and__(self, other: "Relation") -> "Relation":
        return Relation(self.words & other.words, self.n)

    def __or__(self, other: "Relation") -> "Relation":
        return Relation(self.words | other.words, self.n)

    def __invert__(self) -> "Relation":
        words = ~self.words
        if self.n % _WORD:
            words[:, -1] &= (U(1) << U(self.n % _WORD)) - U(1)
        return Relation(words, self.n)

    def rows(self, first: int, last: int) -> Bools:
        """(last - first, n) as booleans."""
        return np.unpackbits(self.words[first:last].view(np.uint8), axis=1, count=self.n, bitorder="little").view(np.bool_)

    def row(self, one: int) -> Bools:
        """(n,) what one is related to."""
        return self.rows(one, one + 1)[0]

    def of(self, kept: Ints) -> "Relation":
        """Only between some of the things, in this order."""
        return Relation(_among(self.words, kept, words_of(len(kept))), len(kept))

    def transposed(self) -> "Relation":
        """(j, i) for (i, j)."""
        return Relation(_transposed(self.words, self.n), self.n)


def words_of(n: int) -> int:
    """Words in a row of n bits."""
    return -(-n // _WORD)


def _blocks(n: int) -> Iterable[tuple[int, int]]:
    step = max(1, _ROWS // max(n, 1))
    return ((a, min(a + step, n)) for a in range(0, n, step))


def _packed(block: npt.NDArray[np.bool_]) -> Words:
    bits = np.packbits(block, axis=1, bitorder="little")
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))).view(np.uint64)


@njit(cache=True, nogil=True)
def _transposed(words: Words, n: int) -> Words:
    out = np.zeros_like(words)
    for top in range(0, n, 64):
        for w in range(words.shape[1]):
            for i in range(top, min(top + 64, n)):
                left = words[i, w]
                while left != U(0):
                    out[64 * w + np.int64(lowest_bit(left)), top >> 6] |= U(1) << U(i - top)
                    left &= left - U(1)
    return out


@njit(cache=True, nogil=True)
def _among(words: Words, kept: Ints, n_words: int) -> Words:
    out = np.zeros((len(kept), n_words), np.uint64)
    for i in range(len(kept)):
        row = words[kept[i]]
        for w in range(n_words):
            word = U(0)
            for j in range(64 * w, min(64 * w + 64, len(kept))):
                word |= ((row[kept[j] >> 6] >> U(kept[j] & 63)) & U(1)) << U(j & 63)
            out[i, w] = word
    return out
