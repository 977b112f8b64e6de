"""Where the circles of a graph are drawn: a force layout without chance, so that the same graph gives the same picture."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Points = NDArray[np.float64]
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
ROUNDS = 140  # by then the largest step is under a tenth of a pixel
PUSH_ROUNDS = 30
GRAVITY = 0.06  # keeps the loose ends of a component from drifting away
ROOM = 2.3  # radius of a component's disc over that of its circles laid side by side: below 2 lines cannot be told apart
ASPECT = 1.55  # of the page: components are packed into an ellipse of that shape
SPIRAL_POINTS = 1_500


def spiral(n: int) -> Points:
    """
    `n` points spread evenly over a disc of radius 1: the start of the layout. `(n, 2)`

    References:
        Vogel 1979, "A better way to construct the sunflower head", eq. 1.
    """
    index = np.arange(n)
    radius = np.sqrt((index + 0.5) / max(n, 1))
    angle = index * GOLDEN_ANGLE
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def force(n: int, edges: NDArray[np.int64], weights: NDArray[np.float64], start: Points) -> Points:
    """
    Fruchterman-Reingold: all nodes repel, edges attract, a little gravity, a step that cools. Cost: rounds × n², so n ≤ 400.

    Args:
        edges: `(n_edges, 2)` node indices.
        weights: `(n_edges,)` strength of each edge, around 1.
        start: `(n, 2)` first positions.

    References:
        Fruchterman & Reingold 1991, section 3; ours adds gravity and weights.
    """
    place = start.copy()
    ideal = math.sqrt(1.0 / max(n, 1))
    for turn in range(ROUNDS):
        step = 0.12 * (1 - turn / ROUNDS) ** 1.5 + 1e-4
        move = _repulsion(place, ideal) - GRAVITY * place
        _attract(move, place, edges, weights, ideal)
        length = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        place += move / length * np.minimum(length, step)
    return place


def _repulsion(place: Points, ideal: float) -> Points:
    dx = place[:, 0][:, None] - place[:, 0][None, :]
    dy = place[:, 1][:, None] - place[:, 1][None, :]
    pull = ideal * ideal / np.maximum(dx * dx + dy * dy, 1e-6)
    return np.stack([(dx * pull).sum(axis=1), (dy * pull).sum(axis=1)], axis=1)


def _attract(move: Points, place: Points, edges: NDArray[np.int64], weights: NDArray[np.float64], ideal: float) -> None:
    gap = place[edges[:, 0]] - place[edges[:, 1]]
    pull = gap * (np.linalg.norm(gap, axis=1) / ideal * weights)[:, None]
    np.add.at(move, edges[:, 0], -pull)
    np.add.at(move, edges[:, 1], pull)


def packed(edges: NDArray[np.int64], weights: NDArray[np.float64], radius: NDArray[np.float64], start: Points) -> Points:
    """
    Lay out each component by itself, then set their discs side by side, the largest in the middle.

    Without this a lone circle, which nothing pulls, drifts away and squeezes all that is tied together into a knot.

    Args:
        edges, weights, start: As for `force`.
        radius: `(n,)` radius of each circle, any unit; the result has the same unit.
    """
    n = len(radius)
    ones = np.ones(len(edges))
    _, label = connected_components(coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(n, n)), directed=False)
    place = np.zeros((n, 2))
    size = np.array([math.sqrt(float((radius[label == c] ** 2).sum())) for c in range(label.max() + 1)])
    for component in range(len(size)):
        mine = np.flatnonzero(label == component)
        if len(mine) > 1:
            place[mine] = _disc(mine, edges, weights, start) * size[component] * ROOM
            size[component] *= ROOM
    return place + _pack(size)[label]


def _disc(mine: NDArray[np.int64], edges: NDArray[np.int64], weights: NDArray[np.float64], start: Points) -> Points:
    """One component, laid out and scaled to a disc of radius 1 about the origin."""
    inside = np.isin(edges[:, 0], mine)
    local = np.searchsorted(mine, edges[inside])
    spot = force(len(mine), local, weights[inside], start[mine])
    spot -= (spot.min(axis=0) + spot.max(axis=0)) / 2
    return spot / max(float(np.linalg.norm(spot, axis=1).max()), 1e-9)


def _pack(size: NDArray[np.float64]) -> Points:
    """Centres of discs of these radii: each goes to the first free point of an elliptic spiral, the largest first."""
    centre = np.zeros((len(size), 2))
    reach = 2.2 * math.sqrt(float((size**2).sum())) + float(size.max(initial=0.0))
    points = spiral(SPIRAL_POINTS) * np.array([ASPECT, 1.0]) * reach
    gap = 0.12 * float(np.median(size)) if len(size) else 0.0
    free = np.full(SPIRAL_POINTS, np.inf)  # distance from each point to the nearest disc
    for component in np.argsort(-size, kind="stable"):
        spot = int(np.argmax(free >= size[component] + gap))
        centre[component] = points[spot]
        free = np.minimum(free, np.linalg.norm(points - points[spot], axis=1) - size[component])
    return centre


def fit(place: Points, radius: NDArray[np.float64], width: float, height: float, margin: float) -> Points:
    """
    Positions scaled into a page of `width` × `height` pixels, then pushed apart until circles hardly overlap.

    Args:
        place: `(n, 2)` positions of any scale.
        radius: `(n,)` radius of each circle, pixels.
        margin: Pixels left free at each edge.
    """
    low, high = place.min(axis=0), place.max(axis=0)
    span = np.maximum(high - low, 1e-9)
    room = np.array([width - 2 * margin, height - 2 * margin])
    spot = margin + (place - low) / span * room
    inner = np.maximum(margin, radius + 3.0)[:, None]
    for _ in range(PUSH_ROUNDS):
        spot += _push(spot, radius)
        np.clip(spot, inner, np.array([width, height]) - inner, out=spot)
    return spot


def _push(spot: Points, radius: NDArray[np.float64]) -> Points:
    dx = spot[:, 0][:, None] - spot[:, 0][None, :]
    dy = spot[:, 1][:, None] - spot[:, 1][None, :]
    gap = np.sqrt(dx * dx + dy * dy)
    overlap = np.maximum(radius[:, None] + radius[None, :] + 1.5 - gap, 0.0)
    np.fill_diagonal(overlap, 0.0)
    scale = 0.5 * overlap / np.maximum(gap, 1e-6)
    return np.stack([(dx * scale).sum(axis=1), (dy * scale).sum(axis=1)], axis=1)
