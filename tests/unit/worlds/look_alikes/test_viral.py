"""Viral prompts."""

from collections import Counter

import pytest
from tests.planting import planted

from stillwatch.worlds.look_alikes.viral import Viral


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
