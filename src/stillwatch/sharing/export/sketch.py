"""
A template as 128 bytes that only holders of the epoch's key can compare: keyed MinHash, one byte a permutation.

Works for wording that many requests share. Blind to paraphrase. Without the key two sketches of one template agree as often
as chance (1 in 256 a byte), so a guess cannot be confirmed; whoever holds the key can confirm one, hence the floors.

References:
    Broder, "On the resemblance and containment of documents", 1997. b-bit truncation: Li and König, "b-Bit Minwise
    Hashing", WWW 2010. Secret functions: Liang et al., CiC 1(4), 2024. Figures: research/exchange.md section 3.
"""

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.privacy import Key

PERMUTATIONS = 128
SHINGLE_WORDS = 4
THRESHOLD = 0.7
ALGORITHM, SHINGLE, NORMALIZER = "minhash-b8", "word-4", "dx-norm-1"
_PRIME = np.uint64((1 << 61) - 1)  # a Mersenne prime above every 60-bit shingle
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


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """
    Runs of four words that stand between slots; slots, numbers, names in brackets and case are taken out (`dx-norm-1`).

    >>> sorted(shingles("Rate the answer of ⟨…⟩ from 1 to 10 with great care"))
    [('rate', 'the', 'answer', 'of')]
    """
    clean = unicodedata.normalize("NFKC", text).lower()
    found: set[tuple[str, ...]] = set()
    for part in _SLOT.split(clean):
        words = _WORD.findall(part)
        found.update(tuple(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1))
    return frozenset(found)


def sketch(runs: frozenset[tuple[str, ...]], epoch: Epoch) -> bytes:
    """
    The sketch of a set of shingles: 128 bytes.

    Raises:
        ValueError: the set is empty.
    """
    if not runs:
        raise ValueError("a text without four words in a row has no sketch")
    hashed = np.array([epoch.key.digest("dx shingle", " ".join(run)) & ((1 << 60) - 1) for run in runs], np.uint64)
    slope, offset = _functions(epoch)
    values = [int(np.min(_affine(hashed, a, b))) & 0xFF for a, b in zip(slope, offset, strict=True)]
    return bytes(values)


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


def _functions(epoch: Epoch) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """One affine function a permutation, drawn from the key; reproducible on every machine."""
    raw = b"".join(
        hashlib.blake2b(i.to_bytes(4, "little"), key=epoch.key.secret[:64], person=b"dx minhash", digest_size=16).digest()
        for i in range(PERMUTATIONS)
    )
    pairs = np.frombuffer(raw, "<u8").reshape(PERMUTATIONS, 2) % _PRIME
    return np.maximum(pairs[:, 0], np.uint64(1)), pairs[:, 1]


def _affine(values: npt.NDArray[np.uint64], a: np.uint64, b: np.uint64) -> npt.NDArray[np.uint64]:
    """(a · x + b) mod 2^61 - 1, in 32-bit halves so that nothing overflows 64 bits."""
    low, high = values & np.uint64(0xFFFFFFFF), values >> np.uint64(32)
    a_low, a_high = a & np.uint64(0xFFFFFFFF), a >> np.uint64(32)
    middle = _fold(a_high * low) + _fold(a_low * high)
    return _fold(_fold(a_low * low) + _shift(_fold(middle), 32) + _shift(_fold(a_high * high), 64) + b)


def _fold(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    once = (values & _PRIME) + (values >> np.uint64(61))
    return np.where(once >= _PRIME, once - _PRIME, once)


def _shift(values: npt.NDArray[np.uint64], bits: int) -> npt.NDArray[np.uint64]:
    """values · 2^bits mod 2^61 - 1: a rotation of 61 bits."""
    by = np.uint64(bits % 61)
    return _fold(((values << by) & _PRIME) | (values >> (np.uint64(61) - by)))
