"""In what shares were models merged? Least squares with weights that sum to one, with intervals over clusters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Inner products of one cluster of weights (a layer): all that least squares needs of it."""

    gram: Floats  # (bases - 1, bases - 1) of the bases, less the first
    cross: Floats  # (bases - 1,) of these with the suspect less the first base
    energy: float  # of the suspect less the first base
    whole: float  # of the suspect itself


def moments(suspect: NDArray[np.float32], bases: NDArray[np.float32]) -> Moments:
    """
    Inner products of one cluster.

    Args:
        suspect: `(values,)`.
        bases: `(bases, values)`, at least two.
    """
    differences = np.asarray(bases[1:] - bases[0], dtype=np.float64)
    target = np.asarray(suspect - bases[0], dtype=np.float64)
    return Moments(
        differences @ differences.T,
        differences @ target,
        float(target @ target),
        float(np.square(suspect, dtype=np.float64).sum()),
    )


def weights(clusters: list[Moments]) -> Floats:
    """
    Shares of the bases, summing to one; a negative share is possible (task arithmetic subtracts).

    >>> one = moments(np.array([1.0, 3.0], dtype=np.float32), np.array([[0, 0], [4, 12]], dtype=np.float32))
    >>> weights([one]).round(6).tolist()
    [0.75, 0.25]
    """
    gram = np.sum([c.gram for c in clusters], axis=0)
    cross = np.sum([c.cross for c in clusters], axis=0)
    others = np.linalg.lstsq(gram, cross, rcond=1e-10)[0]
    return np.concatenate([[1.0 - others.sum()], others])


def explained(clusters: list[Moments], shares: Floats) -> float:
    """
    Share of the suspect's energy that the weighted sum explains; below 0 where it explains nothing.

    >>> one = moments(np.array([1.0, 3.0], dtype=np.float32), np.array([[0, 0], [4, 12]], dtype=np.float32))
    >>> explained([one], weights([one]))
    1.0
    """
    others = shares[1:]
    left = sum(c.energy - 2.0 * float(others @ c.cross) + float(others @ c.gram @ others) for c in clusters)
    return 1.0 - max(0.0, left) / sum(c.whole for c in clusters)


def intervals(clusters: list[Moments], draws: int, level: float, rng: np.random.Generator) -> Floats:
    """
    Percentile intervals of the shares over resampled clusters, `(bases, 2)`.

    Whole clusters are resampled, because weights of one layer share what happened to it.
    """
    picked = rng.integers(len(clusters), size=(draws, len(clusters)))
    found = np.stack([weights([clusters[i] for i in some]) for some in picked])
    return np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0).T
