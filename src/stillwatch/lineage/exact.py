"""
Exact p-values from similarities of blocks: T1 (trace) and T2 (fixed points of the best matching), one row each a symmetry.

T1 sees a faint likeness spread over all units, but its Monte Carlo p has a floor; T2 has none. Blocks of one symmetry are
independent uniform permutations under the null, so fixed points add up exactly; symmetries are joined by Bonferroni, under any
dependence.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage.features import Pair
from stillwatch.methods.matching import fixed_points_log10_p, match, trace_draws, trace_moments
from stillwatch.methods.two_sample import monte_carlo_p, spread_p


@dataclass(slots=True)
class Row:
    """What the blocks of one symmetry add up to."""

    kind: str
    draws: NDArray[np.float64]
    sizes: list[int] = field(default_factory=list)
    fixed: list[int] = field(default_factory=list)
    layers: list[int | None] = field(default_factory=list)
    trace: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    @property
    def n_fixed(self) -> int:
        """Units that the best matching leaves in their place."""
        return sum(self.fixed)

    @property
    def z(self) -> float:
        """Standard score of the trace under uniform permutations."""
        return (self.trace - self.mean) / self.variance**0.5 if self.variance > 0.0 else 0.0

    @property
    def trace_p(self) -> float:
        """T1: Monte Carlo, exact at any number of draws."""
        return monte_carlo_p(self.trace, self.draws)

    @property
    def matching_log10_p(self) -> float:
        """T2: closed form."""
        return fixed_points_log10_p(self.n_fixed, self.sizes)

    def spread(self, rng: np.random.Generator) -> tuple[float, float]:
        """Both p-values with ties broken at random: what must be uniform when a level is measured."""
        at_least = 10.0**self.matching_log10_p
        more = 10.0 ** fixed_points_log10_p(self.n_fixed + 1, self.sizes) if self.n_fixed < sum(self.sizes) else 0.0
        return spread_p(self.trace, self.draws, float(rng.random())), more + float(rng.random()) * (at_least - more)

    def by_layer(self) -> dict[int | None, float]:
        """Share of units left in their place, a layer."""
        layers = dict.fromkeys(self.layers)
        return {
            layer: sum(f for f, own in zip(self.fixed, self.layers, strict=True) if own == layer)
            / sum(s for s, own in zip(self.sizes, self.layers, strict=True) if own == layer)
            for layer in layers
        }


def rows(found: Iterable[Pair], draws: int, seed: int) -> list[Row]:
    """
    T1 and T2 of every symmetry, in order of appearance.

    Args:
        found: Similarities, a block each; consumed one at a time.
        draws: Monte Carlo draws of T1.
    """
    rng = np.random.default_rng([seed, 1])
    told: dict[str, Row] = {}
    for pair in found:
        row = told.setdefault(pair.kind, Row(pair.kind, np.zeros(draws)))
        add(row, pair, rng)
    return list(told.values())


def add(row: Row, pair: Pair, rng: np.random.Generator) -> None:
    """Add one block to its symmetry."""
    n = len(pair.similarity)
    row.sizes.append(n)
    row.layers.append(pair.layer)
    row.fixed.append(int((match(pair.similarity, rng) == np.arange(n)).sum()))
    trace, mean, variance = trace_moments(pair.similarity)
    row.trace += trace
    row.mean += mean
    row.variance += variance
    row.draws += trace_draws(pair.similarity, len(row.draws), rng)
