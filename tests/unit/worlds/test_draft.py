"""A world being planned."""

import numpy as np
from tests.planting import START, a_draft


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
