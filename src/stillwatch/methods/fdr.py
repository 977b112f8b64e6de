"""The share of false findings among findings, held down: Benjamini and Hochberg."""

import numpy as np
from numpy.typing import NDArray


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Adjusted p-values q: reporting all with q <= alpha keeps the expected share of false findings at or below alpha.

    Valid for independent p-values and for positively dependent ones, as conformal p-values of one calibration set are.

    Args:
        p: (n,) p-values in 0…1.

    Returns:
        (n,) q-values, at least p, in the order given.

    Raises:
        ValueError: a p-value is not in 0…1.

    References:
        Benjamini and Hochberg (1995), J. R. Statist. Soc. B 57; Benjamini and Yekutieli (2001), Ann. Statist. 29, for
        positive dependence; Bates et al. (2023), Ann. Statist. 51, for conformal p-values.

    >>> benjamini_hochberg(np.array([0.01, 0.5, 0.02])).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must be in 0…1")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    q = np.empty(p.size)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def effective_tests(similarity: NDArray[np.float64]) -> float:
    """
    How many independent tests a set of dependent ones is worth: (sum of root eigenvalues)^2 / (sum of eigenvalues).

    Args:
        similarity: (n, n) correlations of the tests, ones on the diagonal.

    References:
        Galwey (2009), Genetic Epidemiology 33, equation 8; negative eigenvalues (rounding) count as zero.

    >>> effective_tests(np.eye(4)), round(effective_tests(np.ones((4, 4))), 6)
    (4.0, 1.0)
    """
    if not len(similarity):
        return 0.0
    eigenvalues = np.maximum(np.linalg.eigvalsh(similarity), 0.0)
    return float(np.sqrt(eigenvalues).sum() ** 2 / eigenvalues.sum())


def null_share(p: NDArray[np.float64], above: float = 0.5) -> float:
    """
    Share of tests that test nothing real, estimated from the large p-values: (1 + #{p > above}) / (n (1 - above)), at most 1.

    A null's p-value lies above one half in half of all cases, a real effect's hardly ever.

    Args:
        p: (n,) p-values in 0…1.
        above: The bound, 0…1; Storey's lambda.

    References:
        Storey (2002), J. R. Statist. Soc. B 64, with the 1 of Storey, Taylor and Siegmund (2004), ibid. 66, theorem 3; it
        keeps the false discovery rate with conformal p-values: Bates et al. (2023), Ann. Statist. 51, theorem 3.

    >>> null_share(np.array([0.001] * 90 + [0.2, 0.4, 0.6, 0.8])).__round__(3), null_share(np.array([0.7, 0.9]))
    (0.064, 1.0)
    """
    if not p.size:
        return 1.0
    return float(min(1.0, (1 + (p > above).sum()) / (p.size * (1.0 - above))))


def clustered(p: NDArray[np.float64], cluster: NDArray[np.int64], n_tests: float) -> NDArray[np.float64]:
    """
    Benjamini-Hochberg where findings are clusters: many tests of one thing are one finding, and not a licence for others.

    The estimate of the false share at a threshold t is n_tests * t / (clusters with a p-value of t or less).

    Args:
        p: (n,) p-values.
        cluster: (n,) cluster of each test, any integers.
        n_tests: Independent tests that were made, those not in `p` included.

    Returns:
        (n,) q-values.

    References:
        Benjamini and Hochberg (1995); counting clusters as findings after Benjamini and Heller (2007), J. Am. Stat. Assoc. 102.

    >>> clustered(np.array([0.001, 0.002, 0.04]), np.array([7, 7, 8]), 4).round(3).tolist()
    [0.004, 0.008, 0.08]
    """
    names, place = np.unique(cluster, return_inverse=True)
    best = np.full(len(names), np.inf)
    np.minimum.at(best, place, p)
    order = np.argsort(p, kind="stable")
    found = np.searchsorted(np.sort(best), p[order], side="right")
    raw = np.minimum(n_tests * p[order] / np.maximum(found, 1), 1.0)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(raw[::-1])[::-1]
    return q
