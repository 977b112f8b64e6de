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

from stillwatch.methods.hashing import U, rotate, sip

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
def _winnow(words: Any, start: int, end: int, kept: Any, n: int, limit: int) -> int:
    """Of every four neighbouring shingles keep the smallest; of fewer, the smallest of all."""
    a, b, c, last = _ALL, _ALL, _ALL, _ALL
    for i in range(start, end - EDGE_SHINGLE + 1):
        d = shingle(words, i, EDGE_SHINGLE, _U0)
        smallest = min(min(a, b), min(c, d))
        if smallest != last and (i >= start + EDGE_WINDOW - 1 or i == end - EDGE_SHINGLE):
            n = keep_small(kept, n, limit, smallest)
            last = smallest
        a, b, c = b, c, d
    return n


@njit(cache=True, nogil=True)
def select(words: Any, n_words: int, limit: int, scratch: Any, k0: np.uint64, k1: np.uint64, out: Any) -> int:
    """
    Write the fragments of one text into `out`, sorted.

    Args:
        words: Keyed word hashes, uint64; overwritten.
        n_words: How many of them.
        limit: Most fragments to keep.
        scratch: uint64, at least `limit` long.
        k0: Key of the stored digests, lower half.
        k1: Upper half.
        out: int64, at least `limit` long.

    Returns:
        Number of fragments.
    """
    if n_words == 0:
        return 0
    n = 0
    if n_words < EDGE_SHINGLE:
        n = keep_small(scratch, n, limit, shingle(words, 0, n_words, _SALT_SHORT))
    else:
        n = _winnow(words, 0, min(EDGE_WORDS, n_words), scratch, n, limit)
        if n_words > EDGE_WORDS:
            n = _winnow(words, n_words - EDGE_WORDS, n_words, scratch, n, limit)
    if n_words >= EDGE_WORDS:
        n = keep_small(scratch, n, limit, shingle(words, 0, EDGE_WORDS, _SALT_EDGE))
        n = keep_small(scratch, n, limit, shingle(words, n_words - EDGE_WORDS, EDGE_WORDS, _SALT_EDGE))
    for i in range(n):
        out[i] = np.int64(sip(scratch[i], k0, k1))
    room, n_body = limit - n, 0
    n_shingles = n_words - BODY_SHINGLE + 1
    for i in range(n_shingles):  # words are not needed any more, and a loop without branches is vectorised
        words[i] = shingle(words, i, BODY_SHINGLE, _U0)
    for i in range(n_shingles):
        if words[i] < _BODY_BELOW:
            n_body = keep_small(scratch, n_body, room, words[i])
    for i in range(n_body):
        out[n + i] = np.int64(sip(scratch[i], k0, k1))
    out[: n + n_body].sort()
    return n + n_body
