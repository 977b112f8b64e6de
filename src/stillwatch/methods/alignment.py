"""Bringing the coordinates of two models together: signed permutations and rotations, from rows that both have."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svd

from stillwatch.methods.matching import cosines, match

Float32 = NDArray[np.float32]


def signed_permutation(suspect: Float32, base: Float32, rng: np.random.Generator) -> Float32:
    """
    The signed (partial) permutation S for which `base @ S` looks most like `suspect`, column by column.

    Args:
        suspect, base: `(rows, d)` and `(rows, e)`, the same things in the same order of rows. Where d and e differ, the
            narrower side is matched into the wider one and the rest of S is zero.

    Returns:
        `(e, d)`.

    >>> x = np.eye(3, dtype=np.float32)
    >>> signed_permutation(-x[:, ::-1], x, np.random.default_rng(1)).tolist()
    [[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]]
    """
    found = cosines(suspect.T, base.T)
    size = np.abs(found)
    turned = np.zeros((base.shape[1], suspect.shape[1]), dtype=np.float32)
    if found.shape[0] <= found.shape[1]:
        mine, theirs = np.arange(found.shape[0]), match(size, rng)
    else:
        mine, theirs = match(size.T, rng), np.arange(found.shape[1])
    turned[theirs, mine] = np.where(found[mine, theirs] < 0.0, -1.0, 1.0)
    return turned


def rotation(suspect: Float32, base: Float32) -> Float32:
    """
    The matrix R with orthonormal rows or columns for which `base @ R` is nearest to `suspect` (orthogonal Procrustes).

    Args:
        suspect, base: `(rows, d)` and `(rows, e)`.

    Returns:
        `(e, d)`.

    References:
        Schönemann, A generalized solution of the orthogonal Procrustes problem, Psychometrika 31 (1966).

    >>> x = np.eye(2, dtype=np.float32)
    >>> rotation(x[::-1], x).round(6).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    left, _, right = svd(base.T @ suspect, full_matrices=False, lapack_driver="gesdd", check_finite=False)
    return np.asarray(left @ right, dtype=np.float32)


def nearest(rows: Float32, among: Float32) -> tuple[NDArray[np.int64], Float32]:
    """
    For each row the index of the row of `among` with the largest cosine, and that cosine.

    >>> nearest(np.array([[0.0, 2.0]], dtype=np.float32), np.eye(2, dtype=np.float32))[0].tolist()
    [1]
    """
    found = cosines(rows, among)
    best = found.argmax(axis=1)
    return best, found[np.arange(len(rows)), best]
