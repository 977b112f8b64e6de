"""Batch customers."""

from tests.planting import planted

from stillwatch.worlds.look_alikes.batch import Batch


def test_one_template_over_documents_that_differ() -> None:
    """One system prompt, no document twice, one organisation on one card."""
    world = planted(Batch(accounts=2, exchanges=300))

    assert len(set(world.column("system_prompt"))) == 1
    assert len(set(world.column("prompt"))) == 300
    assert len(set(world.column("org_id"))) == 1
    assert len(set(world.column("payment_id"))) == 1
    assert not world.events.harvested.any()


def test_the_template_may_stand_in_the_prompt() -> None:
    """Then all prompts begin alike and there is no system prompt."""
    world = planted(Batch(accounts=1, exchanges=50, in_system=False))

    assert set(world.column("system_prompt")) == {None}
    assert len({p.split("\n\n")[0] for p in world.column("prompt")}) == 1
