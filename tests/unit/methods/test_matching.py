"""Exact permutation tests of a matching."""

import math
from itertools import permutations

import numpy as np
import pytest

from stillwatch.methods.matching import (
    cosines,
    fisher_log10,
    fixed_points_log10_p,
    fixed_points_pmf,
    match,
    trace_draws,
    trace_moments,
)


def share_with_fixed_points(n: int, at_least: int) -> float:
    """By listing all permutations."""
    every = list(permutations(range(n)))
    return sum(sum(i == p for i, p in enumerate(order)) >= at_least for order in every) / len(every)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6])
def test_fixed_points_of_one_permutation_are_those_of_all_permutations(n: int) -> None:
    """
    The closed form is the share of permutations, counted one by one.
    """
    told = [10.0 ** fixed_points_log10_p(k, [n]) for k in range(n + 1)]

    assert told == pytest.approx([share_with_fixed_points(n, k) for k in range(n + 1)], rel=1e-9)


def test_fixed_points_of_several_permutations_add_up() -> None:
    """
    The total over blocks is the convolution of the blocks.
    """
    total = np.convolve(fixed_points_pmf(3, 8), fixed_points_pmf(4, 8))

    told = [10.0 ** fixed_points_log10_p(k, [3, 4]) for k in range(8)]

    assert told == pytest.approx([total[k:].sum() for k in range(8)], rel=1e-9)


def test_the_bound_for_many_fixed_points_is_never_below_the_exact_value() -> None:
    """
    Where the sum is too long to be exact, the p-value is too large rather than too small, and not by much.
    """
    sizes = [2_000] * 3
    all_in_place = 3 * fixed_points_log10_p(2_000, [2_000])

    told = fixed_points_log10_p(6_000, sizes)

    assert all_in_place <= told < 0.9 * all_in_place


def test_many_blocks_with_as_many_fixed_points_as_expected_say_nothing() -> None:
    """
    A thousand blocks have a thousand fixed points by chance.
    """
    assert 10.0 ** fixed_points_log10_p(1_000, [64] * 1_000) == pytest.approx(0.5, abs=0.02)
    assert fixed_points_log10_p(0, [64] * 1_000) == 0.0


def test_impossible_counts_are_refused() -> None:
    """
    More fixed points than units are a mistake of the caller.
    """
    with pytest.raises(ValueError, match="5 fixed points in permutations of 4 units"):
        fixed_points_log10_p(5, [2, 2])


def test_ties_are_not_broken_by_position() -> None:
    """
    Units without any likeness (all zero) are matched at random, not in place.
    """
    rng = np.random.default_rng(1)

    kept = [int((match(np.zeros((50, 50)), rng) == np.arange(50)).sum()) for _ in range(200)]

    assert np.mean(kept) == pytest.approx(1.0, abs=0.3)


def test_a_matching_is_that_of_the_solver() -> None:
    """
    Relabelling before and after changes nothing where there are no ties; a wide matrix leaves columns out.
    """
    similarity = np.random.default_rng(2).normal(size=(4, 6))

    found = match(similarity, np.random.default_rng(3))

    best = max(permutations(range(6), 4), key=lambda order: sum(similarity[i, j] for i, j in enumerate(order)))
    assert tuple(found) == best


def test_more_rows_than_columns_cannot_be_matched() -> None:
    """
    The caller turns the matrix round instead.
    """
    with pytest.raises(ValueError, match="more rows"):
        match(np.zeros((3, 2)), np.random.default_rng(1))


def test_cosines_of_zero_rows_are_zero() -> None:
    """
    A pruned unit is like nothing.
    """
    assert cosines(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.6, 0.8]])).tolist() == [[0.0], [pytest.approx(1.0)]]


def test_moments_of_the_trace_are_those_of_all_permutations() -> None:
    """
    Mean and variance equal those over all permutations, counted one by one.
    """
    square = np.random.default_rng(4).normal(size=(5, 5))
    traces = [sum(square[i, j] for i, j in enumerate(order)) for order in permutations(range(5))]

    trace, mean, variance = trace_moments(square)

    assert (trace, mean, variance) == pytest.approx((np.trace(square), np.mean(traces), np.var(traces)))


def test_drawn_traces_have_these_moments() -> None:
    """
    The Monte Carlo draws are uniform permutations.
    """
    square = np.random.default_rng(5).normal(size=(6, 6))

    draws = trace_draws(square, 20_000, np.random.default_rng(6))

    _, mean, variance = trace_moments(square)
    assert draws.mean() == pytest.approx(mean, abs=0.1)
    assert draws.var() == pytest.approx(variance, rel=0.05)


def test_fisher_is_exact_and_does_not_underflow() -> None:
    """
    Two halves give 1/4 (1 + ln 4); p-values below any float stay numbers; nothing gives 1.
    """
    assert 10.0 ** fisher_log10([math.log10(0.5)] * 2) == pytest.approx(0.25 * (1 + math.log(4)))
    assert fisher_log10([-5_000.0, -5_000.0]) == pytest.approx(-10_000.0, abs=10.0)
    assert fisher_log10([]) == 0.0
    assert fisher_log10([0.0, 0.0]) == 0.0
