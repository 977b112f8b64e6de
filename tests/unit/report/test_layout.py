"""The force layout."""

import numpy as np

from stillwatch.report import layout


def two_stars() -> tuple[np.ndarray, np.ndarray]:
    """Two hubs (0 and 6) with five leaves each, and node 12 alone."""
    edges = np.array([[leaf, 0] for leaf in range(1, 6)] + [[leaf, 6] for leaf in range(7, 12)], dtype=np.int64)
    return edges, np.ones(len(edges))


def test_what_is_tied_lies_together() -> None:
    """Each leaf is nearer to its own hub than to the other one, and the page holds all circles."""
    edges, weights = two_stars()
    radius = np.full(13, 5.0)

    spots = layout.fit(layout.packed(edges, weights, radius, layout.spiral(13)), radius, 900, 500, 20)

    gap = np.linalg.norm(spots[:, None] - spots[None], axis=2)
    assert all(gap[leaf, 0] < gap[leaf, 6] for leaf in range(1, 6))
    assert all(gap[leaf, 6] < gap[leaf, 0] for leaf in range(7, 12))
    assert spots.min() >= 8
    assert (spots <= [892, 492]).all()


def test_the_same_graph_gives_the_same_picture() -> None:
    """There is no chance in it."""
    edges, weights = two_stars()
    radius = np.full(13, 5.0)

    first, second = (layout.packed(edges, weights, radius, layout.spiral(13)) for _ in range(2))

    assert (first == second).all()


def test_circles_hardly_overlap() -> None:
    """After fitting, circles of a crowded page keep their distance."""
    radius = np.full(60, 8.0)
    edges = np.zeros((0, 2), dtype=np.int64)

    spots = layout.fit(layout.packed(edges, np.zeros(0), radius, layout.spiral(60)), radius, 900, 500, 20)

    gap = np.linalg.norm(spots[:, None] - spots[None], axis=2) + np.eye(60) * 1e9
    assert gap.min() > 15


def test_a_single_circle_has_a_place() -> None:
    """One node alone is drawn, too."""
    radius = np.array([4.0])

    spots = layout.fit(layout.packed(np.zeros((0, 2), dtype=np.int64), np.zeros(0), radius, layout.spiral(1)), radius, 90, 50, 5)

    assert np.isfinite(spots).all()


def test_a_large_circle_stays_on_the_page() -> None:
    """A circle wider than the margin is moved inwards."""
    radius = np.array([40.0, 3.0])

    spots = layout.fit(np.array([[0.0, 0.0], [1.0, 1.0]]), radius, 300, 200, 10)

    assert (spots[0] >= 43).all()


def test_many_discs_are_packed_without_overlap() -> None:
    """Three hundred components find room."""
    size = np.linspace(3, 30, 300)

    centre = layout._pack(size)

    gap = np.linalg.norm(centre[:, None] - centre[None], axis=2) - size[:, None] - size[None]
    gap[np.eye(300, dtype=bool)] = 1
    assert gap.min() >= 0
