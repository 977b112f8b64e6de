"""
Communities of accounts in the graph of shared rare tokens.

An account links to those that share many rare tokens with it, less what their degrees alone would explain. The graph only
suggests groups; it proves nothing, and the evidence decides.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import graspologic_native
import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_RANDOMNESS = 0.001  # graspologic-native's default
_ITERATIONS = 1  # a second one moved no planted campaign on the demo and acceptance worlds


def rarity_graph(
    indptr: Ints, members: Ints, n_nodes: int, power: float, n_uses: int, reach: int = 16, neighbours: int = 15
) -> tuple[Ints, Ints, Floats]:
    """
    Weighted edges between nodes that share rare tokens.

    The weight of a pair is s_ab = sum w_f - d_a d_b sum w_f (k_f / E)^2 with w_f = log(N / k_f)^power, divided by
    sqrt(d_a d_b); each node keeps its strongest `neighbours`. A token of more than `reach` + 1 nodes does not link all its
    pairs: each node links to the next `reach` nodes in node order. Node order must be that of a digest, so that tokens with
    nearly equal node sets link the same pairs (as bottom-k sketches agree), and the cost stays linear.

    Args:
        indptr: (n_tokens + 1,) offsets into `members`.
        members: node numbers of each token, ascending within a token, no repeats.
        n_nodes: Number of nodes N.
        power: Rarity power p; 1 favours broad sharing, 3 favours rare tokens.
        n_uses: E, the (node, token) pairs of the whole log, tokens that link nobody included: were it the linking tokens
            alone, a campaign that is all that a log shares would be its own null.
        reach: Links a node makes through one token, forwards.
        neighbours: Edges kept a node.

    Returns:
        Arrays a < b and the positive weight of each edge, sorted by (a, b).

    References:
        Degree correction: the null of Newman's modularity (2006) on the projected bipartite graph. Numbers on planted worlds:
        docs/decisions.md.

    >>> a, b, _ = rarity_graph(np.array([0, 3, 5]), np.array([0, 1, 2, 3, 4]), 100, 1.0, 100)
    >>> list(zip(a.tolist(), b.tolist()))
    [(0, 1), (0, 2), (1, 2), (3, 4)]
    """
    sizes = np.diff(indptr)
    if not len(members):
        empty = np.empty(0, np.int64)
        return empty, empty.copy(), np.empty(0)
    weights = np.log(np.maximum(n_nodes / np.maximum(sizes, 1), 1.0)) ** power
    degrees = np.bincount(members, minlength=n_nodes).astype(np.float64)
    expected = float(np.sum(weights * (sizes / n_uses) ** 2))
    keys, sums = _pair_sums(indptr, members, weights, n_nodes, reach)
    a, b = keys // n_nodes, keys % n_nodes
    product = degrees[a] * degrees[b]
    strength = (sums - product * expected) / np.sqrt(product)
    keep = strength > 0.0
    return _strongest(a[keep], b[keep], strength[keep], n_nodes, neighbours)


def leiden(a: Ints, b: Ints, weight: Floats, n_nodes: int, resolution: float, seed: int) -> Ints:
    """
    Leiden communities by modularity (Traag, Waltman, van Eck 2019), by graspologic-native.

    Args:
        a, b, weight: Edges as `rarity_graph` gives them.
        n_nodes: Number of nodes.
        resolution: Higher gives smaller communities.
        seed: The same seed and graph give the same communities.

    Returns:
        (n_nodes,) community of each node, numbered from 0 by smallest member; -1 for a node without an edge.
    """
    return leiden_at(a, b, weight, n_nodes, [resolution], seed)[0]


def leiden_at(a: Ints, b: Ints, weight: Floats, n_nodes: int, resolutions: Sequence[float], seed: int) -> list[Ints]:
    """`leiden` at several resolutions, in their order, on all cores at once: the library lets go of the interpreter."""
    if not len(a):
        return [np.full(n_nodes, -1, np.int64) for _ in resolutions]
    names = [str(node) for node in range(n_nodes)]
    edges = list(zip(map(names.__getitem__, a.tolist()), map(names.__getitem__, b.tolist()), weight.tolist(), strict=True))

    def labels_at(resolution: float) -> Ints:
        _, found = graspologic_native.leiden(
            edges, resolution=resolution, randomness=_RANDOMNESS, iterations=_ITERATIONS, use_modularity=True, seed=seed
        )
        labels = np.full(n_nodes, -1, np.int64)
        nodes = np.fromiter(map(int, found), np.int64, len(found))
        labels[nodes] = np.fromiter(found.values(), np.int64, len(found))
        return _renumbered(labels)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(labels_at, resolutions))


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


def _pair_sums(indptr: Ints, members: Ints, weights: Floats, n_nodes: int, reach: int) -> tuple[Ints, Floats]:
    keys, values = _pairs(indptr, members, weights, n_nodes, reach)
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.empty(0, np.int64)
    return keys[starts], np.add.reduceat(values, starts) if len(keys) else np.empty(0)


def _strongest(a: Ints, b: Ints, strength: Floats, n_nodes: int, neighbours: int) -> tuple[Ints, Ints, Floats]:
    """Edges among the strongest `neighbours` of either end; all of equal strength stay or go together."""
    least = _least_kept(a, b, strength, n_nodes, neighbours)
    kept = (strength >= least[a]) | (strength >= least[b])
    return a[kept], b[kept], strength[kept]


@numba.njit(cache=True, nogil=True)
def _least_kept(a: Ints, b: Ints, strength: Floats, n_nodes: int, neighbours: int) -> Floats:
    """Strength of each node's edge number `neighbours`, strongest first; 0 where it has fewer."""
    starts = np.zeros(n_nodes + 1, np.int64)
    for e in range(len(a)):
        starts[a[e] + 1] += 1
        starts[b[e] + 1] += 1
    starts = np.cumsum(starts)
    filled = starts[:-1].copy()
    held = np.empty(2 * len(a), np.float64)
    for e in range(len(a)):
        for node in (a[e], b[e]):
            held[filled[node]] = strength[e]
            filled[node] += 1
    least = np.zeros(n_nodes)
    for node in range(n_nodes):
        mine = np.sort(held[starts[node] : starts[node + 1]])
        if len(mine) > neighbours:
            least[node] = mine[len(mine) - neighbours]
    return least


@numba.njit(cache=True, nogil=True)
def _pairs(indptr: Ints, members: Ints, weights: Floats, n_nodes: int, reach: int) -> tuple[Ints, Floats]:
    """Every pair that a token links, sorted by (a, b) and then by token: a counting sort, lower digit first."""
    room_a, room_b = np.zeros(n_nodes + 1, np.int64), np.zeros(n_nodes + 1, np.int64)
    for f in range(len(indptr) - 1):
        begin, end = indptr[f], indptr[f + 1]
        for i in range(begin, end):
            for j in range(i + 1, min(i + 1 + reach, end)):
                room_a[members[i] + 1] += 1
                room_b[members[j] + 1] += 1
    room_a, room_b = np.cumsum(room_a), np.cumsum(room_b)
    total = room_a[-1]
    by_b, worth = np.empty(total, np.int64), np.empty(total, np.float64)
    for f in range(len(indptr) - 1):
        begin, end = indptr[f], indptr[f + 1]
        for i in range(begin, end):
            for j in range(i + 1, min(i + 1 + reach, end)):
                at = room_b[members[j]]
                room_b[members[j]] += 1
                by_b[at], worth[at] = members[i] * n_nodes + members[j], weights[f]
    keys, values = np.empty(total, np.int64), np.empty(total, np.float64)
    for e in range(total):
        a = by_b[e] // n_nodes
        at = room_a[a]
        room_a[a] += 1
        keys[at], values[at] = by_b[e], worth[e]
    return keys, values


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
