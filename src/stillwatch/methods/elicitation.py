"""
A linear model over hashed words and word pairs: five logits a text, a prior on what is being elicited, never more.

The hashes are public: the shipped weights must read any house's text, whatever its key. A logit is
`bias + Σ weight / √n`, so that a long text does not outshout a short one.

References:
    Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
    Training and scores: benchmarks/quality/elicitation.
"""

from typing import Any

import numpy as np
from numba import njit

from stillwatch.methods.hashing import U, load8, mix

BUCKETS = 16_384
LANES = 8  # five classes, padded so that a row is eight bytes
MAX_WORDS = 512  # instructions stand at either end: the first 384 and the last 128 words are read
_HEAD = 384
_PAIR = U(0x9FB21C651E98DF25)
_U50 = U(50)
_ROWS = 256  # 256 × 255 is below 2^16
_BIAS, _EVEN = U(0x8080808080808080), U(0x00FF00FF00FF00FF)  # int8 + 128, and every second byte
_U8, _U16BITS = U(8), U(0xFFFF)


@njit(cache=True, nogil=True)
def buckets_of(words: Any, n: int, out: Any) -> int:
    """
    Buckets of the words and neighbouring pairs of one text, each once per occurrence.

    Args:
        words: Public word hashes, uint64.
        n: Number of words.
        out: (1024,) int32, receives the buckets.

    Returns:
        Number of buckets.
    """
    m, i = 0, 0
    while i < n:
        if i == _HEAD and n > MAX_WORDS:
            i = n - (MAX_WORDS - _HEAD)
        out[m] = np.int32(mix(words[i]) >> _U50)
        m += 1
        if i + 1 < n:
            out[m] = np.int32(mix(words[i] * _PAIR + words[i + 1]) >> _U50)
            m += 1
        i += 1
    return m


@njit(cache=True, nogil=True)
def add_logits(words: Any, n: int, weights: Any, scratch: Any, total: Any) -> int:
    """
    Add the weights of one text's features to `total`, (8,) int32; returns the number of features.

    A row of weights is read as one number and summed in eight lanes of 16 bits, which hold 256 rows.

    Args:
        words: Public word hashes, uint64.
        n: Number of words.
        weights: (16384, 8) int8.
        scratch: (1024,) int32.
        total: (8,) int32, added to.
    """
    m = buckets_of(words, n, scratch)
    for first in range(0, m, _ROWS):
        even, odd, last = U(0), U(0), min(m, first + _ROWS)
        for i in range(first, last):
            row = load8(weights, LANES * np.int64(scratch[i])) ^ _BIAS
            even += row & _EVEN
            odd += (row >> _U8) & _EVEN
        for j in range(4):
            total[2 * j] += np.int32((even >> U(16 * j)) & _U16BITS) - np.int32(128 * (last - first))
            total[2 * j + 1] += np.int32((odd >> U(16 * j)) & _U16BITS) - np.int32(128 * (last - first))
    return m
