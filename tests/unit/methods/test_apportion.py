"""A total dealt out in whole numbers."""

import numpy as np

from stillwatch.methods.apportion import apportion


def test_numbers_are_dealt_out_in_proportion() -> None:
    """They sum to the total, at least one each where there is enough, nothing where there is nothing."""
    weights = np.array([1.0, 1.0, 8.0])

    assert apportion(weights, 13).tolist() == [2, 2, 9]
    assert apportion(weights, 2).sum() == 2
    assert apportion(weights, 0).tolist() == [0, 0, 0]
    assert apportion(weights[:0], 5).tolist() == []
