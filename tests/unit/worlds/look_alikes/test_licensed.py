"""Licensed distillers."""

from tests.planting import planted

from stillwatch.worlds.look_alikes.licensed import Licensed


def test_a_licensed_harvest_looks_like_one() -> None:
    """One organisation deals one pool; only its label says that it may."""
    world = planted(Licensed(accounts=10, exchanges=300))

    assert Licensed.kind == "licensed"
    assert len(set(world.column("prompt"))) == 300
    assert len(set(world.column("org_id"))) == 1
