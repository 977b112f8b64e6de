"""From a score to a p-value against benign groups of the same stratum, and to a q-value over all groups tested."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stillwatch.campaigns.reference import Reference
from stillwatch.methods import fdr, tail

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_STRATUM = 50  # benign groups: with fewer a stratum borrows all others' scores of its origin, then all


def p_values(bits: Floats, strata: Sequence[str], reference: Reference, detectors: frozenset[str], trim_share: float) -> Floats:
    """
    Conformal p with extreme-value tail of each score within its stratum.

    Args:
        bits: (n_groups,) scores.
        strata: Stratum of each group.
        reference: The benign groups.
        detectors: Those that ran: the reference is scored by the same ones.
        trim_share: Highest share of an operator's own reference left out, as it may be contaminated.
    """
    by_stratum = reference.benign(detectors)
    trim, shape_sd = reference.tail(trim_share)
    out = np.ones(len(bits))
    for name in sorted(set(strata)):
        here = np.array([s == name for s in strata])
        out[here] = tail.p_values(bits[here], _background(by_stratum, name), trim, shape_sd).extrapolated
    return out


def q_values(p: Floats, campaign: Ints, n_tests: float) -> Floats:
    """Benjamini-Hochberg (1995) with campaigns as findings: groups of one campaign are one."""
    return fdr.clustered(p, campaign, n_tests)


def _background(by_stratum: dict[str, Floats], name: str) -> Floats:
    exact = by_stratum.get(name, np.empty(0))
    if len(exact) >= MIN_STRATUM:
        return exact
    origin = name.partition(" ")[0]
    same = [scores for other, scores in by_stratum.items() if other.partition(" ")[0] == origin]
    merged = np.concatenate([*same, np.empty(0)])
    return merged if len(merged) >= MIN_STRATUM else np.concatenate([*by_stratum.values(), np.empty(0)])
