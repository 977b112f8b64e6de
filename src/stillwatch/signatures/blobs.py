"""
Digests of long opaque strings in a request: encrypted reasoning that a provider handed out and a client sends back.

A provider's reasoning blob is integrity-protected, so whoever replays it must send it whole: it is the one text of a request
that cannot be paraphrased. Looked for are runs of base64 in the newest turn and in the history, which no other signature reads;
of a run of MIN_RUN bytes every byte at a multiple of STRIDE is one of its alphabet, so that only these are looked at.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from stillwatch.methods.fragments import keep_small
from stillwatch.methods.hashing import U, borrowed, load8, mix, sip
from stillwatch.privacy import Key
from stillwatch.signatures.texts import Texts, texts_of

Ints = npt.NDArray[np.int64]

MIN_RUN = 96  # bytes: a lock file's "sha512-" with its 88 characters, which thousands of repositories share, is one less
STRIDE = 96
MAX_BLOBS = 8
_LEAST = 16  # each of upper case, lower case and digits is at least a sixteenth of a blob; of base64 the rarest are 16 %
_OTHER, _UPPER, _LOWER, _DIGIT, _SIGN = 0, 1, 2, 3, 4
_PRIME = U(0x9FB21C651E98DF25)


def _alphabet() -> npt.NDArray[np.uint8]:
    """Kind of each byte in the two alphabets of RFC 4648, sections 4 and 5."""
    kinds = np.full(256, _OTHER, np.uint8)
    for first, last, kind in (("A", "Z", _UPPER), ("a", "z", _LOWER), ("0", "9", _DIGIT)):
        kinds[ord(first) : ord(last) + 1] = kind
    kinds[[ord(c) for c in "+/-_="]] = _SIGN
    return kinds


_KINDS = _alphabet()


@functools.lru_cache(maxsize=4)
def _seeds(key: Key) -> tuple[np.uint64, np.uint64]:
    return U(key.seed("signatures blobs 0")), U(key.seed("signatures blobs 1"))


def blobs(prompts: pa.Array, messages: pa.Array, key: Key) -> pa.Array:
    """
    The smallest MAX_BLOBS distinct digests of each exchange's blobs, sorted; null where it has none.

    Cost: one byte in STRIDE of the text, and every byte of a run.

    Args:
        prompts: (n,) strings, possibly null.
        messages: (n,) list<struct<role, content>>, possibly null.
        key: Keys the digests.
    """
    n = len(prompts)
    kept, counts = np.zeros((n, MAX_BLOBS), np.int64), np.zeros(n, np.int64)
    _collect(texts_of(prompts), np.arange(n + 1), key, kept, counts)
    if messages.null_count < n:
        lists = np.zeros(n + 1, np.int64)
        np.cumsum(np.diff(messages.offsets.to_numpy()) * messages.is_valid().to_numpy(zero_copy_only=False), out=lists[1:])
        _collect(texts_of(messages.flatten().field("content")), lists, key, kept, counts)
    if not counts.any():
        return pa.nulls(n, pa.list_(pa.int64()))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values = kept[np.arange(MAX_BLOBS) < counts[:, None]]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), mask=pa.array(counts == 0))


def _collect(texts: Texts, lists: Ints, key: Key, kept: Ints, counts: Ints) -> None:
    """Add the blobs of texts lists[i] to lists[i + 1] to those of row i."""
    if len(texts.present):
        _collect_all(texts.data, texts.offsets, texts.present, lists, _KINDS, *_seeds(key), kept, counts)


@njit(cache=True, nogil=True)
def _collect_all(
    data: Any, offsets: Any, present: Any, lists: Any, kinds: Any, k0: np.uint64, k1: np.uint64, kept: Any, counts: Any
) -> None:
    data, offsets, kinds, kept = borrowed(data), borrowed(offsets), borrowed(kinds), borrowed(kept)
    for row in range(len(lists) - 1):
        for i in range(lists[row], lists[row + 1]):
            start, end = offsets[i], offsets[i + 1]
            if not present[i] or end - start < MIN_RUN:
                continue
            at = start + STRIDE - 1
            while at < end:
                if kinds[data[at]] == _OTHER:
                    at += STRIDE
                    continue
                first, last = _run(data, start, end, at, kinds)
                if last - first >= MIN_RUN and _is_opaque(data, first, last, kinds):
                    digest = np.int64(sip(_hash(data, first, last), k0, k1))
                    counts[row] = keep_small(kept[row], counts[row], MAX_BLOBS, digest)
                at += STRIDE * ((last - at) // STRIDE + 1)


@njit(cache=True, nogil=True)
def _run(data: Any, start: int, end: int, at: int, kinds: Any) -> tuple[int, int]:
    """Where the run around `at` begins and stops."""
    first, last = at, at + 1
    while first > start and kinds[data[first - 1]] != _OTHER:
        first -= 1
    while last < end and kinds[data[last]] != _OTHER:
        last += 1
    return first, last


@njit(cache=True, nogil=True)
def _is_opaque(data: Any, first: int, last: int, kinds: Any) -> bool:
    """Is it encoded bytes rather than a path, a slug, a ruler of dashes or a number?"""
    seen = np.zeros(5, np.int64)
    for i in range(first, last):
        seen[kinds[data[i]]] += 1
    return min(seen[_UPPER], seen[_LOWER], seen[_DIGIT]) * _LEAST >= last - first


@njit(cache=True, nogil=True)
def _hash(data: Any, first: int, last: int) -> np.uint64:
    """A public hash of at least eight bytes; nothing beyond them is read."""
    h = U(last - first)
    for i in range(first, last - 7, 8):
        h = mix((h ^ load8(data, i)) * _PRIME)
    return mix((h ^ load8(data, last - 8)) * _PRIME)
