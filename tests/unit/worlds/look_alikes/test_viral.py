"""Viral prompts."""

from collections import Counter

import pytest
from tests.planting import planted

from stillwatch.worlds.clock import DAY
from stillwatch.worlds.look_alikes.viral import Viral
from stillwatch.worlds.render import created_before_use


def test_everyone_sends_the_same_words_once() -> None:
    """One prompt comes from every account, exactly once."""
    world = planted(Viral(accounts=50, exchanges=400))

    ((prompt, n),) = Counter(world.column("prompt")).most_common(1)
    senders = [a for a, p in zip(world.column("account_id"), world.column("prompt"), strict=True) if p == prompt]

    assert n == 50
    assert len(set(senders)) == 50
    assert len(world.events) == 400


def test_fewer_exchanges_than_accounts_is_refused() -> None:
    """Each account needs one for the viral prompt."""
    with pytest.raises(ValueError, match="at least accounts"):
        Viral(accounts=5, exchanges=4)


def test_who_tries_it_out_comes_for_one_day() -> None:
    """A share of the accounts sign up within two days before their first request, send all within two days, and never return."""
    world = planted(Viral(accounts=60, exchanges=900, trial=0.5))
    created_before_use(world.people, world.events)

    at, account = world.events.at, world.events.account
    lives = [at[account == a] for a in range(30, 60)]

    assert all(life.max() - life.min() <= DAY or life.min() < at.min() + DAY for life in lives)
    assert all(0 < life.min() - world.people.created[a] <= 2 * DAY for a, life in enumerate(lives, 30))
    assert len(world.events) == 900
