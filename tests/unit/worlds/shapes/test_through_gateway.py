"""A harvest through a gateway's keys."""

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.through_gateway import ThroughGateway


def test_the_harvest_is_a_few_end_users_among_many() -> None:
    """Every request names an end user; those of the harvest are few and send nothing else."""
    world = planted(ThroughGateway(accounts=2, exchanges=2_000, cover=0.9, end_users=300, campaign_users=5))
    users = world.column("end_user_id")
    theirs = {u for u, h in zip(users, world.events.harvested.tolist(), strict=True) if h}
    others = {u for u, h in zip(users, world.events.harvested.tolist(), strict=True) if not h}

    assert world.events.harvested.sum() == 200
    assert len(theirs) == 2 * 5
    assert len(others) > 250
    assert None not in theirs | others
    assert not theirs & others


@pytest.mark.parametrize("dials", [{"end_users": 0}, {"campaign_users": 0}])
def test_dials_out_of_range_are_refused(dials: dict[str, int]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        ThroughGateway(**dials)  # type: ignore[arg-type]
