"""
A group's score: the sum of what counts, so that anyone can add it up again.

Of each family the strongest weight for the campaign counts, and the strongest weight against it. Detectors of one family
see the same behaviour and never add up; but what speaks against an accusation is always heard.

Why not a learned classifier: its verdict could not be recomputed with a pencil, and a monotone sum of likelihood ratios can
only move the way each piece of evidence says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MIN_FAMILY_BITS = (
    3.0  # a family speaks for a campaign from odds of 8 : 1 on ("positive evidence", Kass and Raftery 1995, table 1)
)
FROM_OUTSIDE = frozenset({"peers"})  # families that rest on what others say: they add bits and a family, and move no p-value


@dataclass(frozen=True, slots=True)
class Scores:
    """
    One score a group.

    Args:
        groups: (n_groups,) digests, ascending.
        bits: (n_groups,) score of each.
        n_families: (n_groups,) families whose net weight speaks for a campaign.
        counted: (n_evidence,) is the row of `evidence` part of its group's score?
    """

    groups: Ints
    bits: Floats
    n_families: Ints
    counted: npt.NDArray[np.bool_]


def score(evidence: pa.Table) -> Scores:
    """Add up the rows of `evidence` (any order); see the module's rule."""
    groups = evidence["group"].to_numpy()
    weights = evidence["weight_bits"].to_numpy()
    family = evidence["family"].combine_chunks().dictionary_encode()
    names, family_number = family.dictionary, np.asarray(family.indices, np.int64)
    ids, group_number = np.unique(groups, return_inverse=True)
    cell = group_number * max(len(names), 1) + family_number
    counted = _extreme(cell, weights) | _extreme(cell, -weights)
    net = np.bincount(cell, np.where(counted, weights, 0.0), minlength=len(ids) * len(names)).reshape(len(ids), len(names))
    return Scores(ids, net.sum(axis=1), (net >= MIN_FAMILY_BITS).sum(axis=1), counted)


def fused(evidence: pa.Table, fusion: Mapping[str, float]) -> pa.Table:
    """
    The rows with each weight multiplied by its family's factor (1 where none is named): what rulings taught, never negative.

    >>> rows = pa.table({"family": ["pool", "timing"], "weight_bits": [8.0, 3.0]})
    >>> fused(rows, {"pool": 0.5})["weight_bits"].to_pylist()
    [4.0, 3.0]
    """
    if not fusion:
        return evidence
    factors = np.array([fusion.get(family, 1.0) for family in evidence["family"].to_pylist()], np.float64)
    place = evidence.column_names.index("weight_bits")
    return evidence.set_column(place, "weight_bits", pa.array(evidence["weight_bits"].to_numpy() * factors))


def our_own(evidence: pa.Table) -> pa.Table:
    """The rows without the families from outside: what p-values rest on, so that nobody's indicator can move an error rate."""
    return evidence.filter(pa.array([family not in FROM_OUTSIDE for family in evidence["family"].to_pylist()], pa.bool_()))


def _extreme(cell: Ints, weights: Floats) -> npt.NDArray[np.bool_]:
    """The largest positive weight of each cell; the first where two are equal."""
    order = np.lexsort((np.arange(len(cell)), -weights, cell))
    first = np.ones(len(cell), bool)
    first[1:] = cell[order][1:] != cell[order][:-1]
    out = np.zeros(len(cell), bool)
    out[order[first]] = True
    return out & (weights > 0.0)
