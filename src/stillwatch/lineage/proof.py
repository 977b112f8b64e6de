"""
A p-value from its stored numbers: what a test calls once, and what `stillwatch lineage verify` calls again.

A test builds its `Proof` first and takes its p-value from `recompute`, so that the published number is by construction the one
that anybody gets from the published numbers. Floats are cut to the digits that are stored before anything is computed from them.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.methods.keyed_choice import agreement_log10_p
from stillwatch.methods.matching import fisher_log10, fixed_points_log10_p
from stillwatch.methods.rank_order import permutation_p, spearman, spearman_log10_p
from stillwatch.methods.two_sample import monte_carlo_p
from stillwatch.records.fields import SIGNIFICANT_DIGITS
from stillwatch.records.lineage import Proof

_LN_10 = math.log(10.0)
_MOST_CHOICES = 20_000_000  # a bundle of somebody else's must not fill the memory
_MOST_SHUFFLED = 50_000_000_000  # nor the day: some minutes


def by_rank(observed: float, draws: Sequence[float] | NDArray[np.float64]) -> Proof:
    """Monte Carlo: the rank of the observed statistic among draws from the null."""
    return Proof("rank", observed=_stored(observed), draws=_all_stored(draws))


def by_panel(score: float, strangers: Sequence[float] | NDArray[np.float64]) -> Proof:
    """Conformal: the rank of a score among those of strangers."""
    return Proof("panel", observed=_stored(score), draws=_all_stored(strangers))


def by_key(chances: NDArray[np.float64], n_agree: int) -> Proof:
    """Agreements with a key, given each choice's chance to agree."""
    kinds, sizes = np.unique(chances, return_counts=True)
    return Proof("key", chances=_all_stored(kinds), sizes=tuple(int(s) for s in sizes), n_agree=n_agree)


def by_order(values: NDArray[np.float64], order: NDArray[np.float64], shuffles: int, seed: int) -> Proof:
    """Likelihood against training order: Spearman's correlation among those of so many shuffled orders."""
    kept_values, kept_order = _all_stored(values), _all_stored(order)
    rho = spearman(np.array(kept_values), np.array(kept_order))
    return Proof("order", observed=_stored(rho), values=kept_values, order=kept_order, shuffles=shuffles, seed=seed)


def by_fixed_points(n_fixed: int, sizes: Sequence[int]) -> Proof:
    """Units that a matching leaves in their place, in permutations of these sizes."""
    return Proof("fixed", sizes=tuple(sizes), n_agree=n_fixed)


def by_fisher(log10_p: Sequence[float]) -> Proof:
    """Independent p-values, joined."""
    return Proof("combined", draws=_all_stored(log10_p))


def recompute(proof: Proof) -> float:
    """
    log10 of the p-value that the numbers give.

    Raises:
        ValueError: a number that this kind of proof needs is missing.

    >>> round(10 ** recompute(by_rank(2.0, [0.0, 1.0, 3.0])), 2)
    0.5
    """
    return min(0.0, _KINDS[proof.kind](proof) + math.log10(proof.questions))


def _rank(proof: Proof) -> float:
    return math.log10(monte_carlo_p(_observed(proof), np.array(proof.draws)))


def _key(proof: Proof) -> float:
    if sum(proof.sizes) > _MOST_CHOICES:
        raise ValueError(f"a proof of kind 'key' counts more than {_MOST_CHOICES:,} choices")
    return agreement_log10_p(np.repeat(np.array(proof.chances), proof.sizes), proof.n_agree)


def _order(proof: Proof) -> float:
    values, order = np.array(proof.values), np.array(proof.order)
    if len(values) != len(order) or len(values) * proof.shuffles > _MOST_SHUFFLED:
        raise ValueError(f"a proof of kind 'order' needs as many places as values, at most {_MOST_SHUFFLED:,} to shuffle")
    if proof.shuffles:
        return math.log10(permutation_p(values, order, proof.shuffles, proof.seed))
    return spearman_log10_p(spearman(values, order), len(values))  # documents before 1.1


def _normal(proof: Proof) -> float:
    return min(0.0, float(stats.norm.logsf(_observed(proof))) / _LN_10)


def _combined(proof: Proof) -> float:
    return fisher_log10(proof.draws)


def _fixed(proof: Proof) -> float:
    return fixed_points_log10_p(proof.n_agree, proof.sizes)


def _observed(proof: Proof) -> float:
    if proof.observed is None:
        raise ValueError(f"a proof of kind '{proof.kind}' needs the observed statistic")
    return proof.observed


def _stored(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _all_stored(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(_stored(float(v)) for v in values)


_KINDS: dict[str, Callable[[Proof], float]] = {
    "rank": _rank,
    "panel": _rank,
    "key": _key,
    "order": _order,
    "normal": _normal,
    "combined": _combined,
    "fixed": _fixed,
}
