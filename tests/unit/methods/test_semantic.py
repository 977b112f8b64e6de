"""The 128-bit sign sketch."""

import numpy as np
import numpy.typing as npt

from stillwatch.methods import semantic
from stillwatch.methods.hashing import U, mix

SIGNS = semantic.projection(5)


def total(stems: npt.NDArray[np.uint64], letters: int = 7) -> npt.NDArray[np.int32]:
    """The projected stems of one text, all of one length."""
    out = np.zeros(semantic.BITS, np.int32)
    weights = np.full(len(stems), letters, np.uint8)
    scratch = np.empty(semantic.BUCKETS, np.uint8), np.empty(semantic.BITS, np.int16)
    semantic.accumulate(stems.copy(), weights, len(stems), U(9), SIGNS, *scratch, out)
    return out


def bits(first: npt.NDArray[np.int32], second: npt.NDArray[np.int32] | None = None) -> npt.NDArray[np.bool_]:
    """The signs of one or two totals."""
    high, low = semantic.signs_of(first, second if second is not None else np.zeros_like(first))
    return np.array([(half >> i) & 1 for half in (high, low) for i in range(64)], bool)


def stems(n: int, seed: int) -> npt.NDArray[np.uint64]:
    """So many random stems."""
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def test_hamming_stands_for_the_angle() -> None:
    """
    Texts with cosine c differ in about arccos(c)/π of the bits.
    """
    apart = []
    for seed in range(40):
        text = stems(60, seed)
        changed = np.concatenate([text[:30], stems(30, 1000 + seed)])
        apart.append((bits(total(text)) != bits(total(changed))).mean())

    assert abs(np.mean(apart) - np.arccos(0.5) / np.pi) < 0.02


def test_a_long_text_of_one_sign_does_not_overflow() -> None:
    """
    Five thousand of the heaviest words give the sum that wide numbers give.
    """
    text, signs = stems(5_000, 3), np.ones_like(SIGNS)
    out, scratch = np.zeros(semantic.BITS, np.int32), (np.empty(semantic.BUCKETS, np.uint8), np.empty(semantic.BITS, np.int16))

    semantic.accumulate(text.copy(), np.full(5_000, 9, np.uint8), 5_000, U(9), signs, *scratch, out)

    buckets = [int(mix(t ^ U(9))) >> 52 for t in text]
    damp, seen, expected = [12, 6, 4, 3, 2, 2, 2, 1], dict.fromkeys(buckets, 0), 0
    for bucket in buckets:
        expected += 6 * damp[seen[bucket]] if seen[bucket] < 8 else 0
        seen[bucket] += 1
    assert set(out.tolist()) == {expected}


def test_short_words_weigh_nothing() -> None:
    """
    Words of one or two letters do not move the sketch.
    """
    assert not total(stems(20, 1), letters=2).any()


def test_repetition_saturates() -> None:
    """
    A stem's ninth occurrence adds nothing more.
    """
    stem = stems(1, 1)

    assert (total(np.repeat(stem, 8)) == total(np.repeat(stem, 500))).all()


def test_a_long_system_prompt_does_not_drown_the_turn() -> None:
    """
    Both texts count alike, whatever their lengths.
    """
    long, turns = total(stems(3000, 1)), [total(stems(20, seed)) for seed in (2, 3)]

    apart = (bits(turns[0], long) != bits(turns[1], long)).sum()

    assert apart > 20


def test_the_projection_is_fixed_by_its_seed() -> None:
    """
    The same seed gives the same signs, another one others; all are -1 or 1.
    """
    assert (semantic.projection(5) == SIGNS).all()
    assert (semantic.projection(6) != SIGNS).mean() > 0.49
    assert set(np.unique(SIGNS).tolist()) == {-1, 1}
