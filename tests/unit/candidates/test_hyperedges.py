"""Recipes and families of enough accounts are candidates."""

from pathlib import Path

import numpy as np
import pytest
from tests.tables import an_engine, stored

from stillwatch.candidates import hyperedges
from stillwatch.candidates.hyperedges import Group


def test_recipes_and_families_of_enough_accounts_are_groups(tmp_path: Path) -> None:
    """A recipe is a group from the smallest size on; a family where it has more than one recipe."""
    uses = [{"row": a, "account": a, "recipe": 100 if a < 3 else 102} for a in range(5)] + [
        {"row": 9, "account": 0, "recipe": 200}
    ]
    recipes = [{"recipe": 100, "family": 100}, {"recipe": 102, "family": 100}, {"recipe": 200, "family": 200}]
    engine = stored(an_engine(tmp_path), uses=uses, recipes=recipes)

    found = hyperedges.find(engine, np.arange(5), 3)

    assert [(g.origin, g.members.tolist(), g.tokens) for g in found] == [
        ("recipe", [0, 1, 2], (("recipe", 100, 1.0),)),
        ("family", [0, 1, 2, 3, 4], (("family", 100, 1.0),)),
    ]
    assert len({g.group for g in found}) == 2


def test_no_recipe_is_no_group(tmp_path: Path) -> None:
    """Without recipes there are no hyperedges."""
    engine = stored(an_engine(tmp_path), uses=[], recipes=[])

    assert hyperedges.find(engine, np.arange(5), 3) == []


@pytest.mark.parametrize(
    ("speaking", "told_by"),
    [((), "accounts"), (("config",), "settings"), (("bundle", "family"), "wording"), (("recipe",), "wording")],
)
def test_a_group_says_what_tells_its_exchanges(speaking: tuple[str, ...], told_by: str) -> None:
    """Wording, settings, or nothing but its accounts."""
    assert Group(1, "community", np.arange(3), (), speaking).told_by == told_by
