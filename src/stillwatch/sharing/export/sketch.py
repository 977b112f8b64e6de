"""
A template as 128 bytes that only holders of the epoch's key can compare: keyed MinHash, one byte a permutation.

Works for wording that many requests share. Blind to paraphrase. Without the key two sketches of one template agree as often
as chance (1 in 256 a byte), so a guess cannot be confirmed; whoever holds the key can confirm one, hence the floors.

References:
    Broder, "On the resemblance and containment of documents", 1997. b-bit truncation: Li and König, "b-Bit Minwise
    Hashing", WWW 2010. Secret functions: Liang et al., CiC 1(4), 2024. Figures: docs/research.md, exchange.
"""

import base64
import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import sip
from stillwatch.privacy import Key

PERMUTATIONS = 128
SHINGLE_WORDS = 4
THRESHOLD = 0.7
ALGORITHM, SHINGLE, NORMALIZER = "minhash-b8", "word-4", "dx-norm-1"
_KNOWN_WORDS = 200_000  # digests kept; a language has fewer words in use
_SLOT = re.compile(r"[…⟨⟩]+|‹[^›]*›|<[^>]*>|\{[^}]*\}|\d[\d.,:/-]*")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Epoch:
    """
    The key that all members share for a while, and its public name.

    Args:
        name: For example `2026q4`.
        key: 32 random bytes from the exchange's operator.
    """

    name: str
    key: Key

    def __post_init__(self) -> None:
        if re.fullmatch(r"[a-z0-9-]{1,16}", self.name) is None:
            raise ValueError("an epoch's name has 1 to 16 of a-z, 0-9 and dash, for example 2026q4")


def parts(text: str) -> list[list[str]]:
    """
    The words of a text between its slots; slots, numbers, names in brackets and case are taken out (`dx-norm-1`).

    >>> parts("Rate the answer of ⟨…⟩ from 1 to 10 with great care")
    [['rate', 'the', 'answer', 'of'], ['from'], ['to'], ['with', 'great', 'care']]
    """
    clean = unicodedata.normalize("NFKC", text).lower()
    return [words for part in _SLOT.split(clean) if (words := _WORD.findall(part))]


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """
    Runs of four words that stand between slots.

    >>> sorted(shingles("Rate the answer of ⟨…⟩ from 1 to 10 with great care"))
    [('rate', 'the', 'answer', 'of')]
    """
    return frozenset(tuple(words[i : i + SHINGLE_WORDS]) for words in parts(text) for i in range(len(words) - SHINGLE_WORDS + 1))


def sketch(text: str, epoch: Epoch) -> bytes | None:
    """The sketch of one text: 128 bytes, or None where it has no four words in a row."""
    return sketches([text], epoch)[0]


def sketches(texts: Iterable[str], epoch: Epoch) -> list[bytes | None]:
    """
    The sketches of many texts, in their order.

    Cost: some 40 microseconds a hundred words in Python, and as much again in the kernel.
    """
    digest, keys = _word_digest(epoch.key), _keys(epoch.key)
    out: list[bytes | None] = []
    for text in texts:
        words: list[int] = []
        for part in parts(text):
            words += [digest(word) for word in part]
            words.append(0)
        made = np.empty(PERMUTATIONS, np.uint8)
        found = _minima(np.array(words, np.uint64), keys, made)
        out.append(made.tobytes() if found else None)
    return out


def similarity(one: bytes, other: bytes) -> float:
    """
    Estimated Jaccard similarity of two templates, 0…1; a byte agrees by chance once in 256.

    Raises:
        ValueError: the sketches differ in length.
    """
    if len(one) != len(other) or not one:
        raise ValueError("two sketches must be of one length")
    agree = sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
    return max(0.0, (agree - 1 / 256) / (1 - 1 / 256))


def write(sketched: bytes) -> str:
    """As it stands in a pattern: base64url."""
    return base64.urlsafe_b64encode(sketched).decode()


def read(text: str) -> bytes:
    """The bytes of a written sketch."""
    return base64.b64decode(text, altchars=b"-_", validate=True)


@functools.lru_cache(maxsize=8)
def _word_digest(key: Key) -> Any:
    """Keyed 64-bit digests of words, never 0, remembered."""

    @functools.lru_cache(maxsize=_KNOWN_WORDS)
    def digest(word: str) -> int:
        return (key.digest("dx word", word) & 0xFFFFFFFFFFFFFFFF) or 1

    return digest


@functools.lru_cache(maxsize=8)
def _keys(key: Key) -> npt.NDArray[np.uint64]:
    """A SipHash key a permutation, and one for the shingles at the end; (129, 2), the same on every machine."""
    raw = b"".join(
        hashlib.blake2b(i.to_bytes(4, "little"), key=key.secret[:64], person=b"dx minhash", digest_size=16).digest()
        for i in range(PERMUTATIONS + 1)
    )
    return np.frombuffer(raw, "<u8").astype(np.uint64).reshape(PERMUTATIONS + 1, 2)


@njit(cache=True, nogil=True)
def _minima(words: Any, keys: Any, out: Any) -> int:
    """
    Low bytes of the smallest keyed hash of the shingles, one a permutation; returns the number of shingles.

    Args:
        words: Digests in order, 0 where a slot stands; uint64.
        keys: (129, 2) uint64.
        out: (128,) uint8, left as it is where there is no shingle.
    """
    n = 0
    last = len(keys) - 1
    runs = np.empty(len(words), np.uint64)
    for i in range(len(words) - 3):
        if words[i] == 0 or words[i + 1] == 0 or words[i + 2] == 0 or words[i + 3] == 0:
            continue
        run = words[i]
        for j in range(1, 4):
            run = sip(run, keys[last, 0], keys[last, 1]) ^ words[i + j]
        runs[n] = sip(run, keys[last, 0], keys[last, 1])
        n += 1
    if n:
        for p in range(len(out)):
            least = sip(runs[0], keys[p, 0], keys[p, 1])
            for i in range(1, n):
                least = min(least, sip(runs[i], keys[p, 0], keys[p, 1]))
            out[p] = np.uint8(least & np.uint64(0xFF))
    return n
