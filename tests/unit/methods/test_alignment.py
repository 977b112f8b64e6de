"""Bringing the coordinates of two models together."""

import numpy as np

from stillwatch.methods.alignment import nearest, rotation, signed_permutation


def some_rows(n: int, d: int, seed: int = 1) -> np.ndarray:
    """Random rows."""
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def test_a_signed_permutation_is_found() -> None:
    """
    Columns in another order and with other signs are put back.
    """
    base, rng = some_rows(50, 8), np.random.default_rng(2)
    turn = np.zeros((8, 8), dtype=np.float32)
    turn[rng.permutation(8), np.arange(8)] = rng.choice([-1.0, 1.0], 8)

    found = signed_permutation(base @ turn, base, rng)

    assert np.array_equal(found, turn)


def test_columns_cut_away_are_found_either_way() -> None:
    """
    A narrower model is matched into the wider one, whichever is the suspect.
    """
    base = some_rows(50, 8)
    cut = base[:, [6, 1, 3]]

    into_wide = signed_permutation(cut, base, np.random.default_rng(1))
    into_narrow = signed_permutation(base, cut, np.random.default_rng(1))

    assert np.array_equal(base @ into_wide, cut)
    assert np.array_equal(into_narrow, into_wide.T)


def test_a_rotation_is_found() -> None:
    """
    Orthogonal Procrustes recovers a rotation of the coordinates.
    """
    base = some_rows(50, 8)
    turn = np.linalg.qr(some_rows(8, 8, 3))[0]

    found = rotation(base @ turn, base)

    assert np.allclose(found, turn, atol=1e-5)


def test_the_nearest_row_has_the_largest_cosine() -> None:
    """
    Length does not matter, direction does.
    """
    index, cosine = nearest(np.array([[1.0, 0.1]], dtype=np.float32), np.array([[0.0, 9.0], [0.01, 0.0]], dtype=np.float32))

    assert index.tolist() == [1]
    assert np.allclose(cosine, 1 / np.sqrt(1.01))
