"""Relay of real end users."""

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.relay import Relay


def test_a_share_comes_through_harnesses() -> None:
    """The rest has no system prompt that two accounts share; conversations of one account have nothing in common."""
    world = planted(Relay(accounts=20, exchanges=1_000, cover=0.0, harness=0.5, harnesses=2))
    systems = world.column("system_prompt")
    common = {s for s in systems if s and systems.count(s) > 60}

    assert world.events.harvested.all()
    assert len(common) == 2
    assert 0.4 < sum(s in common for s in systems) / 1_000 < 0.6
    assert not world.people.one_customer.any()


@pytest.mark.parametrize("dials", [{"harness": 1.5}, {"harnesses": 0}])
def test_dials_out_of_range_are_refused(dials: dict[str, float]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        Relay(**dials)  # type: ignore[arg-type]
