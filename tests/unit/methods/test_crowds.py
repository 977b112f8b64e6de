"""Crowds in sliding windows, against the slow obvious version."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.methods.crowds import crowded

EVENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 5)), max_size=40)


def slowly(events: list[tuple[int, int, int]], span: int, least: int) -> list[bool]:
    """Every window that ends at an event, looked at from the beginning."""
    out = [False] * len(events)
    for value, end, _ in events:
        inside = [i for i, (v, t, _) in enumerate(events) if v == value and end - span < t <= end]
        if len({events[i][2] for i in inside}) >= least:
            for i in inside:
                out[i] = True
    return out


@settings(deadline=None)  # the first call compiles
@given(EVENTS, st.integers(1, 20), st.integers(1, 5))
def test_it_is_the_slow_version(events: list[tuple[int, int, int]], span: int, least: int) -> None:
    """In whatever order the events come, equal times and all."""
    columns = np.array(events, np.int64).reshape(-1, 3).T

    got = crowded(columns[0], columns[1], columns[2], span, least)

    assert got.tolist() == slowly(events, span, least)


def test_windows_slide() -> None:
    """A crowd around midnight is one, though no day holds it."""
    day = 86_400
    times = np.array([day - 30, day - 20, day + 10, day + 20])

    assert crowded(np.zeros(4, np.int64), times, np.arange(4), 60, 4).all()


@pytest.mark.parametrize(("span", "least", "n"), [(0, 1, 3), (1, 0, 3), (1, 1, 2)])
def test_wrong_arguments_are_errors(span: int, least: int, n: int) -> None:
    """A span of nothing, a crowd of nobody, arrays of different lengths."""
    with pytest.raises(ValueError, match="must be"):
        crowded(np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(n, np.int64), span, least)
