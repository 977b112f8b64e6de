"""Honest agents."""

import numpy as np
import pytest
from tests.planting import planted

from stillwatch.worlds.look_alikes.agents import Agents


def test_tasks_are_an_accounts_own() -> None:
    """Many turns long, with tools, no task twice."""
    world = planted(Agents(accounts=10, exchanges=500, own=0.2))
    tools = [t is not None for t in world.column("tools")]

    assert 0.7 < np.mean(tools) < 0.9
    assert world.events.turn[np.array(tools)].max() > 8


@pytest.mark.parametrize("dials", [{"own": 2.0}, {"turns": 0.5}, {"gap_s": 0.0}])
def test_dials_out_of_range_are_refused(dials: dict[str, float]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        Agents(**dials)  # type: ignore[arg-type]
