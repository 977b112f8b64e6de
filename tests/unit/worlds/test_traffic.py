"""Traffic that several parts plan in the same way."""

import numpy as np
import pytest
from tests.planting import ERA, a_draft

from stillwatch.worlds.clock import HOUR, SECOND
from stillwatch.worlds.traffic import alone, chats, deal, fold, harvest, volumes

RNG = np.random.default_rng


def test_volumes_sum_to_the_total() -> None:
    """Every account sends at least once; the spread is a dial."""
    wide, narrow = volumes(RNG(1), 200, 5_000), volumes(RNG(1), 200, 5_000, 0.1)

    assert wide.sum() == narrow.sum() == 5_000
    assert wide.min() >= 1
    assert wide.max() > 5 * narrow.max()


def test_turns_of_a_conversation_follow_each_other() -> None:
    """In one session the turns are numbered in order of time, and most pauses are under an hour."""
    draft = a_draft()
    account, block = draft.cast.enrol(RNG(1), 5, 0)
    chats(draft, RNG(2), account, block, np.full(5, 40))
    events = draft.close()
    pauses = []
    for name in np.unique(events.conversation):
        at, turn = events.at[events.conversation == name], events.turn[events.conversation == name]
        straight = np.argsort(turn)
        if (np.diff(at[straight]) >= 0).all():
            pauses += np.diff(at[straight]).tolist()

    assert len(events) == 200
    assert len(pauses) > 80
    assert np.mean(np.array(pauses) < HOUR) > 0.9


def test_haste_shortens_pauses() -> None:
    """An agent does not think between requests."""
    medians = []
    for haste in (1.0, 10.0):
        draft = a_draft()
        account, block = draft.cast.enrol(RNG(1), 3, 0)
        chats(draft, RNG(2), account, block, np.full(3, 300), haste=haste)
        events = draft.close()
        order = np.lexsort((events.turn, events.conversation))
        same = np.diff(events.conversation[order]) == 0
        medians.append(float(np.median(np.diff(events.at[order])[same])))

    assert medians[1] < medians[0] / 3
    assert medians[1] > SECOND / 10


def test_nothing_to_say_is_nothing() -> None:
    """Accounts without exchanges plan none."""
    draft = a_draft()
    account, block = draft.cast.enrol(RNG(1), 3, 0)

    chats(draft, RNG(2), account, block, np.zeros(3, np.int64))

    assert len(draft.close()) == 0


def test_what_runs_over_the_end_begins_again() -> None:
    """A moment past the window is folded back to its start."""
    assert fold(np.array([ERA.end + 5, ERA.start]), ERA).tolist() == [ERA.start + 5, ERA.start]


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_a_queue_is_dealt_by_its_counts(jitter: float) -> None:
    """Moments come sorted, and every account sends as often as it was given."""
    draft = a_draft()
    _, block = draft.cast.enrol(RNG(1), 4, 0)

    at, owner = deal(draft, RNG(3), block, np.array([5, 0, 20, 1]), jitter, 3.0)

    assert np.bincount(owner, minlength=4).tolist() == [5, 0, 20, 1]
    assert (np.diff(at) >= 0).all()
    assert at.max() - at.min() <= 3 * 24 * HOUR


def test_a_pool_is_sent_in_order() -> None:
    """Each prompt as often as it is sampled, each request in a session of its own."""
    draft = a_draft()
    pool = draft.library.plain(RNG(1), 3)

    harvest(draft, pool, ERA.start + np.arange(6), np.zeros(6, np.int64), samples=2)
    events = draft.close()

    assert events.item.tolist() == np.repeat(pool.item, 2).tolist()
    assert len(np.unique(events.conversation)) == 6
    assert events.harvested.all()


def test_requests_that_stand_alone_have_names_of_their_own() -> None:
    """Also those of one account."""
    assert len(np.unique(alone(a_draft(), np.zeros(9, np.int64), np.arange(9)))) == 9
