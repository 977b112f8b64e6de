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
