"""A world being planned."""

import numpy as np
import pytest
from tests.planting import START, a_draft

from stillwatch.worlds import PARTS
from stillwatch.worlds.draft import Part, check


def test_events_come_out_by_time_and_stay_together() -> None:
    """Columns are sorted as one; equal times keep the order of planning."""
    draft = a_draft()
    number = draft.hire(draft.library.own)
    draft.send(number, START + np.array([5, 1]), np.array([0, 1]), np.array([10, 11], np.uint64), np.array([1, 2], np.uint64))
    draft.send(
        number, START + np.array([1, 0]), np.array([2, 3]), np.array([12, 13], np.uint64), np.array([3, 4], np.uint64),
        turn=np.array([300, 2]), harvested=True,
    )  # fmt: skip

    events = draft.close()

    assert (events.at - START).tolist() == [0, 1, 1, 5]
    assert events.account.tolist() == [3, 1, 2, 0]
    assert events.item.tolist() == [13, 11, 12, 10]
    assert events.turn.tolist() == [2, 0, 255, 0]
    assert events.harvested.tolist() == [True, False, True, False]
    assert len(events) == 4


def test_an_event_is_small() -> None:
    """Whatever it will say, an exchange costs at most 32 bytes in the plan."""
    draft = a_draft()
    draft.send(0, np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.uint64), np.zeros(1, np.uint64))
    events = draft.close()

    assert sum(getattr(events, name).itemsize for name in events.__dataclass_fields__) <= 32


def test_an_empty_plan_has_no_events() -> None:
    """It closes all the same."""
    assert len(a_draft().close()) == 0


@pytest.mark.parametrize("kind", sorted(PARTS))
@pytest.mark.parametrize(("accounts", "exchanges"), [(0, 5), (5, 4)])
def test_every_part_refuses_totals_that_do_not_fit(kind: str, accounts: int, exchanges: int) -> None:
    """No accounts, or fewer exchanges than accounts."""
    part: type[Part] = PARTS[kind]

    with pytest.raises(ValueError, match="must be at least"):
        part(accounts=accounts, exchanges=exchanges)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("kind", "dial", "value"),
    [
        ("app", "own", 1.5),
        ("app", "template_sentences", 0.5),
        ("classroom", "copied", -0.1),
        ("classroom", "assignments", 257),
        ("classroom", "assignments", 0),
        ("eval_harness", "items", 0),
        ("eval_harness", "within_days", 0.0),
        ("viral", "half_life_days", 0.0),
        ("gateway", "end_users", 1 << 25),
        ("synthetic_data", "templates", 0),
        ("framework", "same_client", 2.0),
        ("split", "accounts_a_card", 0),
        ("split", "days", 0.0),
    ],
)
def test_dials_out_of_range_are_refused(kind: str, dial: str, value: float) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=dial):
        PARTS[kind](**{dial: value})


def test_a_check_looks_at_what_it_is_told() -> None:
    """Shares at their very ends are fine."""

    class Two:
        accounts, exchanges, share, count = 1, 1, 1.0, 1

    check(Two(), ("share",), ("count",))
