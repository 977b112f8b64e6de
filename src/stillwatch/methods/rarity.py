"""
The graph of shared rare tokens.

An account links to those that share many rare tokens with it, less what their degrees alone would explain.
"""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import numpy.typing as npt

from stillwatch.methods.cores import available_cores
from stillwatch.methods.summing import pairwise_sum

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_THREADS = available_cores()


def rarity_graphs(
    indptr: Ints,
    members: npt.NDArray[np.integer],
    n_nodes: int,
    powers: Sequence[float],
    n_uses: int,
    reach: int = 16,
    neighbours: int = 15,
) -> list[tuple[Ints, Ints, Floats]]:
    """
    Weighted edges between nodes that share rare tokens, one graph for each rarity power.

    The weight of a pair is s_ab = sum w_f - d_a d_b sum w_f (k_f / E)^2 with w_f = log(N / k_f)^power, divided by
    sqrt(d_a d_b); each node keeps its strongest `neighbours`. A token of more than `reach` + 1 nodes does not link all its
    pairs: each node links to the next `reach` nodes in node order. Node order must be that of a digest, so that tokens with
    nearly equal node sets link the same pairs (as bottom-k sketches agree), and the cost stays linear.

    Args:
        indptr: (n_tokens + 1,) offsets into `members`.
        members: node numbers of each token, ascending within a token, no repeats.
        n_nodes: Number of nodes N.
        powers: Rarity powers p; 1 favours broad sharing, 3 favours rare tokens.
        n_uses: E, the (node, token) pairs of the whole log, tokens that link nobody included: were it the linking tokens
            alone, a campaign that is all that a log shares would be its own null.
        reach: Links a node makes through one token, forwards.
        neighbours: Edges kept a node.

    Returns:
        Of each power arrays a < b and the positive weight of each edge, sorted by (a, b).

    References:
        Degree correction: the null of Newman's modularity (2006) on the projected bipartite graph. Numbers on planted worlds:
        docs/decisions.md.

    >>> (a, b, _), = rarity_graphs(np.array([0, 3, 5]), np.array([0, 1, 2, 3, 4]), 100, [1.0], 100)
    >>> list(zip(a.tolist(), b.tolist()))
    [(0, 1), (0, 2), (1, 2), (3, 4)]
    """
    sizes = np.diff(indptr)
    degrees = np.bincount(members, minlength=n_nodes)
    logs = np.log(np.maximum(n_nodes / np.maximum(sizes, 1), 1.0))
    weights = np.stack([logs**power for power in powers])
    expected = np.array([float(np.sum(of_power * (sizes / n_uses) ** 2)) for of_power in weights])
    node_starts = np.concatenate(([0], np.cumsum(degrees))).astype(np.int64)
    tokens, place = _listed(indptr, members, node_starts)
    uses = (indptr, members, node_starts, tokens, place)
    bounds = np.searchsorted(node_starts, np.linspace(0, len(members), _THREADS + 1)[1:-1])
    spans = itertools.pairwise([0, *bounds.tolist(), n_nodes])
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda span: _linked(*span, *uses, weights, expected, reach, neighbours), spans))
    a, b = (np.concatenate([part[n] for part in found]) for n in (0, 1))
    strength = np.concatenate([part[2] for part in found], axis=1)
    least = np.sort(np.concatenate([part[3] for part in found], axis=2), axis=2)[:, :, -neighbours]
    graphs = []
    for of_power, bar in zip(strength, least, strict=True):
        kept = np.flatnonzero((of_power > 0.0) & ((of_power >= bar[a]) | (of_power >= bar[b])))
        kept = kept[np.argsort(a[kept] * np.int64(n_nodes) + b[kept])]
        graphs.append((a[kept].astype(np.int64), b[kept].astype(np.int64), of_power[kept]))
    return graphs


@numba.njit(cache=True, nogil=True)
def _listed(indptr: Ints, members: Ints, node_starts: Ints) -> tuple[npt.NDArray[np.int32], Ints]:
    """Tokens of each node, and the place of the node among the token's members."""
    tokens, place = np.empty(len(members), np.int32), np.empty(len(members), np.int64)
    filled = node_starts[:-1].copy()
    for f in range(len(indptr) - 1):
        for i in range(indptr[f], indptr[f + 1]):
            tokens[filled[members[i]]], place[filled[members[i]]] = f, i
            filled[members[i]] += 1
    return tokens, place


@numba.njit(cache=True, nogil=True)
def _linked(
    first: int,
    last: int,
    indptr: Ints,
    members: Ints,
    node_starts: Ints,
    tokens: npt.NDArray[np.int32],
    place: Ints,
    weights: Floats,
    expected: Floats,
    reach: int,
    neighbours: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Floats, Floats]:
    """
    Pairs (a, b) of nodes a in first…last - 1 that may be kept, their strength under each power, and the strongest of each node.

    A node at a time: what it links to fits into the processor's cache, as all pairs of the log would not.
    """
    n, n_powers = len(node_starts) - 1, len(weights)
    strongest = np.zeros((n_powers, n, neighbours))  # of each node, a heap whose first is the least
    n_strong = np.zeros((n_powers, n), np.int64)
    count, number = np.zeros(n, np.int32), np.empty(n, np.int32)
    room = 1 << 16
    out_a, out_b, out = np.empty(room, np.int32), np.empty(room, np.int32), np.empty((n_powers, room))
    n_out = 0
    links = np.empty(1 << 12, np.int64)
    shared = np.empty((n_powers, 1 << 12))
    met = np.empty(n, np.int32)
    for a in range(first, last):
        n_met, n_links = 0, 0
        for k in range(node_starts[a], node_starts[a + 1]):
            for j in range(place[k] + 1, min(place[k] + 1 + reach, indptr[tokens[k] + 1])):
                b = members[j]
                if count[b] == 0:
                    met[n_met] = b
                    n_met += 1
                count[b] += 1
                n_links += 1
        if n_links > len(links):
            links = np.empty(2 * n_links, np.int64)
            shared = np.empty((n_powers, 2 * n_links))
        at = 0
        for i in range(n_met):
            links[i] = number[met[i]] = at
            at += count[met[i]]
        for k in range(node_starts[a], node_starts[a + 1]):
            for j in range(place[k] + 1, min(place[k] + 1 + reach, indptr[tokens[k] + 1])):
                b = members[j]
                for p in range(n_powers):
                    shared[p, number[b]] = weights[p, tokens[k]]
                number[b] += 1
        if n_out + n_met > len(out_a):
            room = 2 * (n_out + n_met)
            more_a, more_b, more = np.empty(room, np.int32), np.empty(room, np.int32), np.empty((n_powers, room))
            more_a[:n_out], more_b[:n_out], more[:, :n_out] = out_a[:n_out], out_b[:n_out], out[:, :n_out]
            out_a, out_b, out = more_a, more_b, more
        d_a = float(node_starts[a + 1] - node_starts[a])
        for i in range(n_met):
            b = met[i]
            product = d_a * float(node_starts[b + 1] - node_starts[b])
            may_stay = False
            for p in range(n_powers):
                total = shared[p, links[i]]
                if count[b] == 2:
                    total += shared[p, links[i] + 1]
                elif count[b] > 2:
                    total += pairwise_sum(shared[p, links[i] + 1 : links[i] + count[b]])
                strength = (total - product * expected[p]) / np.sqrt(product)
                out[p, n_out] = strength
                if strength > 0.0:
                    stays = _push(strongest[p, a], n_strong, p, a, strength)
                    may_stay |= _push(strongest[p, b], n_strong, p, b, strength) or stays
            if may_stay:
                out_a[n_out], out_b[n_out] = a, b
                n_out += 1
            count[b] = 0
    return out_a[:n_out].copy(), out_b[:n_out].copy(), out[:, :n_out].copy(), strongest


@numba.njit(cache=True, nogil=True)
def _push(heap: Floats, n_held: npt.NDArray[np.int64], p: int, node: int, value: float) -> bool:
    """Put a value among the strongest of a node; is it, so far?"""
    size = n_held[p, node]
    if size < len(heap):
        at = size
        n_held[p, node] += 1
        while at > 0 and heap[(at - 1) // 2] > value:
            heap[at] = heap[(at - 1) // 2]
            at = (at - 1) // 2
        heap[at] = value
        return True
    if value <= heap[0]:
        return value == heap[0]  # all of equal strength stay or go together
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value
    return True
