"""What an organisation shares."""

import numpy as np
from tests.planting import some_people

from stillwatch.worlds.infrastructure import one_client, one_network, one_organisation

RNG = np.random.default_rng


def test_an_organisation_has_one_id_and_one_card() -> None:
    """All its seats."""
    people = some_people(20)

    one_organisation(RNG(1), people)

    assert len(np.unique(people.org)) == len(np.unique(people.payment)) == 1
    assert people.org[0] != 0


def test_a_network_may_be_a_cloud() -> None:
    """One for all, of one of a dozen clouds or of a home carrier."""
    people = some_people(20)

    one_network(RNG(1), people)
    home = people.network[0]
    one_network(RNG(1), people, cloud=True)

    assert len(np.unique(people.network)) == 1
    assert people.network[0] >> np.uint64(32) < 12 <= home >> np.uint64(32)


def test_a_share_has_one_client() -> None:
    """The rest keep their own."""
    people = some_people(300)
    before = people.client.copy()

    one_client(RNG(1), people, 0.5)

    assert 0.35 < (people.client == people.client[0]).mean() < 0.75
    assert (people.client == before).mean() > 0.4
