"""Names of recipes."""

import numpy as np

from stillwatch.templates.recipes import NAMED_BY, contract_recipes, name_recipes, semantic_recipes


def test_a_recipe_is_named_by_its_smallest_fragments() -> None:
    """
    A fragment more does not rename it unless it is among the smallest four; each component has its own name.
    """
    fragments, roots = np.arange(10, 20), np.array([0, 1, 0, 0, 1, 0, 0, 1, 0, 0], np.int32)

    whole = name_recipes(fragments, roots)
    without_last, without_first = name_recipes(fragments[:-1], roots[:-1]), name_recipes(fragments[1:], roots[1:])

    assert whole.n_fragments.tolist() == [7, 3]
    assert whole.n_fragments[0] > NAMED_BY
    assert set(without_last.ids.tolist()) == set(whole.ids.tolist())
    assert whole.ids[0] not in without_first.ids
    assert (whole.ids[whole.component] == np.where(roots == 0, whole.ids[0], whole.ids[1])).all()


def test_no_fragment_gives_no_recipe() -> None:
    """
    Nothing heavy is a valid input.
    """
    assert len(name_recipes(np.empty(0, np.int64), np.empty(0, np.int32)).ids) == 0


def test_kinds_never_share_a_name() -> None:
    """
    A contract and a cell with the same digest are two recipes, and neither is the digest itself.
    """
    value = np.array([12345, -9])

    assert len({*contract_recipes(value).tolist(), *semantic_recipes(value).tolist(), *value.tolist()}) == 6
