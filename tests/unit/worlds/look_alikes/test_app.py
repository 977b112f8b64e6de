"""Niche apps."""

from collections import Counter
from datetime import timedelta

import pytest
from tests.planting import planted

from stillwatch.worlds.look_alikes.app import App
from stillwatch.worlds.look_alikes.classroom import Classroom
from stillwatch.worlds.look_alikes.viral import Viral


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


@pytest.mark.parametrize("part", [App, Classroom, Viral])
def test_users_may_have_signed_up_for_it(part: type[App | Classroom | Viral]) -> None:
    """A launched app, a class of this term, the newcomers of a viral prompt: all within the days said."""
    created = planted(part(accounts=40, exchanges=400, joined_days=6.0)).column("account_created_at")

    assert max(created) - min(created) < timedelta(days=8)


def test_an_app_may_change_its_default_model() -> None:
    """Then all of its users ask for the new one from that day on."""
    plain, switched = (planted(App(accounts=60, exchanges=3_000, switch_days=days)) for days in (None, 0.5))

    share = [Counter(world.column("model"))["aster-3"] / 3_000 for world in (plain, switched)]

    assert share[1] > 2 * share[0]
