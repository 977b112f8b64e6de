"""Which exchange runs which recipe."""

import numpy as np

from stillwatch.methods.intern import Interner
from stillwatch.templates.uses import recipes_of


def test_recipes_with_most_fragments_come_first() -> None:
    """
    Matched fragments are counted by recipe; ties go to the smaller recipe; beyond the limit the rest is dropped.
    """
    known = Interner()
    known.add(np.array([1, 2, 3, 4, 5, 6]))
    component, ids = np.array([0, 0, 1, 1, 2, 3]), np.array([50, 40, 30, 20])
    lists = [[1, 2, 3, 9], [3, 1], [5, 6, 1, 3], [9], []]
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in lists])])

    recipe, matched = recipes_of(np.array([v for x in lists for v in x]), offsets, known.table, component, ids, 3)

    assert matched.tolist() == [[2, 1, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert recipe.tolist() == [[50, 40, 0], [40, 50, 0], [20, 30, 40], [0, 0, 0], [0, 0, 0]]


def test_without_recipes_nothing_is_matched() -> None:
    """
    No heavy fragment is a valid input.
    """
    recipe, matched = recipes_of(
        np.array([1, 2]), np.array([0, 2]), Interner().table, np.empty(0, np.int64), np.empty(0, np.int64), 4
    )

    assert recipe.shape == matched.shape == (1, 4)
    assert not matched.any()
