"""What sets share, against a plain count."""

import numpy as np
import pytest

from stillwatch.methods import shared_members
from stillwatch.methods.relation import Relation
from stillwatch.methods.shared_members import Rule


@pytest.fixture
def held() -> np.ndarray:
    """(sets, members) of zeros and ones."""
    return np.random.default_rng(5).random((150, 300)) < np.linspace(0.02, 0.9, 150)[:, None]


@pytest.fixture
def common(held: np.ndarray) -> np.ndarray:
    members, sets = np.nonzero(held.T)
    return shared_members.in_common(sets, members, len(held))


def test_counts_are_those_of_the_matrix_product(held: np.ndarray, common: np.ndarray) -> None:
    """Both halves, and sizes on the diagonal."""
    assert np.array_equal(common, held.astype(int) @ held.T.astype(int))


def related(held: np.ndarray, rule: Rule) -> np.ndarray:
    """As booleans."""
    members, sets = np.nonzero(held.T)
    (found,) = shared_members.related(sets, members, len(held), [rule])
    return found.rows(0, len(held))


def a_relation(matrix: np.ndarray) -> Relation:
    """Of booleans."""
    return Relation.of_rows([matrix], len(matrix))


def test_overlap_is_of_the_smaller_set(held: np.ndarray, common: np.ndarray) -> None:
    """The overlap coefficient, at a bound that some pairs meet exactly."""
    sizes = held.sum(1)
    told = common / np.maximum(np.minimum.outer(sizes, sizes), 1)
    assert np.array_equal(related(held, Rule("overlap", 0.5)), told >= 0.5)


def test_parts_are_smaller_and_lie_inside() -> None:
    """Equal sets are no parts of each other."""
    members = np.array([0, 0, 0, 1, 1, 1, 2])
    sets = np.array([0, 1, 2, 0, 1, 2, 2])
    (part,) = shared_members.related(sets, members, 3, [Rule("part", 0.8)])
    assert part.rows(0, 3).tolist() == [[False, False, True], [False, False, True], [False, False, False]]


def test_who_holds_two_parts_that_are_apart() -> None:
    """Against all triples, over more sets than a word has bits."""
    random = np.random.default_rng(9)
    part = random.random((150, 150)) < 0.05
    apart = random.random((150, 150)) < 0.02
    apart |= apart.T
    expected = [bool(apart[np.ix_(inside, inside)].any()) for inside in (np.flatnonzero(part[:, j]) for j in range(150))]
    assert shared_members.holding_both(a_relation(part), a_relation(apart)).tolist() == expected
    assert True in expected
    assert False in expected


def test_components_are_numbered_by_their_smallest_member() -> None:
    """A chain is one component."""
    alike = np.zeros((5, 5), bool)
    for a, b in ((0, 3), (3, 4)):
        alike[a, b] = alike[b, a] = True
    assert shared_members.connected(a_relation(alike)).tolist() == [0, 1, 2, 0, 0]


def test_nothing_has_nothing_in_common() -> None:
    """No sets are no error."""
    none = np.empty(0, np.int64)
    assert shared_members.in_common(none, none, 0).shape == (0, 0)
    assert shared_members.connected(a_relation(np.empty((0, 0), bool))).size == 0
    assert [r.n for r in shared_members.related(none, none, 0, [Rule("count", 1)])] == [0]


def test_more_than_by_chance_is_told_from_chance(held: np.ndarray, common: np.ndarray) -> None:
    """Against the expectation |a| |b| / n; sets with nothing in common are never lifted."""
    sizes = held.sum(1)
    expected = (common > 0) & (common * 300 >= 1.2 * np.outer(sizes, sizes))
    assert np.array_equal(related(held, Rule("lift", 1.2, 300)), expected)
    assert expected.any()


def test_parts_and_counts_of_many_sets(held: np.ndarray, common: np.ndarray) -> None:
    """Both halves of a relation that is not symmetric, and a bound on the count."""
    sizes = held.sum(1)
    part = (sizes[:, None] < sizes[None, :]) & (common / np.maximum(sizes, 1)[:, None] >= 0.6)
    assert np.array_equal(related(held, Rule("part", 0.6)), part)
    assert part.any()
    assert np.array_equal(related(held, Rule("count", 20)), common >= 20)
