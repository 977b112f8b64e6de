"""Statistics of groups against slow, obvious versions."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import betabinom

from stillwatch.methods.adoption import excess_bits, log_betabinomial
from stillwatch.methods.collisions import CROWD, collisions
from stillwatch.methods.fdr import benjamini_hochberg
from stillwatch.methods.overlap import overlap
from stillwatch.methods.persistence import persistence
from stillwatch.methods.synchrony import day_rolled

Pairs = list[tuple[int, int]]


@given(st.integers(2, 4), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 95)), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_moments_of_synchrony_are_those_of_all_rolls(n_days: int, seen: Pairs) -> None:
    """Mean and variance in closed form equal those over every combination of rolls."""
    account = np.array([a for a, _ in seen])
    hour = np.array([h % (24 * n_days) for _, h in seen])

    found = day_rolled(account, hour, n_days)

    grids = [_grid(hour[account == a], n_days) for a in np.unique(account)]
    rolled = [
        sum(float((x * y).sum()) for x, y in combinations([np.roll(g, r, 0) for g, r in zip(grids, rolls, strict=True)], 2))
        for rolls in product(range(n_days), repeat=len(grids))
    ]
    assert found.overlap == pytest.approx(rolled[0], abs=1e-9)
    assert found.null_mean == pytest.approx(np.mean(rolled), abs=1e-9)
    assert found.null_sd == pytest.approx(np.std(rolled), abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=60))
def test_overlap_is_the_mean_over_pairs(sent: Pairs) -> None:
    """Coincidences and their possible number, counted account by account."""
    sets = [{i for b, i in sent if b == a} for a in {a for a, _ in sent}]

    found = overlap(np.array([a for a, _ in sent]), np.array([i for _, i in sent]))

    assert found.n_shared == sum(len(x & y) for x, y in combinations(sets, 2))
    assert found.n_possible == sum(min(len(x), len(y)) for x, y in combinations(sets, 2))
    assert 0 <= found.share <= 1


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), min_size=1, max_size=30), st.integers(1, 60))
def test_collisions_are_counted_unit_by_unit(held: Pairs, crowd: int) -> None:
    """A unit meets another if they hold one value; crowded values count their share."""
    unit, value = np.array([u for u, _ in held]), np.array([v for _, v in held])

    found = collisions(unit, value, np.full(len(held), crowd), 10_000)

    holders = {v: {u for u, w in held if w == v} for v in set(value.tolist())}
    slow = 0.0
    for u in set(unit.tolist()):
        met = [min(1.0, CROWD / max(crowd, len(h))) for h in holders.values() if u in h and len(h) > 1]
        slow += max(met, default=0.0)
    assert found.sharing == pytest.approx(slow)
    assert found.n_shared_values == sum(len(h) > 1 for h in holders.values())


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)), st.floats(0.01, 0.99))
def test_q_values_reject_what_the_step_up_rule_rejects(p: NDArray[np.float64], alpha: float) -> None:
    """q <= alpha exactly for the hypotheses up to the largest k with p(k) <= alpha k / n."""
    ordered = np.sort(p)
    ranks = np.arange(1, p.size + 1)
    passing = ordered * p.size / ranks <= alpha
    threshold = ordered[np.flatnonzero(passing)[-1]] if passing.any() else -1.0

    q = benjamini_hochberg(p)

    assert ((q <= alpha) == (p <= threshold)).all()
    assert (q >= p - 1e-12).all()


@given(st.integers(1, 60), st.floats(0.01, 0.99), st.floats(0.01, 0.9), st.data())
def test_the_beta_binomial_is_scipys(n: int, mean: float, dispersion: float, data: st.DataObject) -> None:
    """The parametrisation by mean and correlation is Beta(mean (1 - r) / r, (1 - mean)(1 - r) / r)."""
    k = data.draw(st.integers(0, n))
    a, b = mean * (1 - dispersion) / dispersion, (1 - mean) * (1 - dispersion) / dispersion

    assert log_betabinomial(k, n, mean, dispersion) == pytest.approx(betabinom.logpmf(k, n, a, b), rel=1e-6, abs=1e-6)


@given(st.integers(1, 300), st.floats(0.001, 0.9), st.floats(0.005, 0.5), st.floats(0.1, 0.9), st.floats(0.001, 0.09))
def test_an_excess_never_weighs_more_than_its_strays_allow(
    n: int, mean: float, spread: float, reach: float, stray: float
) -> None:
    """For every count the weight lies between log2 of (1 - reach) / (1 - stray) and reach / stray."""
    bits = [excess_bits(k, n, mean, spread, reach, stray) for k in range(0, n + 1, max(1, n // 20))]

    assert min(bits) >= np.log2((1 - reach) / (1 - stray)) - 1e-9
    assert max(bits) <= np.log2(reach / stray) + 1e-9


@given(st.integers(0, 10_000), st.permutations(range(25)))
@settings(max_examples=25, deadline=None)
def test_renaming_words_does_not_change_persistence(seed: int, names: list[int]) -> None:
    """Words are digests: only which are equal matters."""
    rng = np.random.default_rng(seed)
    hand = np.repeat(np.arange(12), 4)
    piece = np.repeat(np.arange(48), 6)
    words = rng.integers(0, 25, piece.size)

    told = persistence(words, piece, hand, hand)

    assert persistence(np.array(names)[words], piece, hand, hand) == told


def _grid(hours: NDArray[np.int64], n_days: int) -> NDArray[np.float64]:
    grid = np.zeros((n_days, 24))
    grid[hours // 24, hours % 24] = 1.0
    return np.asarray(grid / np.sqrt(grid.sum()))
