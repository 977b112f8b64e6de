"""
Exact p-values for choices that a secret key made: how often does a text agree with the key, and how often would it by chance?

Under the null the text is independent of the key, so every *distinct* choice agrees with its own fixed chance, independently,
over the random draw of the key. Repeated choices are one choice: counting them twice is what breaks such tests.
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def agreement_log10_p(chances: NDArray[np.float64], n_agree: int) -> float:
    """
    log10 P(at least `n_agree` agreements) when choice i agrees with chance `chances[i]`: exact Poisson-binomial.

    Equal chances are summed in closed form, far into the tail; unequal ones by convolution of the groups of equal chance.

    Args:
        chances: `(n_choices,)` each in (0, 1).
        n_agree: observed agreements, 0…n_choices.

    References:
        Sander et al., "Watermarking makes language models radioactive" (2402.14904), section 4: deduplicate.

    >>> round(10 ** agreement_log10_p(np.full(10, 0.5), 8), 6)
    0.054688
    """
    if n_agree <= 0 or not len(chances):
        return 0.0
    groups, sizes = np.unique(chances, return_counts=True)
    if len(groups) == 1:
        tail = stats.binom.logpmf(np.arange(n_agree, sizes[0] + 1), int(sizes[0]), float(groups[0]))  # logsf underflows to -inf
        return min(0.0, float(np.logaddexp.reduce(tail)) / math.log(10))
    tails = np.zeros(1)
    for chance, size in zip(groups, sizes, strict=True):
        tails = _convolve_log(tails, stats.binom.logpmf(np.arange(size + 1), int(size), float(chance)))
    return min(0.0, float(np.logaddexp.reduce(tails[n_agree:])) / math.log(10))


def distinct(items: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """
    Each k-gram once, in order of first appearance.

    >>> distinct([("a", "b"), ("b", "c"), ("a", "b")])
    [('a', 'b'), ('b', 'c')]
    """
    return list(dict.fromkeys(items))


def _convolve_log(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    joined = np.full(len(left) + len(right) - 1, -np.inf)
    for place, value in enumerate(left):
        span = slice(place, place + len(right))
        joined[span] = np.logaddexp(joined[span], value + right)
    return joined


def pick(secret: bytes, slot: str, n_options: int) -> int:
    """
    Which of `n_options` ways the key chooses for a slot: what a gateway does, and what the test holds texts against.

    Args:
        secret: 16 to 64 bytes.
        slot: Names the place where a choice is made; the same slot is always chosen alike.
        n_options: At least 2.

    References:
        Keyed BLAKE2b (RFC 7693) as a pseudo-random function; the remainder's bias is below 2^-50.

    >>> pick(b"0" * 16, "greeting", 2) in (0, 1)
    True
    """
    if n_options < 2:
        raise ValueError("a choice needs at least two options")
    return _draw(secret, slot.encode("utf-8", "surrogatepass")) % n_options


def is_green(secret: bytes, gram: Sequence[str], share: float) -> bool:
    """
    Does the key colour this k-gram green? A watermarking gateway prefers green words after their context.

    Args:
        secret: 16 to 64 bytes.
        gram: The context and the word, lower case.
        share: Share of green, 0…1.

    References:
        Kirchenbauer et al., "A watermark for large language models" (2301.10226), here over words, which need no tokenizer.

    >>> is_green(b"0" * 16, ("the", "cat"), 1.0)
    True
    """
    return _draw(secret, "\x1f".join(gram).encode("utf-8", "surrogatepass")) < share * 2.0**64


def place(secret: bytes, text: str) -> int:
    """
    Where a training order that the key shuffles has this text: texts are trained on in ascending order of their places.

    Needs no list of the other texts, so that the order of any part of them can be checked; 64 bits, so that none are equal.

    Args:
        secret: 16 to 64 bytes.

    >>> place(b"0" * 16, "a text") == place(b"0" * 16, "a text") != place(b"1" * 16, "a text")
    True
    """
    return _draw(secret, text.encode("utf-8", "surrogatepass"), b"stillwatch order")


def _draw(secret: bytes, message: bytes, person: bytes = b"stillwatch lin") -> int:
    return int.from_bytes(hashlib.blake2b(message, digest_size=8, key=secret, person=person).digest(), "little")
