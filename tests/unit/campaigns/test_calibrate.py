"""From scores to p-values and q-values."""

import numpy as np
import pyarrow as pa

from stillwatch.campaigns import calibrate, reference
from stillwatch.campaigns.reference import Reference


def a_reference(strata: dict[str, np.ndarray]) -> Reference:
    """Benign groups with these scores in each stratum, from one detector."""
    rows = [
        {"group": n * 10_000 + i, "kind": "chat", "stratum": name, "detector": "a", "family": "f", "weight_bits": float(s)}
        for n, (name, scores) in enumerate(strata.items())
        for i, s in enumerate(scores)
    ]
    return Reference("shipped", pa.Table.from_pylist(rows, schema=reference.SCHEMA))


def test_a_score_is_judged_in_its_stratum() -> None:
    """The same score is rare where benign groups score low, and ordinary where they score high."""
    low, high = np.linspace(-9, -5, 200), np.linspace(0, 4, 200)
    known = a_reference({"template 10-49": low, "community 10-49": high})

    p = calibrate.p_values(np.array([2.0, 2.0]), ["template 10-49", "community 10-49"], known, frozenset({"a"}), 0.0)

    assert p[0] < 0.01
    assert 0.3 < p[1] < 0.7


def test_a_small_stratum_borrows_from_its_origin_then_from_all() -> None:
    """Fewer than 50 benign groups are joined with those found the same way, and with all where these are too few as well."""
    known = a_reference(
        {"template 10-49": np.linspace(0, 1, 10), "template 300+": np.linspace(5, 6, 60), "community 300+": np.full(9, 9.0)}
    )

    p = calibrate.p_values(np.array([3.0, 7.0]), ["template 10-49", "community 300+"], known, frozenset({"a"}), 0.0)

    assert 0.7 < p[0] < 0.95
    assert p[1] > 0.05


def test_q_counts_campaigns_and_not_groups() -> None:
    """Two groups of one campaign are one finding among the tests that were made."""
    assert calibrate.q_values(np.array([0.01, 0.02, 0.02]), np.array([1, 1, 2]), 5.0).round(3).tolist() == [0.05, 0.05, 0.05]
