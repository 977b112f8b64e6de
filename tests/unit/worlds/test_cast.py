"""Who is in a world."""

import numpy as np
from tests.planting import ERA

from stillwatch.worlds.cast import N_CLIENTS, RELEASE_HAZARD_A_DAY, Cast, join_together, networks, ordinary, popular, signup
from stillwatch.worlds.clock import DAY, HOUR, SHIPPED, ZONES

PEOPLE = ordinary(np.random.default_rng(1), 5_000, ERA, SHIPPED.share, 3)


def test_accounts_are_numbered_as_they_enrol() -> None:
    """Blocks follow each other; what a part bends in its block is kept."""
    cast = Cast(ERA, SHIPPED.share)
    first, _ = cast.enrol(np.random.default_rng(1), 3, 0)
    second, block = cast.enrol(np.random.default_rng(2), 2, 1)
    block.org[:] = 7

    people = cast.close()

    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [3, 4]
    assert people.part.tolist() == [0, 0, 0, 1, 1]
    assert people.org[3:].tolist() == [7, 7]
    assert len(people) == len(cast) == 5


def test_ids_of_accounts_are_their_own() -> None:
    """No two have the same seed."""
    assert len(np.unique(PEOPLE.unique)) == 5_000


def test_ordinary_accounts_share_cards_rarely() -> None:
    """Some do, few of them."""
    shared = 5_000 - len(np.unique(PEOPLE.payment))

    assert 50 < shared < 160


def test_ordinary_accounts_take_up_a_new_model_by_the_stated_hazard() -> None:
    """Within a day about as many as the hazard says, and nobody before the release."""
    within_a_day = (PEOPLE.adopted < ERA.release + DAY).mean()

    assert PEOPLE.adopted.min() >= ERA.release
    assert abs(within_a_day - (1 - np.exp(-RELEASE_HAZARD_A_DAY))) < 0.015


def test_nobody_signs_up_after_the_window() -> None:
    """Most accounts are older than the window, some are not."""
    assert PEOPLE.created.max() < ERA.end + DAY
    assert 0.05 < (PEOPLE.created > ERA.start).mean() < 0.25


def test_sign_ups_are_in_waking_hours_of_their_zone() -> None:
    """Local nights are quiet, the day is kept, and every moment has its own microseconds."""
    zone = np.random.default_rng(1).choice(ZONES, 4_000)
    at = signup(np.random.default_rng(2), np.full(4_000, 20_000 * DAY + 5), zone)

    local = (at // HOUR + zone) % 24

    assert set((at // DAY).tolist()) == {20_000}
    assert ((local >= 2) & (local < 6)).mean() < 0.06
    assert len(np.unique(at % HOUR)) > 3_980


def test_popularity_is_heavy_tailed() -> None:
    """The first of four hundred clients has more than a tenth, the last has some."""
    places = popular(np.random.default_rng(1), 20_000, N_CLIENTS)

    assert 0.08 < (places == 0).mean() < 0.2
    assert places.max() > 390


def test_clouds_are_few_and_homes_are_many() -> None:
    """A network of a cloud names one of a dozen autonomous systems."""
    cloud = networks(np.random.default_rng(1), 500, np.ones(500, np.bool_)) >> np.uint64(32)
    home = networks(np.random.default_rng(1), 500, np.zeros(500, np.bool_)) >> np.uint64(32)

    assert cloud.max() < 12
    assert home.min() >= 12
    assert len(np.unique(home)) > 100


def test_accounts_that_join_together_sign_up_within_the_days_said() -> None:
    """Before the window, in waking hours; None leaves everybody as they are."""
    block = ordinary(np.random.default_rng(1), 200, ERA, SHIPPED.share, 3)
    before = block.created.copy()

    join_together(np.random.default_rng(2), block, ERA, None)
    assert (block.created == before).all()

    join_together(np.random.default_rng(2), block, ERA, 5.0)
    assert np.ptp(block.created) < 6 * DAY
    assert block.created.max() < ERA.start + DAY
