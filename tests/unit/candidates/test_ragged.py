"""Columns of lists as arrays."""

import numpy as np
import pyarrow as pa

from stillwatch.candidates.ragged import flat, gathered


def test_lists_are_taken_apart_and_gathered() -> None:
    """A null list is an empty one, a slice is what it shows, and lists may be taken twice."""
    column = pa.array([[9], [1, 2], None, [3]], pa.list_(pa.int32())).slice(1)

    offsets, values = flat(column)
    own, inside = gathered(offsets, values, np.array([2, 0, 0, 1]))

    assert (offsets.tolist(), values.tolist()) == ([0, 2, 2, 3], [1, 2, 3])
    assert (own.tolist(), inside.tolist()) == ([0, 1, 3, 5, 5], [3, 1, 2, 1, 2])
