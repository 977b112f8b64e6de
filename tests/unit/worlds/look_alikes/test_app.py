"""Niche apps."""

from collections import Counter

from tests.planting import planted

from stillwatch.worlds.look_alikes.app import App


def test_users_share_the_template_and_nothing_else() -> None:
    """Most prompts begin with the template; what follows is each user's own."""
    world = planted(App(accounts=30, exchanges=600, own=0.2))
    framed = [p.split("\n\n", 1) for p in world.column("prompt") if "\n\n" in p]

    assert len({head for head, _ in framed}) == 1
    assert 430 < len(framed) < 530
    assert len({fill for _, fill in framed}) > 0.97 * len(framed)


def test_the_template_may_be_a_system_prompt() -> None:
    """Then it is the one that nearly all traffic carries."""
    world = planted(App(accounts=20, exchanges=200, own=0.0, in_system=True))

    assert Counter(world.column("system_prompt")).most_common(1)[0][1] == 200
