"""Distinct values in their order."""

import numpy as np

from stillwatch.methods.distinct import MOST, sort_distinct


def test_nothing_and_the_most_there_may_be() -> None:
    """
    No values give none, MOST different ones all, MOST equal ones a single one.
    """
    out, ranks = np.zeros(MOST, np.int64), np.zeros(MOST, np.int64)

    assert sort_distinct(out.copy(), 0, ranks, out) == 0
    assert sort_distinct(np.arange(MOST)[::-1].copy(), MOST, ranks, out) == MOST
    assert out.tolist() == list(range(MOST))
    assert sort_distinct(np.full(MOST, -3), MOST, ranks, out) == 1
    assert out[0] == -3
