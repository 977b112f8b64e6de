"""Every shape and every look-alike."""

import runpy
from pathlib import Path

import pytest
from tests.planting import Planted

from stillwatch.worlds import LOOK_ALIKES, PARTS, SHAPES
from stillwatch.worlds.draft import Part


def test_kinds_are_unique_and_labelled() -> None:
    """Shapes are campaigns, look-alikes are not."""
    assert len(PARTS) == len(SHAPES) + len(LOOK_ALIKES)
    assert all(part.campaign for part in SHAPES)
    assert not any(part.campaign for part in LOOK_ALIKES)


@pytest.mark.parametrize("kind", sorted(PARTS))
def test_every_part_keeps_its_totals(kind: str) -> None:
    """As many accounts and exchanges as its dials say, all inside the window, harvest only where a campaign is."""
    part: Part = PARTS[kind](accounts=12, exchanges=150)  # type: ignore[call-arg]
    world = Planted(part)

    assert len(world.people) == part.accounts == 12
    assert len(world.events) == part.exchanges == 150
    assert world.events.at.min() >= world.draft.era.start
    assert world.events.at.max() < world.draft.era.end
    assert world.events.harvested.any() == part.campaign


def test_every_kind_dial_and_preset_is_documented() -> None:
    """The reference page is the one that the parts give; if not, run docs/generate_worlds.py."""
    docs = Path(__file__).parents[3] / "docs"
    generator = runpy.run_path(str(docs / "generate_worlds.py"))

    assert (docs / "reference" / "worlds.md").read_text() == generator["page"]()
