"""Agentic traces."""

import numpy as np
import pytest
from tests.planting import planted

from stillwatch.worlds.build import grammar
from stillwatch.worlds.render import Renderer
from stillwatch.worlds.shapes.agentic import Agentic

PART = Agentic(accounts=10, exchanges=600, cover=0.25, turns=6.0)


def test_tasks_have_many_turns_and_no_task_twice() -> None:
    """About as many as the dial says, all of one task by one account, some seconds apart."""
    events = planted(PART).events
    theirs = events.harvested
    sessions, sizes = np.unique(events.conversation[theirs], return_counts=True)
    owners = {s: set(events.account[events.conversation == s].tolist()) for s in sessions.tolist()}

    assert theirs.sum() == 450
    assert 4 < sizes.mean() < 8
    assert all(len(o) == 1 for o in owners.values())
    assert len(np.unique(events.item[theirs])) == len(sessions)


def test_messages_grow_by_tool_results() -> None:
    """The task stays first, an answer stands before each result, results are a tool's."""
    world = planted(PART)
    table = Renderer(world.draft, grammar(), world.people, "none", True).render(world.events, 0, 600)
    turns = world.events.turn.tolist()
    tasks = {
        c: p for c, p, t in zip(world.events.conversation.tolist(), table["prompt"].to_pylist(), turns, strict=True) if t == 0
    }
    seen = 0
    for messages, turn, conversation, harvested in zip(
        table["messages"].to_pylist(), turns, world.events.conversation.tolist(), world.events.harvested.tolist(), strict=True
    ):
        if harvested and 0 < turn <= 8:
            seen += 1
            assert [m["role"] for m in messages] == ["user", *["assistant", "tool"] * turn]
            assert messages[0]["content"] == tasks[conversation]
    assert seen > 200


@pytest.mark.parametrize("dials", [{"turns": 0.0}, {"gap_s": 0.0}])
def test_dials_out_of_range_are_refused(dials: dict[str, float]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        Agentic(**dials)  # type: ignore[arg-type]
