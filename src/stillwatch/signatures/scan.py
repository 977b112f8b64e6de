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
from stillwatch.methods.fragments import keep_small, select
from stillwatch.methods.hashing import U, borrowed, load8, mix, sip, sip_all
from stillwatch.methods.words import any_words, ascii_words
from stillwatch.privacy import Key
from stillwatch.signatures import shape

MAX_FRAGMENTS, MAX_TOKENS, MAX_FILL = 48, 48, 8
PROMPT_FRAGMENTS, SYSTEM_FRAGMENTS = 32, 16  # a system prompt is mostly fixed text: sixteen fragments name it well
HEAD_BYTES, TAIL_BYTES = 768 << 10, 256 << 10  # of a longer text only its two ends are signed, and S0 by all of it
_PAIR = U(0x9FB21C651E98DF25)
_START = U(0x9E3779B97F4A7C15)
_PRIME = U(0xD6E8FEB86659FD93)
_U0, _U32 = U(0), U(32)
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
        np.empty(MAX_FRAGMENTS, np.uint64),
        np.empty(_SLOTS + 1, np.int64),
        np.empty(words, np.uint64),
        np.empty(semantic.BITS, np.int16),
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
def _tokens(keyed: Any, n: int, table: Any, out: Any) -> int:
    """
    The 48 smallest distinct digests, sorted.

    Digests are uniform, so a table that is filled in their order sorts them on the way. Of a long text only the digests below a
    power of two that should leave 64 to 128 are looked at; where repetition leaves too few, all are.
    """
    shift = 0
    while n >> shift > 128:
        shift += 1
    while shift >= 0:
        kept = _ordered(keyed, n, shift, table, out)
        if kept == MAX_TOKENS or (shift == 0 and kept >= 0):
            return kept
        shift -= 1
    kept = 0
    for i in range(n):
        kept = keep_small(out, kept, MAX_TOKENS, np.int32(keyed[i] & U(0xFFFFFFFF)))
    return kept


@njit(cache=True, nogil=True)
def _ordered(keyed: Any, n: int, shift: int, table: Any, out: Any) -> int:
    """One try of `_tokens`; -1 where the table overflows."""
    table[:] = _EMPTY
    limit = np.int64(1) << (32 - shift)
    for i in range(n):
        value = np.int64(keyed[i] & U(0xFFFFFFFF)) ^ 0x80000000  # order of int32 as unsigned
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
                break
            at += 1
    kept = 0
    for at in range(_SLOTS):  # without a branch: which slots are full cannot be predicted
        table[kept] = table[at]
        kept += table[at] != _EMPTY
    kept = min(kept, MAX_TOKENS)
    for at in range(kept):
        out[at] = np.int32(table[at] - 0x80000000)
    return kept


@njit(cache=True, nogil=True)
def _fill(exact: Any, n: int, k0: np.uint64, k1: np.uint64, plain: Any, pairs: Any, out: Any) -> int:
    n_pairs = max(n - 1, min(n, 1))
    if n == 1:
        plain[0] = exact[0] * _PAIR
    for i in range(n - 1):
        plain[i] = exact[i] * _PAIR + exact[i + 1]
    sip_all(plain, n_pairs, k0, k1, pairs)  # into another array: several at a time only where none can be the next one's input
    below = np.int64(0x7FFFFFFF)
    if n_pairs > 4 * MAX_FILL:  # few of a long text's pairs can be among the smallest
        below = np.int64(2 * MAX_FILL / n_pairs * 2**32) - 2**31
    kept = _below(pairs, n_pairs, below, out)
    if kept < MAX_FILL:
        kept = _below(pairs, n_pairs, np.int64(0x7FFFFFFF), out)
    return kept


@njit(cache=True, nogil=True)
def _below(pairs: Any, n: int, below: int, out: Any) -> int:
    kept = 0
    for i in range(n):
        value = np.int32(pairs[i] & U(0xFFFFFFFF))
        if value <= below:
            kept = keep_small(out, kept, MAX_FILL, value)
    return kept


@njit(cache=True, nogil=True)
def _scan(data: Any, offsets: Any, rows: Any, ascii_only: bool, most: int, tables: Any, scratch: Any, out: Any) -> None:
    seeds, signs, classes, weights = borrowed(tables[0]), borrowed(tables[1]), borrowed(tables[2]), borrowed(tables[4])
    known = (borrowed(tables[3][0]), borrowed(tables[3][1]), borrowed(tables[3][2]), borrowed(tables[3][3]))
    low, keyed, counts, buckets = borrowed(scratch[0]), borrowed(scratch[2]), borrowed(scratch[3]), borrowed(scratch[4])
    kept, table, pairs, lanes = borrowed(scratch[5]), borrowed(scratch[6]), borrowed(scratch[7]), borrowed(scratch[8])
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
        n_tokens[r] = _tokens(keyed, n, table, tokens[r])
        n_fragments[r] = select(keyed, n, most, kept, seeds[4], seeds[5], fragments[r])
        n_fill[r] = _fill(exact, n, seeds[6], seeds[7], keyed, pairs, fill[r])
        semantic.accumulate(stem, letters, n, seeds[12], signs, counts, lanes, stems[r])
        n_features[r] = elicitation.add_logits(words, n, weights, buckets, logits[r])


@dataclass(frozen=True, slots=True)
class Joined:
    """The signature columns of `n` exchanges; counts are -1 where the exchange has no text."""

    exact: npt.NDArray[np.int64]
    fragments: npt.NDArray[np.int64]  # (n, 48)
    n_fragments: npt.NDArray[np.int32]
    contract: npt.NDArray[np.int64]
    has_contract: npt.NDArray[np.bool_]
    high: npt.NDArray[np.int64]
    low: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int32]  # (n, 48)
    n_tokens: npt.NDArray[np.int32]
    logits: npt.NDArray[np.int8]  # (n, 5)
    n_words: npt.NDArray[np.int32]


def join(
    scanner: Scanner, prompts: Scanned, systems: Scanned, prompt_of: npt.NDArray[np.int64], system_of: npt.NDArray[np.int64],
    tools: npt.NDArray[np.uint64], biases: npt.NDArray[np.float64], scale: float,
) -> Joined:  # fmt: skip
    """
    One signature an exchange from its newest turn and its system prompt.

    Args:
        scanner: Tables and seeds.
        prompts: Scanned newest turns.
        systems: Scanned distinct system prompts.
        prompt_of: (n,) row of `prompts`, -1 where the exchange has none.
        system_of: (n,) row of `systems`, -1 where the exchange has none.
        tools: (n,) value of the set of tools, 0 where there are none.
        biases: (5,) of S7, in logits.
        scale: Logits a unit of weight.
    """
    n = len(prompt_of)
    out = (
        np.zeros(n, np.int64),
        np.empty((n, MAX_FRAGMENTS), np.int64),
        np.full(n, -1, np.int32),
        np.zeros(n, np.int64),
        np.zeros(n, np.bool_),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.empty((n, MAX_TOKENS), np.int32),
        np.full(n, -1, np.int32),
        np.zeros((n, 5), np.int8),
        np.zeros(n, np.int32),
    )
    nothing = Scanned.empty(1)
    _join(scanner.seeds, prompts.arrays(), systems.arrays(), nothing.arrays(), prompt_of, system_of, tools, biases, scale, out)
    return Joined(*out)


@njit(cache=True, nogil=True)
def _union(first: Any, n_first: int, second: Any, n_second: int, limit: int, out: Any) -> int:
    """The smallest `limit` distinct values of two sorted rows."""
    i, j, n = 0, 0, 0
    while n < limit and (i < n_first or j < n_second):
        if j >= n_second or (i < n_first and first[i] <= second[j]):
            value = first[i]
            i += 1
        else:
            value = second[j]
            j += 1
        if n == 0 or out[n - 1] != value:
            out[n] = value
            n += 1
    return n


@njit(cache=True, nogil=True)
def _join(
    seeds: Any,
    prompts: Any,
    systems: Any,
    nothing: Any,
    prompt_of: Any,
    system_of: Any,
    tools: Any,
    biases: Any,
    scale: float,
    out: Any,
) -> None:
    exact, fragments, n_fragments, contract, has_contract, high, low, tokens, n_tokens, logits, n_words = out
    scratch = np.empty(shape.MAX_ELEMENTS, np.uint64)
    for i in range(len(prompt_of)):
        p, s = max(prompt_of[i], 0), max(system_of[i], 0)
        one = prompts if prompt_of[i] >= 0 else nothing
        two = systems if system_of[i] >= 0 else nothing
        value = shape.contract_of(one[9][p], one[10][p], two[9][s], two[10][s], tools[i], scratch)
        if value != _U0:
            contract[i] = np.int64(sip(value, seeds[8], seeds[9]))
            has_contract[i] = True
        if prompt_of[i] < 0 and system_of[i] < 0:
            continue
        exact[i] = np.int64(sip(mix(one[0][p]) + two[0][s], seeds[0], seeds[1]))
        n_words[i] = one[1][p] + two[1][s]
        n_fragments[i] = _union(one[2][p], one[3][p], two[2][s], two[3][s], MAX_FRAGMENTS, fragments[i])
        n_tokens[i] = _union(one[4][p], one[5][p], two[4][s], two[5][s], MAX_TOKENS, tokens[i])
        high[i], low[i] = semantic.signs_of(one[8][p], two[8][s])
        n_features = one[12][p] + two[12][s]
        for j in range(5):
            logit = biases[j]
            if n_features > 0:
                logit += scale * (one[11][p][j] + two[11][s][j]) / np.sqrt(n_features)
            logits[i, j] = np.int8(min(127, max(-128, round(16 * logit))))
