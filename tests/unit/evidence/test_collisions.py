"""On the same card, device, network or client."""

from pathlib import Path

import pytest
from tests.scenes import an_engine, weights
from tests.tables import a_table

from stillwatch.evidence import examples
from stillwatch.evidence.collisions import InfrastructureCollisions
from stillwatch.evidence.scene import Scene, Seat
from stillwatch.records.tables import ACCOUNTS, GROUPS, SIGNATURES

PAYMENT = InfrastructureCollisions("payment")


def test_rarer_fields_weigh_more() -> None:
    """Its name and what it needs follow from the field."""
    assert (PAYMENT.name, PAYMENT.needs) == ("payment_collisions", frozenset({"payment"}))


def test_a_shared_card_weighs_more_than_a_shared_client(tmp_path: Path) -> None:
    """Ordinary groups share clients often, networks sometimes, cards hardly ever."""
    order = ("payment", "device", "network", "client")

    bits = [weights(InfrastructureCollisions(f), examples.shared(f), tmp_path / f)[1] for f in order]

    assert bits == sorted(bits, reverse=True)


def test_the_weight_rises_with_the_units_that_meet(tmp_path: Path) -> None:
    """Two, ten and thirty of thirty accounts on shared cards."""
    scenes = [Scene({1: []}, {1: [Seat(a, payment=(a // 2 if a < k else a, 2)) for a in range(30)]}) for k in (2, 10, 30)]

    bits = [weights(PAYMENT, s, tmp_path / str(i))[1] for i, s in enumerate(scenes)]

    assert bits == sorted(bits)
    assert bits[0] < 1 < 4 < bits[2]


def test_accounts_without_a_value_are_left_out(tmp_path: Path) -> None:
    """A group in which one account has a card says nothing."""
    scene = Scene({1: []}, {1: [Seat(0, payment=(1, 1)), *(Seat(a) for a in range(1, 20))]})

    assert weights(PAYMENT, scene, tmp_path)[1] == 0.0


@pytest.mark.parametrize("n_platform", [10_000, 10_500])
def test_newcomers_to_the_platform_move_nothing(n_platform: int, tmp_path: Path) -> None:
    """The platform's size counts by its power of two."""
    seats = {1: [Seat(a, payment=(a // 2, 2)) for a in range(30)]}

    told = weights(PAYMENT, Scene({1: []}, seats, n_platform=n_platform), tmp_path / str(n_platform))

    assert told == weights(PAYMENT, Scene({1: []}, seats, n_platform=8_192), tmp_path / "base")


def test_where_no_accounts_are_stored_signatures_tell_the_platforms_size(tmp_path: Path) -> None:
    """A signed log has no table of accounts; with neither, only the groups are known, and less is said."""
    scene = Scene({1: []}, {1: [Seat(a, payment=(a // 2, 2)) for a in range(30)]})
    with an_engine(tmp_path) as engine:
        for spec, table in scene.tables().items():
            if spec is not ACCOUNTS:
                engine.write(spec, table)
        by_groups = PAYMENT.detect(engine, engine.read(GROUPS), scene.window)["weight_bits"][0].as_py()
        engine.write(SIGNATURES, a_table(SIGNATURES, [{"account": a} for a in range(4_096)]))

        by_signatures = PAYMENT.detect(engine, engine.read(GROUPS), scene.window)["weight_bits"][0].as_py()

    assert by_groups < by_signatures
    assert by_signatures > 5
