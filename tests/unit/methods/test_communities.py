"""Communities and components of a graph."""

import numpy as np
import pytest

from stillwatch.methods import communities


def test_nothing_links_nothing() -> None:
    """Without edges there are no communities."""
    nothing = np.empty(0, np.int64)

    assert communities.leiden(nothing, nothing, np.empty(0), 5, 1.0, 1).tolist() == [-1] * 5


def test_two_cliques_are_two_communities() -> None:
    """Leiden finds two cliques that one weak link joins, and leaves a lone node out, the same each time."""
    pairs = [(i, j) for block in (range(5), range(5, 10)) for i in block for j in block if i < j] + [(0, 5)]
    a, b = np.array(pairs).T
    weight = np.array([1.0] * (len(pairs) - 1) + [0.1])

    labels = communities.leiden(a, b, weight, 11, 1.0, 1)

    assert labels.tolist() == [0] * 5 + [1] * 5 + [-1]
    assert np.array_equal(labels, communities.leiden(a, b, weight, 11, 1.0, 1))


def test_resolutions_at_once_are_those_one_by_one() -> None:
    """Communities come in the order of the resolutions, each as if asked for alone."""
    rng = np.random.default_rng(3)
    a, b = np.sort(rng.integers(0, 60, (2, 200)), axis=0)
    a, b = a[a < b], b[a < b]
    weight = rng.random(len(a))

    found = communities.leiden_at([(a, b, weight)], 60, [20.0, 1.0, 5.0], 1)

    alone = [communities.leiden(a, b, weight, 60, resolution, 1) for resolution in (20.0, 1.0, 5.0)]
    assert [f.tolist() for f in found] == [f.tolist() for f in alone]


@pytest.mark.parametrize("seed", range(5))
def test_components_are_those_of_a_search(seed: int) -> None:
    """Union-find gives the components that a plain search gives, numbered by smallest member."""
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 60, 30), random.integers(0, 60, 30)
    reach = np.eye(60, dtype=bool)
    reach[a, b] = reach[b, a] = True
    for _ in range(6):
        reach = reach @ reach

    found = communities.components(a, b, 60)

    assert np.array_equal(found[:, None] == found[None, :], reach)
    assert np.array_equal(np.unique(found, return_index=True)[1], np.flatnonzero(reach.argmax(axis=1) == np.arange(60)))
