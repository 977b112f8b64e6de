"""Slow poisoning of a reference set."""

from pathlib import Path

import pytest

from stillwatch.worlds import World, build
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.poisoning import poisoning

BASE = World("w", {"people": ChatUsers(20, 200)}, days=4.0)


def test_groups_drift_from_an_app_to_a_fleet(tmp_path: Path) -> None:
    """Each step harvests more than the one before, the first nothing; the traffic around stays."""
    worlds = list(poisoning(BASE, 4, groups=2, accounts=10, last=0.9))
    harvested = [build(w, seed, tmp_path / str(seed)).n_harvested for seed, w in enumerate(worlds)]

    assert harvested[0] == 0
    assert harvested == sorted(harvested)
    assert harvested[-1] > 200
    assert all(w.parts["people"] == BASE.parts["people"] and len(w.parts) == 3 for w in worlds)


@pytest.mark.parametrize("dials", [{"steps": 1}, {"steps": 3, "groups": 0}, {"steps": 3, "last": 1.1}])
def test_dials_out_of_range_are_refused(dials: dict[str, int]) -> None:
    """Before any world is made."""
    with pytest.raises(ValueError, match="steps must be"):
        next(poisoning(BASE, **dials))
