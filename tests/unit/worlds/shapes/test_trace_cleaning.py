"""Trace cleaning."""

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.trace_cleaning import TraceCleaning


def test_longer_traces_are_longer() -> None:
    """Every request carries one trace, of about the length that the dial says."""
    short, long = (
        planted(TraceCleaning(accounts=10, exchanges=200, cover=0.0, trace_sentences=n)).harvested for n in (1.0, 12.0)
    )

    assert all(p.count("\n\nTrace:\n") == 1 for p in short + long)
    assert sum(map(len, long)) > 1.3 * sum(map(len, short))


def test_dials_out_of_range_are_refused() -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match="trace_sentences"):
        TraceCleaning(trace_sentences=0.0)
