"""
The one pass over a batch of texts: words, then everything that is kept of them, in arrays of fixed width.

One kernel for both kinds of text. ASCII rows are read where they lie in the Arrow buffer; the others come normalised
(NFKC, lower case) in a second buffer. System prompts are scanned once per distinct text and joined to their rows by `join`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods import elicitation, semantic
from stillwatch.methods.distinct import MOST, sort_distinct
from stillwatch.methods.fragments import keep_small, select
from stillwatch.methods.hashing import U, borrowed, load8, lowest_bit, mix, sip_all
from stillwatch.methods.words import any_words, ascii_words
from stillwatch.privacy import Key
from stillwatch.signatures import shape

MAX_FRAGMENTS, MAX_TOKENS, MAX_FILL = 48, 48, 8
PROMPT_FRAGMENTS, SYSTEM_FRAGMENTS = 32, 16  # a system prompt is mostly fixed text: sixteen fragments name it well
HEAD_BYTES, TAIL_BYTES = 768 << 10, 256 << 10  # of a longer text only its two ends are signed, and S0 by all of it
_PAIR = U(0x9FB21C651E98DF25)
_START = U(0x9E3779B97F4A7C15)
_PRIME = U(0xD6E8FEB86659FD93)
_U0, _U1, _U32, _LOW = U(0), U(1), U(32), U(0xFFFFFFFF)
_SLOTS, _EMPTY = 320, 1 << 40  # 256 for the digests in their order, the rest for what they push on
_KEYED = ("text", "words", "fragments", "pairs", "contract", "config")
_SEEDS = (*(f"{what} {half}" for what in _KEYED for half in (0, 1)), "stems")


@dataclass(frozen=True, slots=True)
class Scanner:
    """
    Everything the kernels look things up in; made once a key and process.

    Args:
        seeds: Derived from the key, one for each name in `_SEEDS`.
        signs: Random projection of S4.
        classes: Class of each code point.
        known: Vocabulary of the contract.
        weights: Weights of S7.
    """

    seeds: npt.NDArray[np.uint64]
    signs: npt.NDArray[np.int8]
    classes: npt.NDArray[np.uint8]
    known: tuple[npt.NDArray[np.uint64], ...]
    weights: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What is kept of `n` texts; the counts say how much of each fixed-width row is used."""

    text: npt.NDArray[np.uint64]  # (n,) S0, not yet keyed; 0 where there is no text
    n_words: npt.NDArray[np.int32]  # (n,)
    fragments: npt.NDArray[np.int64]  # (n, 32)
    n_fragments: npt.NDArray[np.uint8]
    tokens: npt.NDArray[np.int32]  # (n, 48)
    n_tokens: npt.NDArray[np.uint8]
    fill: npt.NDArray[np.int32]  # (n, 8)
    n_fill: npt.NDArray[np.uint8]
    stems: npt.NDArray[np.int32]  # (n, 128)
    elements: npt.NDArray[np.uint64]  # (n, 24)
    n_elements: npt.NDArray[np.uint8]
    logits: npt.NDArray[np.int32]  # (n, 8)
    n_features: npt.NDArray[np.int32]

    @classmethod
    def empty(cls, n: int) -> "Scanned":
        """Room for `n` texts."""
        return cls(
            np.zeros(n, np.uint64),
            np.zeros(n, np.int32),
            np.empty((n, PROMPT_FRAGMENTS), np.int64),
            np.zeros(n, np.uint8),
            np.empty((n, MAX_TOKENS), np.int32),
            np.zeros(n, np.uint8),
            np.empty((n, MAX_FILL), np.int32),
            np.zeros(n, np.uint8),
            np.zeros((n, semantic.BITS), np.int32),
            np.empty((n, shape.MAX_ELEMENTS), np.uint64),
            np.zeros(n, np.uint8),
            np.zeros((n, elicitation.LANES), np.int32),
            np.zeros(n, np.int32),
        )

    def head(self, n: int) -> "Scanned":
        """The first `n` rows, as room that is used again; what an earlier use left is there until a text is scanned into it."""
        return Scanned(*(array[:n] for array in self.arrays()))

    def arrays(self) -> tuple[Any, ...]:
        """All arrays in the order of their declaration, as the kernels take them."""
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


def seeds_of(key: Key) -> npt.NDArray[np.uint64]:
    """The kernels' seeds under one key."""
    return np.array([key.seed(f"signatures {name}") for name in _SEEDS], np.uint64)


def scan(
    scanner: Scanner, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64],
    ascii_only: bool, most_fragments: int, out: Scanned,
) -> None:  # fmt: skip
    """
    Scan texts of one buffer into `out`.

    Args:
        scanner: Tables and seeds.
        data: Bytes of all texts.
        offsets: (m + 1,) where text i lies: data[offsets[i]:offsets[i + 1]].
        rows: (m,) row of `out` that text i belongs to; -1 to leave the text out.
        ascii_only: Every text that is not left out is ASCII.
        most_fragments: 32 for prompts, 16 for system prompts.
        out: Receives the results.
    """
    if len(rows) == 0:
        return
    taken = np.where(rows >= 0, np.diff(offsets), 0)
    room = int(min(taken.max(), HEAD_BYTES + TAIL_BYTES)) + 160
    words = room + 2 if not ascii_only else room // 2 + 2
    scratch = (
        np.zeros(room, np.uint8),
        (np.empty(words, np.uint64), np.empty(words, np.uint64), np.empty(words, np.uint64), np.empty(words, np.uint8)),
        np.empty(words, np.uint64),
        np.empty(semantic.BUCKETS, np.uint8),
        np.empty(2 * elicitation.MAX_WORDS, np.int32),
        np.empty((2, MOST), np.uint64),
        np.empty(_SLOTS + 1, np.int64),
        np.empty(words, np.uint64),
        np.empty(semantic.BITS, np.int16),
        np.empty(_SLOTS // 64, np.uint64),
        np.empty((3, MOST + 1), np.int32),
    )
    tables = (scanner.seeds, scanner.signs, scanner.classes, scanner.known, scanner.weights)
    _scan(data, offsets, rows, ascii_only, most_fragments, tables, scratch, out.arrays())


@njit(cache=True, nogil=True)
def _read(data: Any, start: int, end: int, ascii_only: bool, low: Any, classes: Any, out: Any, n: int, h: np.uint64) -> Any:
    if ascii_only:
        return ascii_words(data, start, end, low, out, n, h)
    return any_words(data, start, end, low, classes, out, n, h)


@njit(cache=True, nogil=True)
def _middle(data: Any, start: int, end: int, h: np.uint64) -> np.uint64:
    """Fold the bytes that are not signed into S0, so that two long texts with equal ends stay apart."""
    for i in range(start, end - 7, 8):
        h = (h ^ load8(data, i)) * _PRIME
        h ^= h >> _U32
    return h ^ U(end - start)


@njit(cache=True, nogil=True)
def _tokens(keyed: Any, n: int, table: Any, full: Any, out: Any) -> int:
    """
    The 48 smallest distinct digests, sorted.

    Digests are uniform, so a table that is filled in their order sorts them on the way. Of a long text only the digests below a
    power of two that should leave 64 to 128 are looked at; where repetition leaves too few, all are.
    """
    shift = 0
    while n >> shift > 128:
        shift += 1
    while shift >= 0:
        kept = _ordered(keyed, n, shift, table, full, out)
        if kept == MAX_TOKENS or (shift == 0 and kept >= 0):
            return kept
        shift -= 1
    kept = 0
    for i in range(n):
        kept = keep_small(out, kept, MAX_TOKENS, np.int32(keyed[i] & _LOW))
    return kept


@njit(cache=True, nogil=True)
def _ordered(keyed: Any, n: int, shift: int, table: Any, full: Any, out: Any) -> int:
    """One try of `_tokens`; -1 where the table overflows."""
    table[:] = _EMPTY
    full[:] = _U0
    limit = np.int64(1) << (32 - shift)
    for i in range(n):
        value = np.int64(keyed[i] & _LOW) ^ 0x80000000  # order of int32 as unsigned
        if value >= limit:
            continue
        at = int(value >> (24 - shift))
        while True:
            while table[at] < value:  # the last slot stays empty, and stops this
                at += 1
            if at == _SLOTS:
                return -1
            if table[at] == value:
                break
            value, table[at] = table[at], value
            if value == _EMPTY:
                full[at >> 6] |= _U1 << U(at & 63)
                break
            at += 1
    kept = 0
    for part in range(_SLOTS // 64):  # bit by bit: which slots are full cannot be predicted
        bits = full[part]
        while bits != _U0 and kept < MAX_TOKENS:
            out[kept] = np.int32(table[64 * part + lowest_bit(bits)] - 0x80000000)
            bits &= bits - _U1
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _fill(exact: Any, n: int, k0: np.uint64, k1: np.uint64, plain: Any, pairs: Any, few: Any, out: Any) -> int:
    """The 8 smallest distinct digests of neighbouring words, sorted."""
    n_pairs = max(n - 1, min(n, 1))
    if n == 1:
        plain[0] = exact[0] * _PAIR
    for i in range(n - 1):
        plain[i] = exact[i] * _PAIR + exact[i + 1]
    sip_all(plain, n_pairs, k0, k1, pairs)  # into another array: several at a time only where none can be the next one's input
    if n_pairs > 4 * MAX_FILL:  # few of a long text's pairs can be among the smallest
        kept = _below(pairs, n_pairs, np.int64(2 * MAX_FILL / n_pairs * 2**32) - 2**31, few)
        if MAX_FILL <= kept <= MOST:
            kept = sort_distinct(few[0], kept, few[1], few[2])
            if kept >= MAX_FILL:
                out[:] = few[2, :MAX_FILL]
                return MAX_FILL
    elif n_pairs > 0:
        kept = _below(pairs, n_pairs, np.int64(0x7FFFFFFF), few)
        kept = min(MAX_FILL, sort_distinct(few[0], kept, few[1], few[2]))
        out[:kept] = few[2, :kept]
        return kept
    kept = 0
    for i in range(n_pairs):
        kept = keep_small(out, kept, MAX_FILL, np.int32(pairs[i] & _LOW))
    return kept


@njit(cache=True, nogil=True)
def _below(pairs: Any, n: int, most: int, few: Any) -> int:
    """The digests that are at most `most`, in the first row of `few`; of more than MOST only how many."""
    kept = 0
    for i in range(n):
        value = np.int32(pairs[i] & _LOW)
        few[0, min(kept, MOST)] = value
        kept += int(value <= most)
    return kept


@njit(cache=True, nogil=True)
def _scan(data: Any, offsets: Any, rows: Any, ascii_only: bool, most: int, tables: Any, scratch: Any, out: Any) -> None:
    seeds, signs, classes, weights = borrowed(tables[0]), borrowed(tables[1]), borrowed(tables[2]), borrowed(tables[4])
    known = (borrowed(tables[3][0]), borrowed(tables[3][1]), borrowed(tables[3][2]), borrowed(tables[3][3]))
    low, keyed, counts, buckets = borrowed(scratch[0]), borrowed(scratch[2]), borrowed(scratch[3]), borrowed(scratch[4])
    kept, table, pairs, lanes = borrowed(scratch[5]), borrowed(scratch[6]), borrowed(scratch[7]), borrowed(scratch[8])
    full, few = borrowed(scratch[9]), borrowed(scratch[10])
    found = (borrowed(scratch[1][0]), borrowed(scratch[1][1]), borrowed(scratch[1][2]), borrowed(scratch[1][3]))
    data, offsets, rows = borrowed(data), borrowed(offsets), borrowed(rows)
    text, n_words, n_fragments, n_tokens, n_fill = out[0], out[1], out[3], out[5], out[7]
    fragments, tokens, fill, stems = borrowed(out[2]), borrowed(out[4]), borrowed(out[6]), borrowed(out[8])
    elements, n_elements, logits, n_features = borrowed(out[9]), out[10], borrowed(out[11]), out[12]
    for i in range(len(rows)):
        r = rows[i]
        if r < 0:
            continue
        start, end = offsets[i], offsets[i + 1]
        head_end = end if end - start <= HEAD_BYTES + TAIL_BYTES else start + HEAD_BYTES
        n, size, h = _read(data, start, head_end, ascii_only, low, classes, found, 0, _START)
        n_elements[r] = shape.elements_of(low, size, known, found[0], n, elements[r])
        if head_end < end:
            h = _middle(data, head_end, end - TAIL_BYTES, h)
            n, size, h = _read(data, end - TAIL_BYTES, end, ascii_only, low, classes, found, n, h)
        words, exact, stem, letters = found
        text[r] = mix(h) | U(1)
        n_words[r] = n
        sip_all(words, n, seeds[2], seeds[3], keyed)
        n_tokens[r] = _tokens(keyed, n, table, full, tokens[r])
        n_fragments[r] = select(keyed, n, most, kept, seeds[4], seeds[5], fragments[r])
        n_fill[r] = _fill(exact, n, seeds[6], seeds[7], keyed, pairs, few, fill[r])
        stems[r, :] = 0
        semantic.accumulate(stem, letters, n, seeds[12], signs, counts, lanes, stems[r])
        logits[r, :] = 0
        n_features[r] = elicitation.add_logits(words, n, weights, buckets, logits[r])
