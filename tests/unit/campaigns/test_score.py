"""A group's score is the sum of what counts."""

import numpy as np
import pyarrow as pa
import pytest
from tests.tables import a_table

from stillwatch.campaigns.score import MIN_FAMILY_BITS, score
from stillwatch.records import tables


def evidence(*rows: tuple[int, str, str, float]) -> pa.Table:
    """Rows of evidence: group, detector, family, weight."""
    names = ("group", "detector", "family", "weight_bits")
    return a_table(tables.EVIDENCE, [dict(zip(names, row, strict=True)) for row in rows])


def test_families_add_and_detectors_of_one_do_not() -> None:
    """Of each family the strongest weight for counts; families are summed."""
    found = score(evidence((1, "a", "infra", 4.0), (1, "b", "infra", 6.0), (1, "c", "timing", 5.0)))

    assert found.bits.tolist() == [11.0]
    assert found.counted.tolist() == [False, True, True]
    assert found.n_families.tolist() == [2]


def test_evidence_against_always_counts() -> None:
    """The strongest weight against counts beside the strongest for, in one family too."""
    found = score(evidence((1, "a", "pool", 7.0), (1, "b", "pool", -9.0), (1, "c", "pool", -2.0)))

    assert found.bits.tolist() == [-2.0]
    assert found.counted.tolist() == [True, True, False]
    assert found.n_families.tolist() == [0]


def test_nothing_said_is_nothing_counted() -> None:
    """A weight of zero is no part of the sum."""
    found = score(evidence((1, "a", "pool", 0.0)))

    assert (found.bits.tolist(), found.counted.tolist()) == ([0.0], [False])


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled evidence gives the same scores and counts the same statements."""
    random = np.random.default_rng(1)
    rows = [
        (g, d, d[0], float(w)) for g in (5, -3, 9) for d, w in zip(("a1", "a2", "b1", "b2"), random.normal(0, 5, 4), strict=True)
    ]
    order = random.permutation(len(rows))

    plain, shuffled = score(evidence(*rows)), score(evidence(*[rows[i] for i in order]))

    assert plain.groups.tolist() == [-3, 5, 9]
    assert np.allclose(plain.bits, shuffled.bits)
    assert np.array_equal(plain.counted[order], shuffled.counted)


@pytest.mark.parametrize(("weight", "n"), [(MIN_FAMILY_BITS, 1), (MIN_FAMILY_BITS - 0.01, 0)])
def test_a_family_speaks_from_three_bits_on(weight: float, n: int) -> None:
    """Odds below 8 : 1 are not a family that speaks for a campaign."""
    assert score(evidence((1, "a", "pool", weight))).n_families.tolist() == [n]


def test_no_evidence_is_no_score() -> None:
    """An empty table gives empty arrays."""
    found = score(evidence())

    assert (len(found.groups), len(found.bits), len(found.counted)) == (0, 0, 0)
