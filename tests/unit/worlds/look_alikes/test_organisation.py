"""Big organisations."""

from collections import Counter

from tests.planting import planted

from stillwatch.worlds.look_alikes.organisation import Organisation

PART = Organisation(accounts=80, exchanges=800)


def test_one_id_one_card_one_network() -> None:
    """All seats share them, whatever they do."""
    world = planted(PART)

    assert len(set(world.column("org_id"))) == 1
    assert len(set(world.column("payment_id"))) == 1
    assert Counter(ip.rsplit(".", 1)[0] for ip in world.column("ip")).most_common(1)[0][1] > 0.6 * 800


def test_the_assistant_carries_most_of_the_traffic() -> None:
    """Seven tenths go through one system prompt, each with own content."""
    world = planted(PART)

    assert 480 < Counter(world.column("system_prompt")).most_common(1)[0][1] < 650
    assert len(set(world.column("prompt"))) > 780
