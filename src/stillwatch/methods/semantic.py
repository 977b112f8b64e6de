"""
A 128-bit sign sketch of what a text is about: hashed stems, projected at random, signs kept.

Two sketches differ in a share of bits near angle/π of their weighted stem vectors, so that Hamming distance stands for
cosine. The weight comes from the word alone, so that a signature never depends on which other texts are in the batch:
frequent words are short in every alphabet measured (Zipf's law of abbreviation), hence words of one or two letters weigh
nothing and the weight grows up to seven letters; a stem's second occurrence counts half, its third a third, its ninth no more.

References:
    Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002 (angle and signs).
    Bentz and Ferrer-i-Cancho, "Zipf's law of abbreviation as a language universal", 2016.
    Weight against measured idf: benchmarks/quality/templates.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, mix

BITS = 128
BUCKETS = 4096
_WEIGHT = np.array([0, 0, 0, 1, 2, 4, 5, 6], np.int32)  # by letters; longer as seven
_DAMP = np.array([12, 6, 4, 3, 2, 2, 2, 1, 0], np.int32)  # by earlier occurrences; then nothing
_U52 = U(52)
_A_LANE = 448  # words of the greatest weight, 6 × 12, whose sum 16 bits hold


def projection(seed: int) -> npt.NDArray[np.int8]:
    """
    A fixed random sign for each of 4096 stem buckets and 128 directions.

    Args:
        seed: 64-bit seed of the key; Philox gives the same signs on every machine.

    Returns:
        Shape (4096, 128) int8, each -1 or 1.
    """
    bits = np.random.Generator(np.random.Philox(key=seed)).bytes(BUCKETS * BITS // 8)
    return (np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(BUCKETS, BITS).astype(np.int8) * 2 - 1).astype(np.int8)


@njit(cache=True, nogil=True)
def accumulate(stems: Any, weights: Any, n: int, seed: np.uint64, signs: Any, counts: Any, lanes: Any, total: Any) -> None:
    """
    Add the projected stems of one text to `total`.

    Args:
        stems: Stem hashes, uint64; overwritten.
        weights: Letters of each word, uint8; overwritten.
        n: Number of words.
        seed: Keys the choice of bucket.
        signs: `projection`, (4096, 128) int8.
        counts: Scratch, (4096,) uint8; overwritten.
        lanes: Scratch, (128,) int16: sums of some words, half as wide as the total's.
        total: (128,) int32, added to.
    """
    counts[:] = 0
    for i in range(n):
        stems[i] = mix(stems[i] ^ seed) >> _U52
    m = 0
    for i in range(n):  # what weighs nothing is left out, without a branch: which words are short cannot be predicted
        place = stems[i]
        weight, seen = _WEIGHT[min(weights[i], 7)], counts[place]
        scaled = weight * _DAMP[seen]
        counts[place] = seen + (scaled > 0)
        stems[m] = place
        weights[m] = scaled
        m += scaled > 0
    for first in range(0, m, _A_LANE):
        lanes[:] = 0
        last = min(m, first + _A_LANE)
        for i in range(first, last - 3, 4):  # four rows at a time, then a sum is stored
            b0, b1, b2, b3 = np.int64(stems[i]), np.int64(stems[i + 1]), np.int64(stems[i + 2]), np.int64(stems[i + 3])
            w0, w1, w2, w3 = np.int16(weights[i]), np.int16(weights[i + 1]), np.int16(weights[i + 2]), np.int16(weights[i + 3])
            for j in range(BITS):
                two = np.int16(w0 * signs[b0, j] + w1 * signs[b1, j])
                lanes[j] = np.int16(lanes[j] + two + np.int16(w2 * signs[b2, j] + w3 * signs[b3, j]))
        for i in range(last - (last - first) % 4, last):
            bucket, w = np.int64(stems[i]), np.int16(weights[i])
            for j in range(BITS):
                lanes[j] = np.int16(lanes[j] + w * signs[bucket, j])
        for j in range(BITS):
            total[j] += np.int32(lanes[j])


@njit(cache=True, nogil=True)
def signs_of(first: Any, second: Any) -> tuple[np.int64, np.int64]:
    """Signs of two totals, each scaled to length one, as two 64-bit halves; a total of zeros counts for nothing."""
    square_1, square_2 = np.int64(0), np.int64(0)
    for j in range(BITS):
        square_1 += np.int64(first[j]) * np.int64(first[j])
        square_2 += np.int64(second[j]) * np.int64(second[j])
    if square_2 == 0:
        return _positive(first, 0), _positive(first, 64)
    scale_1 = 1.0 / np.sqrt(float(square_1)) if square_1 > 0 else 0.0
    scale_2 = 1.0 / np.sqrt(float(square_2))
    high, low = U(0), U(0)
    for j in range(64):
        high |= U(scale_1 * first[j] + scale_2 * second[j] > 0) << U(j)
        low |= U(scale_1 * first[64 + j] + scale_2 * second[64 + j] > 0) << U(j)
    return np.int64(high), np.int64(low)


@njit(cache=True, nogil=True)
def _positive(total: Any, start: int) -> np.int64:
    """Which of 64 sums are above zero."""
    found = U(0)
    for j in range(64):
        found |= U(total[start + j] > 0) << U(j)
    return np.int64(found)
