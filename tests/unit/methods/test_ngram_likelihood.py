"""Character k-grams, and whose they are."""

import numpy as np
import pytest

from stillwatch.methods.ngram_likelihood import BUCKETS, ORDERS, gram_counts, log_ratio


def test_each_order_counts_its_grams() -> None:
    """A text of n characters has n - k + 1 k-grams; shorter ones have none; case and spaces are folded."""
    counts = gram_counts(["ab  Cd"]).reshape(len(ORDERS), -1)

    assert counts.sum(axis=1).tolist() == [4.0, 3.0, 2.0, 1.0]
    assert gram_counts(["a", ""]).sum() == 0.0
    assert np.array_equal(gram_counts(["AB\ncd"]), gram_counts(["ab cd"]))
    assert gram_counts([]).shape == (BUCKETS,)


def test_bodies_of_text_add_up() -> None:
    """Counts of two texts are the sum of their counts."""
    assert np.array_equal(gram_counts(["one text", "two"]), gram_counts(["one text"]) + gram_counts(["two"]))


def test_the_ratio_leans_to_the_writer_and_turns_with_the_sides() -> None:
    """Text of a writer leans to that writer, and swapping the two turns the sign."""
    one = gram_counts(["the cat sat on the mat and the rat ran"] * 5)
    two = gram_counts(["quick brown foxes jump over lazy dogs"] * 5)
    text = gram_counts(["the rat sat on the cat"])

    assert log_ratio(text, one, two) > 0.5
    assert log_ratio(text, two, one) == pytest.approx(-log_ratio(text, one, two))
    assert log_ratio(gram_counts([]), one, two) == 0.0
