"""The graph of shared rare tokens, its communities and its components."""

import numpy as np
import pytest

from stillwatch.methods import communities


def incidence(sets: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token -> ascending nodes, as the graph reads it."""
    return np.concatenate(([0], np.cumsum([len(s) for s in sets]))), np.array([n for s in sets for n in sorted(s)], np.int64)


def test_nodes_that_share_more_rare_tokens_link_stronger() -> None:
    """All tokens in common weigh more than half of them; a rare token weighs more than a popular one."""
    indptr, members = incidence([[0, 1], [0, 1], [2, 3], [2, 90], [3, 91], list(range(4, 40)), [60, 61]])

    a, b, weight = communities.rarity_graph(indptr, members, 1000, 1.0, 1000)

    strength = dict(zip(zip(a.tolist(), b.tolist(), strict=True), weight.tolist(), strict=True))
    assert strength[0, 1] > strength[2, 3]
    assert strength[60, 61] > strength[4, 5]


def test_each_node_keeps_its_strongest_links() -> None:
    """A node's weak links go once it has more than it may keep, unless the other end keeps them."""
    indptr, members = incidence([[0, n] for n in range(1, 6)] + [[0, 1], [0, 2]])

    a, b, _ = communities.rarity_graph(indptr, members, 100, 1.0, 100, neighbours=2)
    alone = communities.rarity_graph(indptr, members, 100, 1.0, 100, neighbours=1)

    assert {(0, 1), (0, 2)} <= set(zip(a.tolist(), b.tolist(), strict=True))
    assert len(alone[0]) <= len(a)


def test_a_large_token_links_each_node_to_its_next_ones() -> None:
    """The links of one token grow with its nodes, not with their pairs."""
    indptr, members = incidence([list(range(500)), [600, 601]])

    a, b, _ = communities.rarity_graph(indptr, members, 10_000, 1.0, 10_000, reach=3, neighbours=100)

    assert len(a) <= 3 * 500 + 1
    assert (b - a).max() <= 3


def test_a_campaign_that_is_all_that_a_log_shares_is_no_null_of_itself() -> None:
    """Twenty nodes on one token are linked where the rest of the log shares nothing."""
    indptr, members = incidence([list(range(20))])

    a, _, _ = communities.rarity_graph(indptr, members, 300, 1.0, n_uses=900)

    assert len(a) > 20


def test_nothing_links_nothing() -> None:
    """Without tokens there are no edges and no communities."""
    a, b, weight = communities.rarity_graph(np.array([0]), np.empty(0, np.int64), 5, 1.0, 1)

    assert (len(a), len(b), len(weight)) == (0, 0, 0)
    assert communities.leiden(a, b, weight, 5, 1.0, 1).tolist() == [-1] * 5


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

    found = communities.leiden_at(a, b, weight, 60, [20.0, 1.0, 5.0], 1)

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
