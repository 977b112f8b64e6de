"""Lists as two arrays."""

import numpy as np

from stillwatch.methods.ragged import gathered


def test_lists_are_gathered_in_another_order() -> None:
    """A list may be taken twice, or be empty."""
    own, inside = gathered(np.array([0, 2, 2, 3]), np.array([1, 2, 3], np.int8), np.array([2, 0, 0, 1]))

    assert (own.tolist(), inside.tolist()) == ([0, 1, 3, 5, 5], [3, 1, 2, 1, 2])
    assert inside.dtype == np.int8
