"""
What each signature of a text costs: its kernel alone, over words that were found before.

Words are found once for all of them; each part then runs over the words of every text, as `signatures.scan` calls it, into the
same row again. Together they are what the one pass costs, less what it writes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from stillwatch.methods import elicitation, semantic
from stillwatch.methods.distinct import MOST
from stillwatch.methods.fragments import select
from stillwatch.methods.hashing import U, borrowed, sip_all
from stillwatch.methods.words import ascii_words
from stillwatch.signatures import scan, shape
from stillwatch.signatures.scan import Scanner
from stillwatch.signatures.texts import texts_of

_ROOM = 64  # bytes and words behind a text that a kernel may look at


@njit(nogil=True)
def _words(data: Any, offsets: Any, low: Any, out: Any, lows: Any, starts: Any, words: Any) -> None:
    """The words of each ASCII text; kept, with the text in lower case, where there is room for them."""
    data, offsets, low = borrowed(data), borrowed(offsets), borrowed(low)
    out = (borrowed(out[0]), borrowed(out[1]), borrowed(out[2]), borrowed(out[3]))
    total = 0
    for i in range(len(offsets) - 1):
        n, size, _ = ascii_words(data, offsets[i], offsets[i + 1], low, out, 0, U(1))
        starts[i + 1] = starts[i] + n
        if len(lows):
            lows[offsets[i] : offsets[i] + size] = low[:size]
            words[0][total : total + n], words[1][total : total + n] = out[0][:n], out[1][:n]
            words[2][total : total + n], words[3][total : total + n] = out[2][:n], out[3][:n]
        total += n


@njit(nogil=True)
def _keyed(words: Any, starts: Any, k0: Any, k1: Any, out: Any) -> None:
    words, out = borrowed(words), borrowed(out)
    for i in range(len(starts) - 1):
        sip_all(words[starts[i] : starts[i + 1]], starts[i + 1] - starts[i], k0, k1, out[starts[i] : starts[i + 1]])


@njit(nogil=True)
def _tokens(keyed: Any, starts: Any, table: Any, full: Any, out: Any) -> None:
    keyed, table, full, out = borrowed(keyed), borrowed(table), borrowed(full), borrowed(out)
    for i in range(len(starts) - 1):
        scan._tokens(keyed[starts[i] : starts[i + 1]], starts[i + 1] - starts[i], table, full, out)


@njit(nogil=True)
def _fragments(keyed: Any, starts: Any, seeds: Any, copy: Any, scratch: Any, out: Any) -> None:
    keyed, copy, scratch, out = borrowed(keyed), borrowed(copy), borrowed(scratch), borrowed(out)
    for i in range(len(starts) - 1):
        n = starts[i + 1] - starts[i]
        copy[:n] = keyed[starts[i] : starts[i + 1]]
        select(copy, n, scan.PROMPT_FRAGMENTS, scratch, seeds[4], seeds[5], out)


@njit(nogil=True)
def _fill(exact: Any, starts: Any, seeds: Any, plain: Any, pairs: Any, few: Any, out: Any) -> None:
    exact, plain, pairs, few, out = borrowed(exact), borrowed(plain), borrowed(pairs), borrowed(few), borrowed(out)
    for i in range(len(starts) - 1):
        n = starts[i + 1] - starts[i]
        scan._fill(exact[starts[i] : starts[i + 1]], n, seeds[6], seeds[7], plain, pairs, few, out)


@njit(nogil=True)
def _meaning(stems: Any, letters: Any, starts: Any, seed: Any, signs: Any, scratch: Any, total: Any) -> None:
    stems, letters, signs, total = borrowed(stems), borrowed(letters), borrowed(signs), borrowed(total)
    copy, sizes, counts, lanes = borrowed(scratch[0]), borrowed(scratch[1]), borrowed(scratch[2]), borrowed(scratch[3])
    for i in range(len(starts) - 1):
        n = starts[i + 1] - starts[i]
        copy[:n], sizes[:n], total[:] = stems[starts[i] : starts[i + 1]], letters[starts[i] : starts[i + 1]], 0
        semantic.accumulate(copy, sizes, n, seed, signs, counts, lanes, total)


@njit(nogil=True)
def _elicitation(words: Any, starts: Any, weights: Any, buckets: Any, total: Any) -> None:
    words, weights, buckets, total = borrowed(words), borrowed(weights), borrowed(buckets), borrowed(total)
    for i in range(len(starts) - 1):
        elicitation.add_logits(words[starts[i] : starts[i + 1]], starts[i + 1] - starts[i], weights, buckets, total)


@njit(nogil=True)
def _contract(lows: Any, offsets: Any, known: Any, words: Any, starts: Any, out: Any) -> None:
    lows, words, out = borrowed(lows), borrowed(words), borrowed(out)
    known = (borrowed(known[0]), borrowed(known[1]), borrowed(known[2]), borrowed(known[3]))
    for i in range(len(starts) - 1):
        n = starts[i + 1] - starts[i]
        shape.elements_of(lows[offsets[i] :], offsets[i + 1] - offsets[i], known, words[starts[i] : starts[i + 1]], n, out)


def parts(scanner: Scanner, column: pa.Array) -> dict[str, Callable[[], None]]:
    """
    Each part over a whole column, ready to run.

    Args:
        scanner: Tables and seeds.
        column: ASCII texts, none null.
    """
    texts, seeds = texts_of(column), scanner.seeds
    offsets = texts.offsets - texts.offsets[0]
    data = np.append(texts.data[texts.offsets[0] : texts.offsets[-1]], np.zeros(_ROOM, np.uint8))
    room = int(np.diff(offsets).max()) + 2 * _ROOM
    low, starts = np.zeros(room, np.uint8), np.zeros(len(column) + 1, np.int64)
    kinds = (np.uint64, np.uint64, np.uint64, np.uint8)
    out, none = tuple(np.empty(room, kind) for kind in kinds), tuple(np.empty(0, kind) for kind in kinds)
    _words(data, offsets, low, out, none[3], starts, none)
    words, lows, keyed = (
        tuple(np.empty(int(starts[-1]), k) for k in kinds),
        np.zeros(len(data), np.uint8),
        np.empty(int(starts[-1]), np.uint64),
    )
    _words(data, offsets, low, out, lows, starts, words)
    _keyed(words[0], starts, seeds[2], seeds[3], keyed)
    again = starts.copy()
    table, full = np.empty(scan._SLOTS + 1, np.int64), np.empty(scan._SLOTS // 64, np.uint64)
    scratch, few = np.empty((2, MOST), np.uint64), np.empty((3, MOST + 1), np.int32)
    sums = (
        np.empty(room, np.uint64),
        np.empty(room, np.uint8),
        np.empty(semantic.BUCKETS, np.uint8),
        np.empty(semantic.BITS, np.int16),
    )
    tokens, fragments, fill = np.empty(48, np.int32), np.empty(MOST, np.int64), np.empty(scan.MAX_FILL, np.int32)
    logits, buckets = np.zeros(elicitation.LANES, np.int32), np.empty(2 * elicitation.MAX_WORDS, np.int32)
    total, elements = np.zeros(semantic.BITS, np.int32), np.empty(shape.MAX_ELEMENTS, np.uint64)
    return {
        "words, found and hashed": lambda: _words(data, offsets, low, out, none[3], again, none),
        "words, keyed": lambda: _keyed(words[0], starts, seeds[2], seeds[3], keyed),
        "fragments": lambda: _fragments(keyed, starts, seeds, out[0], scratch, fragments),
        "contract": lambda: _contract(lows, offsets, scanner.known, words[0], starts, elements),
        "meaning": lambda: _meaning(words[2], words[3], starts, seeds[12], scanner.signs, sums, total),
        "rare words": lambda: _tokens(keyed, starts, table, full, tokens),
        "fill": lambda: _fill(words[1], starts, seeds, out[0], out[1], few, fill),
        "elicitation": lambda: _elicitation(words[0], starts, scanner.weights, buckets, logits),
    }
