"""What an exchange sent, apart from who sent it and how it was wrapped."""

import numpy as np
from numpy.typing import NDArray

from stillwatch.evidence.groups import GroupRows, Plain, Ragged
from stillwatch.evidence.items import items


def rows(account: list[int], exact: list[int | None], fills: list[list[int]]) -> GroupRows:
    known = np.array([e is not None for e in exact], np.bool_)
    values = np.array([e or 0 for e in exact], np.int64)
    lists = Ragged(
        np.array([w for f in fills for w in f], np.int64),
        np.concatenate([[0], np.cumsum([len(f) for f in fills])]).astype(np.int64),
    )
    return GroupRows(np.array(account, np.int64), {"exact": Plain(values, known)}, {"fill": lists})


def same(found: NDArray[np.int64], a: int, b: int) -> bool:
    return bool(found[a] == found[b])


LONG = [5, -6, 7, 8, 9]


def test_equal_turns_are_one_item() -> None:
    """Two accounts that send one turn send one item."""
    found = items(rows([0, 1, 2], [1, 1, 3], [LONG, LONG, [1, 2, 3, 4]]))

    assert same(found, 0, 1)
    assert not same(found, 0, 2)


def test_the_sketch_of_a_template_is_no_item() -> None:
    """Where one account sends a sketch in several wordings, the wordings are the items."""
    account = [a for a in range(10) for _ in range(3)]

    found = items(rows(account, list(range(1, 31)), [LONG] * 30))

    assert len(set(found.tolist())) == 30


def test_a_short_turn_goes_by_the_whole_prompt() -> None:
    """Three word pairs do not tell turns apart; the digest does."""
    found = items(rows([0, 1, 2], [4, 4, 5], [[1, 2, 3]] * 3))

    assert found.tolist() == [4, 4, 5]


def test_what_is_not_known_is_zero() -> None:
    """No digest and no sketch: nothing to compare."""
    assert items(rows([0], [None], [[]])).tolist() == [0]


def test_an_empty_group_has_no_items() -> None:
    """No exchanges, no items."""
    assert items(rows([], [], [])).size == 0


def test_sketches_differ_when_any_word_pair_differs() -> None:
    """The same pairs in the same places, or another item."""
    found = items(rows([0, 1, 2], [1, 1, 1], [[1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 3, 4]]))

    assert not same(found, 0, 1)
    assert same(found, 0, 2)
