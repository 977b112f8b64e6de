"""Recipes and families of enough accounts are candidates."""

from pathlib import Path

import numpy as np
import pytest
from tests.tables import an_engine, stored

from stillwatch.candidates import hyperedges
from stillwatch.candidates.hyperedges import Group
from stillwatch.candidates.uses import Uses


def test_recipes_and_families_of_enough_accounts_are_groups(tmp_path: Path) -> None:
    """A recipe is a group from the smallest size on; a family where it has more than one recipe."""
    uses = [{"row": a, "account": a, "recipe": 100 if a < 3 else 102} for a in range(5)] + [
        {"row": 9, "account": 0, "recipe": 200}
    ]
    recipes = [{"recipe": 100, "family": 100}, {"recipe": 102, "family": 100}, {"recipe": 200, "family": 200}]
    engine = stored(an_engine(tmp_path), uses=uses, recipes=recipes)

    found = hyperedges.find(Uses.load(engine, np.arange(5)), 3)

    assert [(g.origin, g.members.tolist(), g.tokens) for g in found] == [
        ("recipe", [0, 1, 2], (("recipe", 100, 1.0),)),
        ("family", [0, 1, 2, 3, 4], (("family", 100, 1.0),)),
    ]
    assert len({g.group for g in found}) == 2


def test_no_recipe_is_no_group(tmp_path: Path) -> None:
    """Without recipes there are no hyperedges."""
    engine = stored(an_engine(tmp_path), uses=[], recipes=[])

    assert hyperedges.find(Uses.load(engine, np.arange(5)), 3) == []


def test_accounts_with_one_client_and_its_settings_are_a_cell(tmp_path: Path) -> None:
    """Three accounts with settings 7 through client 1 are one; those with another client, and too few, are none."""
    told = [(0, 7, 1), (1, 7, 1), (2, 7, 1), (3, 7, 2), (4, 8, 1), (5, None, 1), (0, 7, 1)]
    signatures = [{"row": n, "account": a, "config": config, "client": client} for n, (a, config, client) in enumerate(told)]
    engine = stored(an_engine(tmp_path), signatures=signatures)

    found = hyperedges.cells(engine, np.arange(15), 3)

    assert [(g.origin, g.members.tolist(), g.tokens, g.told_by) for g in found] == [
        ("cell", [0, 1, 2], (("config", 7, 5.0),), "settings")
    ]


def test_settings_of_a_fifth_of_everybody_are_no_cell(tmp_path: Path) -> None:
    """Popular programs link nobody; a log without clients still has cells of settings."""
    signatures = [{"row": a, "account": a, "config": 7 if a < 9 else 8, "client": None} for a in range(12)]
    engine = stored(an_engine(tmp_path), signatures=signatures)

    assert [g.members.tolist() for g in hyperedges.cells(engine, np.arange(12), 3)] == [[9, 10, 11]]
    assert len(hyperedges.cells(engine, np.arange(100), 3)) == 2


@pytest.mark.parametrize(
    ("speaking", "told_by"),
    [((), "accounts"), (("config",), "settings"), (("bundle", "family"), "wording"), (("recipe",), "wording")],
)
def test_a_group_says_what_tells_its_exchanges(speaking: tuple[str, ...], told_by: str) -> None:
    """Wording, settings, or nothing but its accounts."""
    assert Group(1, "community", np.arange(3), (), speaking).told_by == told_by
