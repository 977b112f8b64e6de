"""The two-component mixture behind attribution."""

import numpy as np

from stillwatch.methods import attribution

RECIPE, PLAIN = 1, 0


def a_fleet(n_members: int = 20, harvest: int = 6, cover: int = 6, client: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members harvest with one recipe and chat with none, all over one client; tokens (recipe, client), accounts, harvest."""
    account = np.repeat(np.arange(n_members), harvest + cover)
    harvested = np.tile(np.arange(harvest + cover) < harvest, n_members)
    tokens = np.column_stack((np.where(harvested, RECIPE, PLAIN), np.full(len(account), client)))
    return tokens, account, harvested


BACKGROUND = (np.array([60_000.0, 5.0]), np.array([50_000.0, 40.0]))


def test_harvest_is_told_from_cover() -> None:
    """Exchanges with the campaign's recipe are attributed; the same accounts' other exchanges, over the same client, are not."""
    tokens, account, harvested = a_fleet()

    found = attribution.fit(tuple(tokens.T), account, harvested.astype(float), BACKGROUND, 60_000.0)

    assert (found.responsibility[harvested] > 0.95).all()
    assert (found.responsibility[~harvested] < 0.05).all()
    assert np.allclose(found.share, 0.5, atol=0.03)


def test_a_member_gains_and_a_stranger_does_not() -> None:
    """Members gain tens of bits; an account that used the recipe once by chance gains at most what one use says."""
    tokens, account, harvested = a_fleet()
    tokens = np.vstack((tokens, [[RECIPE, 0]], np.tile([PLAIN, 0], (20, 1))))
    account = np.concatenate((account, np.full(21, account.max() + 1)))
    start = np.concatenate((harvested, np.zeros(21)))

    found = attribution.fit(tuple(tokens.T), account, start, BACKGROUND, 60_000.0)

    assert found.gain_bits[:-1].min() > 30.0
    assert found.gain_bits[-1] <= attribution.KIND_CAP_BITS


def test_nobody_is_a_member_for_being_like_himself() -> None:
    """An account alone with a token, however often it uses it, gains nothing by it, even where the group was found with it."""
    tokens, account, harvested = a_fleet()
    own = np.tile([2, 2], (70, 1))
    tokens, account = np.vstack((tokens, own)), np.concatenate((account, np.full(70, account.max() + 1)))
    start = np.concatenate((harvested, np.ones(70)))
    background = (np.array([60_000.0, 5.0, 0.0]), np.array([50_000.0, 40.0, 0.0]))

    found = attribution.fit(tuple(tokens.T), account, start, background, 60_000.0)

    assert found.gain_bits[-1] < 0.0


def test_another_client_does_not_hide_a_member() -> None:
    """A member that harvests over its own client, and not the fleet's, is still told by what it asks."""
    tokens, account, harvested = a_fleet()
    tokens[account == 3, 1] = 0

    found = attribution.fit(tuple(tokens.T), account, harvested.astype(float), BACKGROUND, 60_000.0)

    assert (found.responsibility[harvested & (account == 3)] > 0.9).all()
    assert found.gain_bits[3] > 20.0


def test_ratios_are_capped_both_ways() -> None:
    """No token of any kind says more than the cap, for or against."""
    tokens, account, harvested = a_fleet(200)

    found = attribution.fit(tuple(tokens.T), account, harvested.astype(float), (np.array([1e9, 0.0]), np.array([1e9, 0.0])), 1e9)

    bits = np.concatenate([found.token_bits(0), found.token_bits(1)])
    assert bits.max() == attribution.KIND_CAP_BITS
    assert bits.min() >= -attribution.KIND_CAP_BITS
