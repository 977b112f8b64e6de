"""Synthetic-data companies."""

from tests.planting import planted

from stillwatch.worlds.look_alikes.synthetic_data import SyntheticData

PART = SyntheticData(accounts=15, exchanges=600, templates=5)


def test_one_pool_is_dealt_out_openly() -> None:
    """No prompt is sent twice, all templates are used, one organisation pays."""
    world = planted(PART)
    prompts = world.column("prompt")

    assert len(set(prompts)) == 600
    assert len({p.split("\n\n")[0] for p in prompts}) == 5
    assert len(set(world.column("org_id"))) == 1


def test_it_is_benign_by_label() -> None:
    """Its traffic is no campaign's."""
    assert not PART.campaign
    assert not planted(PART).events.harvested.any()
