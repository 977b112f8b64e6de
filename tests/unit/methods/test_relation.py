"""Relations as bits against relations as booleans."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stillwatch.methods.relation import Relation

matrices = st.integers(0, 140).flatmap(lambda n: arrays(np.bool_, (n, n)))


def packed(matrix: np.ndarray) -> Relation:
    """In two blocks."""
    return Relation.of_rows([matrix[: len(matrix) // 3], matrix[len(matrix) // 3 :]], len(matrix))


def plain(relation: Relation) -> np.ndarray:
    """All of it as booleans."""
    return relation.rows(0, relation.n)


@settings(deadline=None)  # the first call compiles
@given(matrices, st.integers(0, 2**32 - 1))
def test_bits_are_what_booleans_are(matrix: np.ndarray, seed: int) -> None:
    """Not, and, or, turned over, some of the things; also where the last word is not full."""
    n = len(matrix)
    relation, other = packed(matrix), packed(matrix.T.copy())
    assert np.array_equal(plain(~relation), ~matrix)
    assert np.array_equal(plain(relation & ~other), matrix & ~matrix.T)
    assert np.array_equal(plain(~relation | other), ~matrix | matrix.T)
    assert np.array_equal(plain(relation.transposed()), matrix.T)
    kept = np.random.default_rng(seed).permutation(n)[: n // 2]
    assert np.array_equal(plain(relation.of(kept)), matrix[np.ix_(kept, kept)])
    assert all(np.array_equal(relation.row(i), matrix[i]) for i in range(n))


@settings(deadline=None)
@given(arrays(np.float64, 70, elements=st.integers(0, 5).map(float)), arrays(np.bool_, 70))
def test_comparisons_and_choices(values: np.ndarray, chosen: np.ndarray) -> None:
    """What is at least something, and what is chosen with what."""
    assert np.array_equal(plain(Relation.at_least(values, values - 1.0)), values[:, None] >= values[None, :] - 1.0)
    assert np.array_equal(plain(Relation.among(chosen)), np.outer(chosen, chosen))
