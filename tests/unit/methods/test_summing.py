"""Sums as NumPy takes them."""

import numpy as np
import pytest

from stillwatch.methods.summing import pairwise_sum


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 127, 128, 129, 136, 300, 1_031])
def test_a_sum_is_numpys_to_the_bit(n: int) -> None:
    """Of any length, where another order would give another number."""
    values = np.random.default_rng(n).lognormal(0.0, 20.0, n)

    assert pairwise_sum(values) == values.sum()
