"""The hashed linear model."""

import numpy as np

from stillwatch.methods import elicitation


def test_every_word_and_pair_counts_once_an_occurrence() -> None:
    """
    Three words give three single features and two pairs.
    """
    words, out = np.array([11, 22, 11], np.uint64), np.empty(2 * elicitation.MAX_WORDS, np.int32)

    n = elicitation.buckets_of(words, 3, out)

    assert n == 5
    assert out[0] == out[4]
    assert out[:n].min() >= 0
    assert out[:n].max() < elicitation.BUCKETS


def test_of_a_long_text_both_ends_are_read() -> None:
    """
    The work is bounded, and what stands first or last still counts.
    """
    words = np.arange(1, 5001, dtype=np.uint64)
    first, last, middle = words.copy(), words.copy(), words.copy()
    first[0] = last[-1] = middle[2500] = 77
    found = [np.empty(2 * elicitation.MAX_WORDS, np.int32) for _ in range(4)]

    sizes = [elicitation.buckets_of(w, 5000, out) for w, out in zip((words, first, last, middle), found, strict=True)]

    told = [out[:n].tolist() for out, n in zip(found, sizes, strict=True)]
    assert max(sizes) <= 2 * elicitation.MAX_WORDS
    assert told[1] != told[0]
    assert told[2] != told[0]
    assert told[3] == told[0]


def test_weights_add_up() -> None:
    """
    The total is the sum of the weights of all features, lane by lane.
    """
    words = np.arange(1, 20, dtype=np.uint64)
    weights = np.random.default_rng(1).integers(-128, 128, (elicitation.BUCKETS, elicitation.LANES)).astype(np.int8)
    scratch, total = np.empty(2 * elicitation.MAX_WORDS, np.int32), np.ones(elicitation.LANES, np.int32)

    n = elicitation.add_logits(words, 19, weights, scratch, total)

    assert n == 37
    assert (total - 1 == weights[scratch[:n]].astype(int).sum(axis=0)).all()


def test_sums_are_exact_for_any_weights_and_length() -> None:
    """
    Lanes of 16 bits never overflow into their neighbours: the extremes, and more rows than one lane holds.
    """
    rng = np.random.default_rng(4)
    weights = rng.choice(np.array([-128, -127, 0, 1, 127], np.int8), (elicitation.BUCKETS, elicitation.LANES))
    weights[: elicitation.BUCKETS // 2] = rng.choice(np.array([-128, 127], np.int8), elicitation.LANES)
    for n in (0, 1, 127, 128, 129, 400, 5_000):
        words, scratch = rng.integers(0, 2**64, n, dtype=np.uint64), np.empty(2 * elicitation.MAX_WORDS, np.int32)
        total = np.full(elicitation.LANES, 7, np.int32)

        m = elicitation.add_logits(words, n, weights, scratch, total)

        assert total.tolist() == (7 + weights[scratch[:m]].astype(np.int64).sum(axis=0)).tolist()
