"""The tiny logs that detectors show themselves by."""

from collections.abc import Callable

import pytest

from stillwatch.evidence import examples
from stillwatch.evidence.scene import Scene
from stillwatch.records.tables import GROUPS

PLAIN: tuple[Callable[[], Scene], ...] = (
    examples.pool_dealt_out,
    examples.people_at_work,
    examples.asked_once,
    examples.common_list,
    examples.one_clock,
    examples.own_clocks,
    examples.one_day,
    examples.moved_at_once,
    examples.moved_like_others,
    examples.made_together,
    examples.made_apart,
    examples.one_company_joined,
    examples.fed_evenly,
    examples.fed_unevenly,
    examples.through_many_systems,
    examples.through_one_system,
)
SEATED: tuple[Callable[[str], Scene], ...] = (examples.shared, examples.each_its_own, examples.crowded, examples.one_organisation)


@pytest.mark.parametrize("log", PLAIN, ids=lambda f: f.__name__)
def test_it_is_one_group_and_always_the_same(log: Callable[[], Scene]) -> None:
    """Each log has the one group 1 of thirty accounts, and is the same every time."""
    groups = log().tables()[GROUPS]

    assert groups["group"].to_pylist() == [1]
    assert groups["n_accounts"].to_pylist() == [30]
    assert log() == log()


@pytest.mark.parametrize("field", ["payment", "device", "network", "client"])
@pytest.mark.parametrize("log", SEATED, ids=lambda f: f.__name__)
def test_seats_are_on_the_field_asked_for(log: Callable[[str], Scene], field: str) -> None:
    """Thirty accounts, seated on this field and on no other."""
    seats = log(field).seats[1]

    others = {"payment", "device", "network", "client"} - {field}
    assert len(seats) == 30
    assert all(getattr(s, field) is not None and not any(getattr(s, o) for o in others) for s in seats)
