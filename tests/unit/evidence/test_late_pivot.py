"""Together to a new model, days after it came out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.scenes import an_engine, weights

from stillwatch.evidence.late_pivot import LAST_DAY, LatePivot, by_day
from stillwatch.evidence.scene import Release, Scene, Visit
from stillwatch.records.tables import GROUPS

NEXT = Release("next", 48.0, 5_000, 300)


def group(hours: list[float | None], days: int = 14) -> list[Visit]:
    """Accounts that are active every day, and when each first asks for the new model."""
    daily = [Visit(a, d * 24.0 + 1) for a in range(len(hours)) for d in range(days)]
    return daily + [Visit(a, h, model="next") for a, h in enumerate(hours) if h is not None]


def told(hours: list[float | None], root: Path, release: Release = NEXT) -> float:
    return weights(LatePivot(), Scene({1: group(hours)}, releases=(release,), n_days=14), root)[1]


def test_a_fleet_that_waits_is_seen_on_any_day(tmp_path: Path) -> None:
    """Half of forty accounts on the second, fifth or tenth day."""
    for day in (1, 4, 9):
        hours = [48.0 + 24 * day + a % 20 if a % 2 else None for a in range(40)]

        assert told(hours, tmp_path / str(day)) > 2


def test_the_weight_rises_with_the_share_that_moves(tmp_path: Path) -> None:
    """A few, a quarter, half, all."""
    bits = [told([150.0 if a < k else None for a in range(40)], tmp_path / str(k)) for k in (2, 10, 20, 40)]

    assert bits == sorted(bits)
    assert bits[0] < 0


def test_the_first_day_is_not_its_own(tmp_path: Path) -> None:
    """Who moves at once is what `model_pivot` speaks of: here such an account is out of the count."""
    assert told([50.0 if a % 2 else None for a in range(40)], tmp_path) < 0


def test_one_by_one_is_ordinary(tmp_path: Path) -> None:
    """As many, but spread over the fortnight."""
    assert told([72.0 + 12 * (a % 20) if a % 2 else None for a in range(40)], tmp_path) < 1


def test_accounts_that_had_left_could_not_move(tmp_path: Path) -> None:
    """Nobody active after the release: nothing is said."""
    assert told([None] * 40, tmp_path, replace(NEXT, hour=24.0 * 13.9)) == 0.0


def test_a_day_counts_who_could_have_moved() -> None:
    """Days from the second to the fourteenth; moved before: out; gone before: out."""
    days = np.array([[13, 2], [13, -1], [1, -1], [13, 0]])

    told_of = by_day(days)

    assert len(told_of) == LAST_DAY - 1
    assert told_of[0] == (1, 3)
    assert told_of[1] == (1, 2)
    assert told_of[2] == (0, 1)


def test_a_rare_models_name_is_not_told(tmp_path: Path) -> None:
    """A model that fewer than twenty accounts took up may bear a customer's name."""
    scene = Scene({1: group([150.0] * 40)}, releases=(Release("next", 48.0, 5_000, 19),), n_days=14)
    with an_engine(tmp_path) as engine:
        scene.store(engine)

        reason = LatePivot().detect(engine, engine.read(GROUPS), scene.window)["reason"][0].as_py()

        assert "next" not in reason
        assert "40 of 40 accounts" in reason
