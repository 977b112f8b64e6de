"""Agent frameworks."""

from collections import Counter

from tests.planting import planted

from stillwatch.worlds.look_alikes.framework import Framework

PART = Framework(accounts=50, exchanges=1_000, own=0.2)


def test_one_system_prompt_over_all_users() -> None:
    """Four fifths of the traffic carries it, from nearly all accounts, with the framework's tools."""
    world = planted(PART)

    ((prompt, n),) = Counter(s for s in world.column("system_prompt") if s).most_common(1)
    users = {a for a, s in zip(world.column("account_id"), world.column("system_prompt"), strict=True) if s == prompt}

    assert 730 < n < 870
    assert len(users) > 35
    assert all(
        (t is not None) == (s == prompt) for t, s in zip(world.column("tools"), world.column("system_prompt"), strict=True)
    )


def test_users_have_work_of_their_own() -> None:
    """Hardly two of their prompts are the same."""
    prompts = planted(PART).column("prompt")

    assert len(set(prompts)) > 0.95 * len(prompts)


def test_most_users_have_its_client() -> None:
    """The share is a dial."""
    clients = Counter(planted(PART).people.client.tolist())

    assert clients.most_common(1)[0][1] >= 0.7 * 50
