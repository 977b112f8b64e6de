"""The smallest planted campaign that counts as seen."""

from stillwatch.campaigns.frontier import _point
from stillwatch.candidates.planting import Planted

GRID = [
    Planted(group, "templated", accounts, requests, 0.5)
    for group, (accounts, requests) in enumerate([(20, 5), (20, 50), (150, 5), (150, 50)])
]


def test_a_size_is_seen_only_with_all_larger_ones() -> None:
    """A small campaign that was seen by luck, where a larger one was not, is no promise."""
    assert _least({0, 1, 2, 3}) == (20, 5)
    assert _least({0, 1, 3}) == (20, 50)
    assert _least({0, 1, 2}) == (None, None)
    assert _least(set()) == (None, None)


def test_it_is_told_in_words_with_its_counts() -> None:
    """The sentence names shape, cover and size, and says what is taken for granted."""
    seen, missed = _point("templated", 0.5, GRID, frozenset({1, 3})), _point("templated", 0.5, GRID, frozenset())

    assert (seen.n_seen, seen.n_planted) == (2, 4)
    assert "templated, 50% of its traffic cover" in seen.in_words
    assert "from 20 accounts of 50 requests each on, if its accounts were made for it and were grouped" in seen.in_words
    assert "not have been seen for certain in this log even at 150 accounts of 50 requests" in missed.in_words


def _least(seen: set[int]) -> tuple[int | None, int | None]:
    found = _point("templated", 0.5, GRID, frozenset(seen))
    return found.n_accounts, found.requests_per_account
