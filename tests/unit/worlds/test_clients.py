"""What clients set and how they name themselves."""

import re

from stillwatch.worlds.cast import N_CLIENTS, N_CONFIGS
from stillwatch.worlds.clients import TOOL_SETS, efforts, fingerprints, settings, user_agents


def test_every_client_has_an_agent_and_a_fingerprint() -> None:
    """Fingerprints have the form of JA4 and are all different; agents may be shared."""
    prints = fingerprints().to_pylist()

    assert len(set(prints)) == len(prints) == len(user_agents()) == N_CLIENTS
    assert all(re.fullmatch(r"t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}", p) for p in prints)
    assert 50 < len(set(user_agents().to_pylist())) <= N_CLIENTS


def test_settings_are_common_values() -> None:
    """Temperatures within 0 to 1, limits positive or absent, most ask for one answer."""
    told = settings()

    assert len(told.n) == N_CONFIGS
    assert set(told.n.tolist()) == {1, 4}
    assert (told.n == 1).mean() > 0.9
    assert ((told.max_tokens == -1) | (told.max_tokens >= 256)).all()
    assert told.effort.max() < len(efforts())


def test_tool_sets_differ() -> None:
    """So that a framework can be told by them."""
    assert len(set(TOOL_SETS)) == len(TOOL_SETS) >= 10
