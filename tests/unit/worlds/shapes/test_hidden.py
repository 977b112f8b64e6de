"""A harvest under a framework's system prompt."""

import numpy as np
from tests.planting import a_draft, planted

from stillwatch.worlds.build import grammar
from stillwatch.worlds.draft import Part
from stillwatch.worlds.look_alikes.framework import Framework
from stillwatch.worlds.render import Renderer
from stillwatch.worlds.shapes.hidden import Hidden


def test_the_harvest_has_the_most_used_frameworks_prompt_and_tools() -> None:
    """Of those planned before it."""
    draft = a_draft()
    parts: list[Part] = [Framework(5, 60, own=0.0), Framework(30, 300, own=0.0), Hidden(accounts=10, exchanges=200)]
    for number, part in enumerate(parts):
        part.plan(draft, np.random.default_rng(number), number)
    people, events = draft.cast.close(), draft.close()
    table = Renderer(draft, grammar(), people, "none", False).render(events, 0, len(events))
    popular = set(table.filter(people.part[events.account] == 1)["system_prompt"].to_pylist())
    harvest = table.filter(events.harvested)

    assert len(popular) == 1
    assert set(harvest["system_prompt"].to_pylist()) == popular
    assert set(map(tuple, harvest["tools"].to_pylist())) == set(
        map(tuple, table.filter(people.part[events.account] == 1)["tools"].to_pylist())
    )


def test_alone_it_has_a_framework_of_its_own() -> None:
    """One system prompt over the whole harvest, prompts all different."""
    world = planted(Hidden(accounts=10, exchanges=100, cover=0.0))

    assert len(set(world.column("system_prompt"))) == 1
    assert len(set(world.harvested)) == 100
