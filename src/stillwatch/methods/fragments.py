"""
Content-defined fragments: the few word shingles of a text that other texts with the same wording choose as well.

MinHash compares whole documents, and a forty-word template with a hundred-word fill has a Jaccard below 0.3. A fragment
is chosen by its own hash, so that wherever two texts share a run of words they share the fragments inside it.

- the first and the last 16 words are *winnowed*: of every four neighbouring three-word shingles the smallest stays. A
  shared run of six words is then never missed, and twelve words with one slot in them hold such a run;
- everywhere, five-word shingles whose hash is below 1/16 of the range stay (FracMinHash), smallest first;
- the first and the last 16 words are one fragment each, where there are as many.

References:
    Schleimer, Wilkerson and Aiken, "Winnowing", SIGMOD 2003 (guarantee: window + shingle - 1 words).
    Irber et al., "Lightweight compositional analysis of metagenomes with FracMinHash", 2022.
    Widths: benchmarks/quality/templates.
"""

from typing import Any

import numpy as np
from numba import njit

from stillwatch.methods.distinct import sort_distinct
from stillwatch.methods.hashing import U, rotate, sip_all

EDGE_WORDS = 16
EDGE_SHINGLE, EDGE_WINDOW = 3, 4  # the kernel unrolls the window
BODY_SHINGLE = 5
_BODY_BELOW = U(1 << 60)  # 1/16 of 2^64
_SALT_SHORT, _SALT_EDGE = U(0xA0761D6478BD642F), U(0xE7037ED1A0B428DB)
_U0, _ALL = U(0), U(0xFFFFFFFFFFFFFFFF)


@njit(cache=True, nogil=True, inline="always")
def shingle(words: Any, start: int, k: int, salt: np.uint64) -> np.uint64:
    """One 64-bit value for `k` words in their order; as uniform as the words, which are SipHash digests."""
    h = salt + words[start]
    for j in range(1, k):
        h += rotate(words[start + j], U(11 * j & 63))
    return h


@njit(cache=True, nogil=True)
def keep_small(kept: Any, n: int, limit: int, value: Any) -> int:
    """
    Put `value` into the sorted distinct kept[:n], of which only the `limit` smallest stay.

    Returns:
        How many are kept now.
    """
    if n == limit and value >= kept[n - 1]:
        return n
    at = n
    while at > 0 and kept[at - 1] > value:
        at -= 1
    if at > 0 and kept[at - 1] == value:
        return n
    if n < limit:
        n += 1
    for j in range(n - 1, at, -1):
        kept[j] = kept[j - 1]
    kept[at] = value
    return n


@njit(cache=True, nogil=True)
def _winnow(words: Any, start: int, end: int, kept: Any, n: int) -> int:
    """Of every four neighbouring shingles write the smallest behind kept[:n], or of fewer the smallest of all."""
    a, b, c, last = _ALL, _ALL, _ALL, _ALL
    stop = end - EDGE_SHINGLE + 1
    for i in range(start, min(start + EDGE_WINDOW - 1, stop)):
        a, b, c = b, c, shingle(words, i, EDGE_SHINGLE, _U0)
    if stop < start + EDGE_WINDOW:
        kept[n] = min(min(a, b), c)
        return n + 1
    for i in range(start + EDGE_WINDOW - 1, stop):
        d = shingle(words, i, EDGE_SHINGLE, _U0)
        smallest = min(min(a, b), min(c, d))
        kept[n] = smallest
        n += smallest != last
        last = smallest
        a, b, c = b, c, d
    return n


@njit(cache=True, nogil=True)
def _edges(words: Any, n_words: int, kept: Any) -> int:
    """The fragments at both ends, at most 30, some of them perhaps twice."""
    if n_words < EDGE_SHINGLE:
        kept[0] = shingle(words, 0, n_words, _SALT_SHORT)
        return 1
    n = _winnow(words, 0, min(EDGE_WORDS, n_words), kept, 0)
    if n_words > EDGE_WORDS:
        n = _winnow(words, n_words - EDGE_WORDS, n_words, kept, n)
    if n_words >= EDGE_WORDS:
        kept[n] = shingle(words, 0, EDGE_WORDS, _SALT_EDGE)
        kept[n + 1] = shingle(words, n_words - EDGE_WORDS, EDGE_WORDS, _SALT_EDGE)
        n += 2
    return n


@njit(cache=True, nogil=True)
def _body(words: Any, n_words: int) -> int:
    """The shingles everywhere that stay, some of them perhaps twice, in place of the words; returns how many."""
    n_shingles = n_words - BODY_SHINGLE + 1
    for i in range(n_shingles):  # a loop without branches is vectorised
        words[i] = shingle(words, i, BODY_SHINGLE, _U0)
    n = 0
    for i in range(n_shingles):
        value = words[i]
        words[n] = value
        n += value < _BODY_BELOW
    return n


@njit(cache=True, nogil=True)
def _smallest(values: Any, n: int, limit: int, kept: Any) -> int:
    """The `limit` smallest distinct values, sorted."""
    m = 0
    for i in range(n):
        m = keep_small(kept, m, limit, values[i])
    return m


@njit(cache=True, nogil=True)
def select(words: Any, n_words: int, limit: int, scratch: Any, k0: np.uint64, k1: np.uint64, out: Any) -> int:
    """
    Write the fragments of one text into `out`, sorted.

    Args:
        words: Keyed word hashes, uint64; overwritten.
        n_words: How many of them.
        limit: Most fragments to keep, at most distinct.MOST.
        scratch: (2, distinct.MOST) uint64.
        k0: Key of the stored digests, lower half.
        k1: Upper half.
        out: int64, at least `limit` long.

    Returns:
        Number of fragments.
    """
    if n_words == 0:
        return 0
    kept, ranks = scratch[0], scratch[1]
    n = _edges(words, n_words, kept)
    n_body = _body(words, n_words)
    if n + n_body > limit:  # only then does it matter which are smallest, and which are there twice
        n = _smallest(kept[:n].copy(), n, limit, kept)
        n_body = _smallest(words[:n_body].copy(), n_body, limit - n, words) if n < limit else 0
    for i in range(n_body):
        kept[n + i] = words[i]
    n += n_body
    sip_all(kept, n, k0, k1, ranks)
    for i in range(n):
        kept[i] = ranks[i]
    return sort_distinct(kept.view(np.int64), n, ranks.view(np.int64), out)
