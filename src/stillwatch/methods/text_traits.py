"""
What any language model's likelihood of a text follows: its length, its make-up, how usual its wording is, what it is about.

Measured from the texts alone, in which order they are listed does not matter.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

_BITS = 16  # of the buckets that k-grams are hashed into
_CONTEXT = 3  # characters before the one that is guessed
_TOPIC_BITS = 9
_AT_ONCE = 4_096  # texts
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, volume 3, 6.4)

Columns = NDArray[np.float64]


def traits(texts: Sequence[str]) -> dict[str, Columns]:
    """
    `(texts,)` of each trait, by its name; case and content of the texts are read, nothing else.

    Cost: about 0.1 ms a text of 500 characters.

    >>> {name: round(float(column[0]), 2) for name, column in traits(["AB 12.", "x"]).items() if name != "surprise"}
    {'characters': 6.0, 'words': 2.0, 'bytes a character': 1.0, 'compressed bytes a byte': 2.33, 'digits': 0.33, \
'capitals': 0.33, 'white space': 0.17, 'other signs': 0.17}
    """
    raw = [text.encode("utf-8", "surrogatepass") for text in texts]
    size = np.array([max(len(text), 1) for text in texts], dtype=np.float64)
    n_bytes = np.array([max(len(text), 1) for text in raw], dtype=np.float64)
    digits, capitals, spaces, letters = (
        np.array([sum(map(kind, text)) for text in texts], dtype=np.float64)
        for kind in (str.isdigit, str.isupper, str.isspace, str.isalpha)
    )
    return {
        "characters": size,
        "words": np.array([len(text.split()) for text in texts], dtype=np.float64),
        "bytes a character": n_bytes / size,
        "compressed bytes a byte": np.array([len(zlib.compress(text, 6)) for text in raw]) / n_bytes,
        "digits": digits / size,
        "capitals": capitals / size,
        "white space": spaces / size,
        "other signs": (size - digits - spaces - letters) / size,
        "surprise": surprise(texts),
    }


def surprise(texts: Sequence[str]) -> Columns:
    """
    `(texts,)` nats a character under a character model of order 3 that was fitted on the *other* texts.

    Interpolated with the model of order 0; k-grams live in 65,536 hashed buckets.

    >>> usual, odd = surprise(["so so so", "so so so", "zq!"])[1:]
    >>> bool(odd > usual)
    True
    """
    codes = [np.array([ord(c) for c in text], dtype=np.uint64) for text in texts]
    kinds = (1, _CONTEXT, _CONTEXT + 1)
    grams = [tuple(_hashes(row, order, _BITS) for order in kinds) for row in codes]
    totals = [np.zeros(1 << _BITS) for _ in kinds]
    for row in grams:
        for total, found in zip(totals, row, strict=True):
            np.add.at(total, found, 1.0)
    return np.array([_surprise_of(row, totals) for row in grams])


def _surprise_of(row: Sequence[NDArray[np.int64]], totals: Sequence[Columns]) -> float:
    single, context, whole = row
    if not len(single):
        return 0.0
    alone = _others(totals[0], single) + 0.5
    guess = alone / (totals[0].sum() - len(single) + 0.5 * (1 << 8))
    if len(whole):
        before = _others(totals[1], context)[: len(whole)]
        guess = guess.copy()
        guess[_CONTEXT:] = (_others(totals[2], whole) + 2.0 * guess[_CONTEXT:]) / (before + 2.0)
    return float(-np.log(np.clip(guess, 1e-12, 1.0)).mean())


def _others(total: Columns, found: NDArray[np.int64]) -> Columns:
    """How often the other texts have each of these k-grams."""
    kinds, at, own = np.unique(found, return_inverse=True, return_counts=True)
    return np.asarray((total[kinds] - own)[at], dtype=np.float64)


def topics(texts: Sequence[str], most: int) -> Columns:
    """
    `(texts, at most `most`)` coordinates of what the texts are about: leading components of hashed words and 4-grams.

    Each text is a vector of length 1 over 512 buckets, weighted by how few texts have them; components have unit variance.

    >>> topics(["tea and cake", "tea and scones", "prime numbers", "odd numbers"], 2).shape
    (4, 2)
    """
    rows = [_topic_buckets(text) for text in texts]
    width = 1 << _TOPIC_BITS
    seen = np.bincount(np.concatenate([np.unique(row) for row in rows]), minlength=width)
    weight = np.log((1.0 + len(texts)) / (1.0 + seen))
    gram, mean = np.zeros((width, width)), np.zeros(width)
    for start in range(0, len(rows), _AT_ONCE):
        some = _unit_rows(rows[start : start + _AT_ONCE], weight)
        gram += some.T @ some
        mean += some.sum(axis=0)
    mean /= len(rows)
    spread = gram - len(rows) * np.outer(mean, mean)
    sizes, axes = linalg.eigh(spread, subset_by_index=[width - most, width - 1])
    kept = np.flatnonzero(sizes > 1e-9 * max(float(np.trace(spread)), 1e-300))[::-1]
    parts = [(_unit_rows(rows[s : s + _AT_ONCE], weight) - mean) @ axes[:, kept] for s in range(0, len(rows), _AT_ONCE)]
    return np.asarray(np.concatenate(parts) * np.sqrt(len(rows) / sizes[kept]), dtype=np.float64)


def _topic_buckets(text: str) -> NDArray[np.int64]:
    folded = text.lower()
    words = np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in folded.split()], dtype=np.int64)
    codes = np.array([ord(c) for c in folded], dtype=np.uint64)
    return np.concatenate([words & ((1 << _TOPIC_BITS) - 1), _hashes(codes, 4, _TOPIC_BITS)])


def _unit_rows(rows: Sequence[NDArray[np.int64]], weight: Columns) -> Columns:
    found = np.array([np.bincount(row, minlength=len(weight)) for row in rows]) * weight
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), dtype=np.float64)


def _hashes(codes: NDArray[np.uint64], order: int, bits: int) -> NDArray[np.int64]:
    if len(codes) < order:
        return np.zeros(0, dtype=np.int64)
    mixed = np.zeros(len(codes) - order + 1, dtype=np.uint64)
    for place in range(order):
        mixed = (mixed ^ codes[place : len(codes) - order + 1 + place]) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(64 - bits)).astype(np.int64)
