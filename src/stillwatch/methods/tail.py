"""
How rare is a score among benign ones? Conformal p-values, and their continuation beyond the highest benign score.

A conformal p-value cannot be smaller than 1 / (n + 1), which no false-discovery rule can work with where benign groups are
few. Above a high quantile we continue it by a generalised Pareto tail (Pickands 1975). The tail is not plugged in but
averaged over all shapes and scales that the excesses admit: with ten excesses one best fit promises too much.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TAIL_SHARE = 0.1  # of the background lies above the threshold (docs/research.md, Stage 4: the 85-90 % quantile), or ...
TAIL_TIMES = 0.6  # ... so many times n^(2/3) scores, where that is less: the order at which a tail's bias and variance balance
MIN_TAIL = 10  # excesses, taken from lower down in small backgrounds
MIN_BACKGROUND = 20  # scores; with fewer nothing is continued
FLOOR = 1e-6  # docs/research.md, risk 5: the tail is the weakest link, nobody has seen one in a million
SHAPES = np.linspace(0.0, 0.5, 26)  # a negative shape would end the tail and call everything beyond impossible
WEAK_SHAPE_SD = 0.2  # weak prior: scores are sums of capped terms, so their tails are nearer exponential than Cauchy
SCALES = np.geomspace(0.2, 5.0, 61)  # in units of the mean excess


@dataclass(frozen=True, slots=True)
class PValues:
    """
    Args:
        plain: (n,) conformal p-values, exact for any continuous score; at least 1 / (n_background + 1).
        extrapolated: (n,) the same below the threshold, the continued tail above it; at least 1e-6.
    """

    plain: NDArray[np.float64]
    extrapolated: NDArray[np.float64]


def p_values(
    scores: NDArray[np.float64], background: NDArray[np.float64], trim_share: float = 0.01, shape_sd: float = WEAK_SHAPE_SD
) -> PValues:
    """
    Both p-values of each score against a background of benign scores.

    Blind to: a background with a second, rare mode above the threshold; the plain p-value tells.

    Args:
        scores: (n,) scores to judge; larger is more suspicious.
        background: (n_background,) scores of benign groups.
        trim_share: Highest share of the background that may be undetected campaigns. Their values are not used in the
            fit, only that they lie above the rest (right-censored), so that they cannot stretch the tail, and so that
            leaving them out does not shorten it.
        shape_sd: Standard deviation of the half-normal prior of the tail's shape, > 0; 0 is exponential, larger is heavier.

    Raises:
        ValueError: a score is not finite, or `trim_share` is not in 0…0.5.

    References:
        Hall (1982), J. R. Statist. Soc. B 44, for the number of excesses; Vovk, Gammerman and Shafer, Algorithmic Learning in
        a Random World (2005), for the conformal p; Hosking and Wallis (1987), Technometrics 29, for the tail. Calibration:
        tests/property/test_tail.py.

    >>> told = p_values(np.array([0.0, 9.0]), np.random.default_rng(1).exponential(size=99), trim_share=0.0)
    >>> told.plain.tolist(), bool(1e-5 < told.extrapolated[1] < 1e-2)
    ([1.0, 0.01], True)
    """
    if not (np.isfinite(scores).all() and np.isfinite(background).all()):
        raise ValueError("scores must be finite")
    if not 0 <= trim_share <= 0.5:
        raise ValueError(f"trim_share must be in 0…0.5, not {trim_share}")
    ordered = np.sort(background)
    at_least = ordered.size - np.searchsorted(ordered, scores, "left")
    plain: NDArray[np.float64] = np.asarray((1.0 + at_least) / (ordered.size + 1.0), np.float64)
    tail = _tail(ordered, trim_share, shape_sd)
    if tail is None:
        return PValues(plain, plain.copy())
    above = scores > tail.threshold
    continued = np.where(above, tail.share * tail.survival(np.where(above, scores - tail.threshold, 0.0)), plain)
    return PValues(plain, np.maximum(continued, FLOOR))


@dataclass(frozen=True, slots=True)
class _Tail:
    """A mixture of generalised Pareto tails above a threshold."""

    threshold: float
    share: float
    scale: float
    weights: NDArray[np.float64]  # (shapes, scales), sum 1

    def survival(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance that an excess is as large, averaged over the fits."""
        logs = _log_survival(excess[:, None, None] / self.scale)
        return np.asarray((np.exp(logs) * self.weights).sum((1, 2)))


def _tail(ordered: NDArray[np.float64], trim_share: float, shape_sd: float) -> _Tail | None:
    """The tail of a sorted background; None where there is too little or nothing to fit."""
    n = ordered.size
    if n < MIN_BACKGROUND:
        return None
    size = max(MIN_TAIL, round(min(TAIL_SHARE * n, TAIL_TIMES * n ** (2 / 3))))
    threshold = float(ordered[n - size - 1])
    excess = ordered[ordered > threshold] - threshold
    if excess.size < MIN_TAIL // 2:
        return None
    censored = min(int(np.ceil(trim_share * n)), excess.size - MIN_TAIL // 2)
    seen = excess[: excess.size - censored]
    scale = float(seen.sum() + censored * seen[-1]) / seen.size
    log_density = _log_survival(seen[:, None, None] / scale) - np.log(SCALES * scale + SHAPES[:, None] * seen[:, None, None])
    log_likelihood = log_density.sum(0) + censored * _log_survival(seen[-1:, None, None] / scale)[0]
    log_weights = log_likelihood - 0.5 * (SHAPES[:, None] / shape_sd) ** 2
    weights = np.exp(log_weights - log_weights.max())
    return _Tail(threshold, (excess.size + 1) / (n + 1), scale, weights / weights.sum())


def _log_survival(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln of the generalised Pareto survival of (..., 1, 1) excesses for every shape and scale."""
    x = ratio / SCALES
    shapes = SHAPES[1:, None]
    return np.concatenate([-x, -np.log1p(shapes * x) / shapes], axis=-2)
