"""p-values from stored numbers."""

import math

import numpy as np
import pytest
from scipy import stats

from stillwatch.lineage.proof import (
    by_fisher,
    by_fixed_points,
    by_key,
    by_order,
    by_panel,
    by_rank,
    recompute,
)
from stillwatch.records.fields import from_json, to_json
from stillwatch.records.lineage import Proof


@pytest.mark.parametrize(
    ("proof", "log10_p"),
    [
        (by_rank(2.0, [1.0, 2.0, 3.0]), math.log10(0.75)),
        (by_panel(9.0, np.arange(9.0)), -1.0),
        (by_key(np.array([0.5, 0.25, 0.5]), 3), math.log10(0.0625)),
        (by_order(np.arange(9.0), np.arange(9.0), 99, 1), -math.log10(math.factorial(9))),
        (by_order(np.arange(30.0), np.arange(30.0), 1_999, 1), -math.log10(2_000)),
        # a document of version 1.0: by Student's t
        (Proof("order", values=tuple(range(10)), order=tuple(range(10))), -math.log10(math.factorial(10))),
        (by_fixed_points(5, [5]), -math.log10(120)),
        (Proof("normal", observed=3.0), math.log10(stats.norm.sf(3.0))),
        (by_fisher([-1.0, -2.0]), math.log10(stats.combine_pvalues([0.1, 0.01]).pvalue)),
    ],
)
def test_every_kind_gives_its_p_value_again_after_a_round_trip(proof: Proof, log10_p: float) -> None:
    """Stored and read back, the numbers give the same p-value to the last bit."""
    again = from_json(Proof, to_json(proof), "test")

    assert recompute(proof) == pytest.approx(log10_p)
    assert recompute(again) == recompute(proof)


def test_digits_that_are_not_stored_decide_nothing() -> None:
    """A draw that ties with the observed value after rounding is a tie before it is stored too."""
    proof = by_rank(1.0 / 3.0, [1.0 / 3.0 + 1e-13, 0.1])

    assert recompute(proof) == recompute(from_json(Proof, to_json(proof), "test")) == pytest.approx(math.log10(2 / 3))


def test_several_questions_cost_their_number() -> None:
    """The best of four questions is worth four times its p, and never more than 1."""
    assert recompute(Proof("normal", observed=3.0, questions=4)) == pytest.approx(math.log10(4 * stats.norm.sf(3.0)))
    assert recompute(Proof("normal", observed=-3.0, questions=4)) == 0.0


def test_a_proof_cannot_fill_the_memory() -> None:
    """A bundle that claims a trillion choices is refused before anything is laid out."""
    with pytest.raises(ValueError, match="choices"):
        recompute(Proof("key", chances=(0.5,), sizes=(10**12,), n_agree=1))


def test_a_proof_cannot_take_the_day() -> None:
    """A bundle that asks for a trillion shuffles is refused before the first; so are places that are not one a value."""
    many = tuple(float(i) for i in range(100))
    for proof in (Proof("order", values=many, order=many, shuffles=10**12), Proof("order", values=many, order=many[1:])):
        with pytest.raises(ValueError, match="as many places as values"):
            recompute(proof)


def test_a_number_that_is_missing_is_an_error() -> None:
    """A rank needs the observed value."""
    with pytest.raises(ValueError, match="observed"):
        recompute(Proof("rank", draws=(1.0,)))
