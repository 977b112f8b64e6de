"""Gateways."""

from tests.planting import planted

from stillwatch.worlds.look_alikes.gateway import GatewayKey


def test_end_users_stand_behind_few_keys() -> None:
    """All requests name an end user; there are as many as the dial says, and few keys."""
    world = planted(GatewayKey(accounts=2, exchanges=1_000, end_users=200))
    users = world.column("end_user_id")

    assert None not in users
    assert 150 < len(set(users)) <= 2 * 200
    assert len(set(world.column("account_id"))) == 2
