"""The keyed sketch: near for near templates, chance for strangers and for whoever lacks the key."""

import random

import numpy as np
import pytest

from stillwatch.methods.hashing import sip
from stillwatch.privacy import Key
from stillwatch.sharing.export import sketch
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.signatures import shared

EPOCH = Epoch("2026q4", Key(b"e" * 32))
WORDS = [f"w{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]


def text(seed: int, n: int = 80) -> str:
    """Words of nobody."""
    return " ".join(random.Random(seed).choices(WORDS, k=n))


def made(words: str, epoch: Epoch = EPOCH) -> bytes:
    """The sketch of a text."""
    sketched = sketch.sketch(words, epoch)
    assert sketched is not None
    return sketched


def test_slots_numbers_and_case_do_not_matter() -> None:
    """What differs from request to request is taken out before."""
    one = "Rate the following answer of ⟨…⟩ with care, from 1 to 10 points in all"
    two = "rate THE following answer of ‹link› with care, from 3 to 55 points in all"

    assert sketch.shingles(one) == sketch.shingles(two) != frozenset()


def test_a_slot_cuts_the_text() -> None:
    """No run of words reaches over what scan shows as "…", whatever normalisation makes of that character."""
    runs = sketch.shingles("one two three four … five six seven eight")

    assert runs == {("one", "two", "three", "four"), ("five", "six", "seven", "eight")}


def test_the_estimate_is_near_the_true_jaccard() -> None:
    """Over 60 pairs of every overlap the error is that of 128 draws: root mean square below 0.06."""
    errors = []
    for seed in range(60):
        words = text(seed).split()
        keep = random.Random(seed).randint(10, 80)
        other = " ".join(words[:keep] + text(seed + 1_000).split()[keep:])
        a, b = sketch.shingles(" ".join(words)), sketch.shingles(other)
        errors.append(sketch.similarity(made(" ".join(words)), made(other)) - len(a & b) / len(a | b))

    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.06


def test_strangers_do_not_match() -> None:
    """Of 2,000 pairs of unrelated texts none comes near the threshold."""
    sketches = [made(text(seed, 60)) for seed in range(64)]

    worst = max(sketch.similarity(a, b) for i, a in enumerate(sketches) for b in sketches[:i])

    assert worst < 0.1


def test_without_the_key_a_guess_cannot_be_confirmed() -> None:
    """Over 200 templates, the right guess under another key agrees in as many bytes as a wrong one: one in 256."""
    other = Epoch("2026q4", Key(b"f" * 32))
    right = [sum(a == b for a, b in zip(made(text(s)), made(text(s), other), strict=True)) for s in range(200)]
    wrong = [sum(a == b for a, b in zip(made(text(s)), made(text(s + 500), other), strict=True)) for s in range(200)]

    expected, sd = 200 * 128 / 256, (200 * 128 / 256) ** 0.5
    assert abs(sum(right) - expected) < 4 * sd
    assert abs(sum(wrong) - expected) < 4 * sd
    assert max(right) <= 5


def test_the_kernel_is_the_plain_formula() -> None:
    """The slow obvious version: hash every shingle under every key, take the smallest, keep its low byte."""
    digest, keys = shared._word_digest(EPOCH.key), shared._keys(EPOCH.key)
    for seed in range(5):
        words = text(seed, 30) + " ⟨…⟩ " + text(seed + 100, 20)
        runs = []
        for shingle in sketch.shingles(words):
            run = digest(shingle[0])
            for word in shingle[1:]:
                run = int(sip(np.uint64(run), *keys[-1])) ^ digest(word)
            runs.append(int(sip(np.uint64(run), *keys[-1])))

        plain = bytes(min(int(sip(np.uint64(run), *key)) for run in runs) & 0xFF for key in keys[:-1])

        assert made(words) == plain


def test_many_are_each_as_if_alone() -> None:
    """A batch gives what single texts give, None where there are no four words."""
    texts = [text(1), "too short", text(2)]

    assert sketch.sketches(texts, EPOCH) == [made(text(1)), None, made(text(2))]


def test_a_sketch_is_the_same_everywhere() -> None:
    """The bytes are part of the format: they may not change with a version of ours."""
    assert sketch.write(made("solve the following problem and think step by step before you answer")) == (
        "1f-tQqfzqBxPZ2qML_oerU7hJw_YKbxNXhIiiC4OVjTlgtcevCbb401mWKipM480QTAyQAT4v0-n360TGlShha"
        "G_5QJ3dShdSg28352Nus2lO2iSgIJ3ogqd_6Gj5II9R79_DrnljNI5EXfbU4ccS3k2lLr_1HNsr1skxi65cA0="
    )


def test_written_and_read() -> None:
    """Base64url there and back."""
    assert sketch.read(sketch.write(made(text(1)))) == made(text(1))


def test_what_cannot_be_sketched_or_compared_is_an_error() -> None:
    """Other lengths, a name that could not stand in a token."""
    assert sketch.sketch("too short", EPOCH) is None
    with pytest.raises(ValueError, match="length"):
        sketch.similarity(b"a", b"ab")
    with pytest.raises(ValueError, match="epoch"):
        Epoch("Q4 2026", Key(b"e" * 32))
