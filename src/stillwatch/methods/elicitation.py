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

from stillwatch.methods.hashing import U, mix

BUCKETS = 16_384
LANES = 8  # five classes, padded so that a row is eight bytes
MAX_WORDS = 512  # instructions stand at either end: the first 384 and the last 128 words are read
_HEAD = 384
_PAIR = U(0x9FB21C651E98DF25)
_U50 = U(50)


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

    Args:
        words: Public word hashes, uint64.
        n: Number of words.
        weights: (16384, 8) int8.
        scratch: (1024,) int32.
        total: (8,) int32, added to.
    """
    m = buckets_of(words, n, scratch)
    for i in range(m):
        at = scratch[i]
        for j in range(LANES):
            total[j] += np.int32(weights[at, j])
    return m
