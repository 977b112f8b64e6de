"""
Communities of accounts in the graph of shared rare tokens.

The graph only suggests groups; it proves nothing, and the evidence decides.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import graspologic_native
import numba
import numpy as np
import numpy.typing as npt

from stillwatch.methods.cores import available_cores

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_RANDOMNESS = 0.001  # graspologic-native's default
_ITERATIONS = 1  # a second one moved no planted campaign on the demo and acceptance worlds


def leiden(a: Ints, b: Ints, weight: Floats, n_nodes: int, resolution: float, seed: int) -> Ints:
    """
    Leiden communities by modularity (Traag, Waltman, van Eck 2019), by graspologic-native.

    Args:
        a, b, weight: Edges as `rarity.rarity_graphs` gives them.
        n_nodes: Number of nodes.
        resolution: Higher gives smaller communities.
        seed: The same seed and graph give the same communities.

    Returns:
        (n_nodes,) community of each node, numbered from 0 by smallest member; -1 for a node without an edge.
    """
    return leiden_at([(a, b, weight)], n_nodes, [resolution], seed)[0]


def leiden_at(graphs: Sequence[tuple[Ints, Ints, Floats]], n_nodes: int, resolutions: Sequence[float], seed: int) -> list[Ints]:
    """
    `leiden` of several graphs at several resolutions, graph by graph; on all cores, as the library lets go of the interpreter.
    """
    names = [str(node) for node in range(n_nodes)]
    with ThreadPoolExecutor(available_cores()) as pool:
        asked = []
        for a, b, weight in graphs:
            ends = (map(names.__getitem__, nodes.tolist()) for nodes in (a, b))
            edges = list(zip(*ends, weight.tolist(), strict=True))
            asked += [pool.submit(_labels, edges, n_nodes, resolution, seed) for resolution in resolutions]
        return [labels.result() for labels in asked]


def _labels(edges: list[tuple[str, str, float]], n_nodes: int, resolution: float, seed: int) -> Ints:
    labels = np.full(n_nodes, -1, np.int64)
    if edges:
        _, found = graspologic_native.leiden(
            edges, resolution=resolution, randomness=_RANDOMNESS, iterations=_ITERATIONS, use_modularity=True, seed=seed
        )
        labels[np.fromiter(map(int, found), np.int64, len(found))] = np.fromiter(found.values(), np.int64, len(found))
    return _renumbered(labels)


def components(a: Ints, b: Ints, n_nodes: int) -> Ints:
    """
    Connected components by union-find, numbered from 0 by smallest member.

    >>> components(np.array([3]), np.array([1]), 4).tolist()
    [0, 1, 2, 1]
    """
    return _renumbered(_roots(a.astype(np.int64), b.astype(np.int64), n_nodes))


def _renumbered(labels: Ints) -> Ints:
    used = labels >= 0
    _, first, inverse = np.unique(labels[used], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    out = np.full(len(labels), -1, np.int64)
    out[used] = rank[inverse]
    return out


@numba.njit(cache=True, nogil=True)
def _roots(a: Ints, b: Ints, n_nodes: int) -> Ints:
    parent = np.arange(n_nodes)
    for e in range(len(a)):
        x, y = a[e], b[e]
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        while parent[y] != y:
            parent[y] = parent[parent[y]]
            y = parent[y]
        if x < y:
            parent[y] = x
        elif y < x:
            parent[x] = y
    for x in range(n_nodes):
        root = x
        while parent[root] != root:
            root = parent[root]
        parent[x] = root
    return parent
