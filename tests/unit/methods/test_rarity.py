"""The graph of shared rare tokens."""

import numpy as np
import numpy.typing as npt
from numpy.random import default_rng

from stillwatch.methods import rarity

Edges = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]


def graph(indptr: np.ndarray, members: np.ndarray, n_nodes: int, n_uses: int, **options: int) -> Edges:
    """The graph under power 1."""
    (edges,) = rarity.rarity_graphs(indptr, members, n_nodes, [1.0], n_uses, **options)
    return edges


def incidence(sets: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token -> ascending nodes, as the graph reads it."""
    return np.concatenate(([0], np.cumsum([len(s) for s in sets]))), np.array([n for s in sets for n in sorted(s)], np.int64)


def test_nodes_that_share_more_rare_tokens_link_stronger() -> None:
    """All tokens in common weigh more than half of them; a rare token weighs more than a popular one."""
    indptr, members = incidence([[0, 1], [0, 1], [2, 3], [2, 90], [3, 91], list(range(4, 40)), [60, 61]])

    a, b, weight = graph(indptr, members, 1000, 1000)

    strength = dict(zip(zip(a.tolist(), b.tolist(), strict=True), weight.tolist(), strict=True))
    assert strength[0, 1] > strength[2, 3]
    assert strength[60, 61] > strength[4, 5]


def test_each_node_keeps_its_strongest_links() -> None:
    """A node's weak links go once it has more than it may keep, unless the other end keeps them."""
    indptr, members = incidence([[0, n] for n in range(1, 6)] + [[0, 1], [0, 2]])

    a, b, _ = graph(indptr, members, 100, 100, neighbours=2)
    alone = graph(indptr, members, 100, 100, neighbours=1)

    assert {(0, 1), (0, 2)} <= set(zip(a.tolist(), b.tolist(), strict=True))
    assert len(alone[0]) <= len(a)


def test_a_large_token_links_each_node_to_its_next_ones() -> None:
    """The links of one token grow with its nodes, not with their pairs."""
    indptr, members = incidence([list(range(500)), [600, 601]])

    a, b, _ = graph(indptr, members, 10_000, 10_000, reach=3, neighbours=100)

    assert len(a) <= 3 * 500 + 1
    assert (b - a).max() <= 3


def test_a_campaign_that_is_all_that_a_log_shares_is_no_null_of_itself() -> None:
    """Twenty nodes on one token are linked where the rest of the log shares nothing."""
    indptr, members = incidence([list(range(20))])

    a, _, _ = graph(indptr, members, 300, n_uses=900)

    assert len(a) > 20


def test_no_token_links_nobody() -> None:
    """Without tokens there are no edges."""
    a, b, weight = graph(np.array([0]), np.empty(0, np.int64), 5, 1)

    assert (len(a), len(b), len(weight)) == (0, 0, 0)


def obvious(sets: list[list[int]], n_nodes: int, power: float, n_uses: int, neighbours: int) -> dict[tuple[int, int], float]:
    """Every pair of every token in a dict; NumPy takes the sums."""
    sizes = np.array([len(s) for s in sets])
    weights = np.log(np.maximum(n_nodes / sizes, 1.0)) ** power
    expected = float(np.sum(weights * (sizes / n_uses) ** 2))
    degrees = np.bincount(np.concatenate(sets), minlength=n_nodes).astype(float)
    shared: dict[tuple[int, int], list[float]] = {}
    for s, weight in zip(sets, weights, strict=True):
        for i, a in enumerate(s):
            for b in s[i + 1 :]:
                shared.setdefault((a, b), []).append(weight)
    strength = {}
    for (a, b), told in shared.items():
        product = degrees[a] * degrees[b]
        strength[a, b] = (np.add.reduceat(np.array(told), [0])[0] - product * expected) / np.sqrt(product)
    positive = {pair: value for pair, value in strength.items() if value > 0}
    bar = np.zeros(n_nodes)
    for node in range(n_nodes):
        mine = sorted((v for pair, v in positive.items() if node in pair), reverse=True)
        if len(mine) > neighbours:
            bar[node] = mine[neighbours - 1]
    return {(a, b): v for (a, b), v in sorted(positive.items()) if v >= bar[a] or v >= bar[b]}


def test_sums_and_kept_links_are_those_of_the_obvious_way() -> None:
    """Edges and weights equal to the bit: also for pairs that share hundreds of tokens, whose order of summing shows."""
    rng = default_rng(5)
    sets = [sorted(rng.choice(40, rng.integers(2, 14), replace=False).tolist()) for _ in range(900)]
    sets += [[50, 51, *([52] if n % 3 else [])] for n in range(300)]
    members = np.concatenate([np.array(s) for s in sets])
    indptr = np.concatenate(([0], np.cumsum([len(s) for s in sets])))

    graphs = rarity.rarity_graphs(indptr, members, 60, (1.0, 3.0), 9_000, neighbours=3)

    for power, (a, b, weight) in zip((1.0, 3.0), graphs, strict=True):
        found = dict(zip(zip(a.tolist(), b.tolist(), strict=True), weight.tolist(), strict=True))
        wanted = obvious(sets, 60, power, 9_000, neighbours=3)
        assert found == wanted
        assert list(found) == list(wanted)
