"""
Whose words are these? Log-likelihood ratios of character k-grams between two bodies of text.

Counts live in hashed buckets, so that a body of text is one fixed vector and bodies add and subtract.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

ORDERS = (2, 3, 4, 5)
_BITS = 16
BUCKETS = len(ORDERS) << _BITS
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, volume 3, 6.4)


def gram_counts(texts: Iterable[str]) -> NDArray[np.float64]:
    """
    How often each bucket of character k-grams occurs; case and white space are folded.

    Returns:
        `(BUCKETS,)` counts, one block of 65,536 an order.

    >>> int(gram_counts(["abc"]).sum())
    3
    """
    found: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    for text in texts:
        codes = np.array([ord(c) for c in " ".join(text.lower().split())], dtype=np.uint64)
        for block, order in enumerate(ORDERS):
            if len(codes) >= order:
                found.append((block << _BITS) + _hashes(codes, order))
    return np.bincount(np.concatenate(found), minlength=BUCKETS).astype(np.float64)


def log_ratio(
    counts: NDArray[np.float64], teacher: NDArray[np.float64], field: NDArray[np.float64], smoothing: float = 0.5
) -> float:
    """
    Mean natural-log likelihood ratio a k-gram: `teacher` over `field`.

    Args:
        counts: `(BUCKETS,)` of the text in question.
        teacher: `(BUCKETS,)` of the text of one teacher.
        field: `(BUCKETS,)` of the text of everybody else.
        smoothing: Added to every bucket; 0.5 is Jeffreys' prior.

    >>> a, b = gram_counts(["so so so"]), gram_counts(["no no no"])
    >>> log_ratio(a, a, b) > 0 > log_ratio(b, a, b)
    True
    """
    seen = np.flatnonzero(counts)
    if not len(seen):
        return 0.0
    ratio = _log_share(teacher, seen, smoothing) - _log_share(field, seen, smoothing)
    return float(counts[seen] @ ratio / counts[seen].sum())


def _log_share(counts: NDArray[np.float64], at: NDArray[np.int64], smoothing: float) -> NDArray[np.float64]:
    totals = counts.reshape(len(ORDERS), -1).sum(axis=1)
    return np.asarray(np.log(counts[at] + smoothing) - np.log(totals[at >> _BITS] + smoothing * (1 << _BITS)), dtype=np.float64)


def _hashes(codes: NDArray[np.uint64], order: int) -> NDArray[np.int64]:
    mixed = np.zeros(len(codes) - order + 1, dtype=np.uint64)
    for place in range(order):
        mixed = (mixed ^ codes[place : len(codes) - order + 1 + place]) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(64 - _BITS)).astype(np.int64)
