"""Chat users."""

from collections import Counter

import numpy as np
from tests.planting import planted

from stillwatch.worlds.look_alikes.chat import ChatUsers

PART = ChatUsers(accounts=60, exchanges=1_200)


def test_totals_are_what_the_dials_say() -> None:
    """Every account sends something, and all together as much as asked for."""
    world = planted(PART)

    assert len(world.people) == 60
    assert len(world.events) == 1_200
    assert set(world.events.account.tolist()) == set(range(60))


def test_volumes_are_heavy_tailed() -> None:
    """The busiest tenth sends more than a third."""
    counts = np.sort(np.bincount(planted(PART).events.account))

    assert counts[-6:].sum() > 400
    assert np.median(counts) < counts.mean()


def test_accounts_keep_to_their_own_words() -> None:
    """Names of the long tail come back within an account far more often than across accounts."""
    world = planted(PART)
    by_account: dict[str, Counter[str]] = {}
    for account, prompt in zip(world.column("account_id"), world.column("prompt"), strict=True):
        words = {w.strip("?.,") for w in prompt.split() if w[:1].isupper() and len(w) > 4}
        by_account.setdefault(account, Counter()).update(words)
    busy = [c for c in by_account.values() if sum(c.values()) > 30]

    repeated = np.mean([sum(v for v in c.values() if v > 1) / sum(c.values()) for c in busy])
    spread = Counter(w for c in busy for w in c)

    assert repeated > 0.5
    assert np.mean([n for w, n in spread.items() if all(c[w] != 1 for c in busy)]) < 3


def test_conversations_have_several_turns() -> None:
    """Turns of one conversation carry one session, in order of time."""
    world = planted(PART)

    turns = np.bincount(np.unique(world.events.conversation, return_inverse=True)[1])

    assert 1.5 < turns.mean() < 8
    assert world.events.turn.max() > 3


def test_some_accounts_resell() -> None:
    """Their share is a dial."""
    assert planted(ChatUsers(accounts=100, exchanges=200, many_customers=0.5)).people.one_customer.mean() < 0.8
    assert planted(ChatUsers(accounts=100, exchanges=200, many_customers=0.0)).people.one_customer.all()
