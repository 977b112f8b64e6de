"""Words that return within a hand, against the same pieces dealt out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stillwatch.methods.persistence import NOTHING, Persistence, persistence

Ints = NDArray[np.int64]


def group(
    seed: int, hands: int, pieces: int, own: int = 0, padding: int = 0, common: int = 0, rare: int = 3_000
) -> tuple[Ints, Ints, Ints]:
    """Words, pieces and hands: of 12 words a piece so many are the hand's own, a padding entity, or the group's wording."""
    rng = np.random.default_rng(seed)
    hand = np.repeat(np.arange(hands), pieces)
    n = hand.size
    drawn = rng.integers(0, rare, (n, 12))
    for k in range(own):
        drawn[:, k] = 100_000 + hand * 50 + rng.integers(0, 20, n)
    for k in range(padding):
        drawn[:, own + k] = 500_000 + hand * 3 + k
    wording = np.tile(np.arange(common) + 900_000, (n, 1))
    words = np.concatenate([drawn, wording], 1)
    return words.ravel().astype(np.int64), np.repeat(np.arange(n), words.shape[1]), hand


def measure(made: tuple[Ints, Ints, Ints]) -> Persistence:
    words, piece, hand = made
    return persistence(words, piece, hand, hand)


@pytest.mark.parametrize(("hands", "pieces"), [(20, 3), (30, 10), (200, 6)])
def test_one_pool_dealt_out_has_a_ratio_of_one(hands: int, pieces: int) -> None:
    """The mean log ratio of forty dealt groups is 0 within its error."""
    found = [measure(group(s, hands, pieces)) for s in range(40)]

    logs = np.array([f.log_ratio for f in found])

    assert abs(logs.mean()) < 4 * logs.std() / np.sqrt(40) + 0.1


@pytest.mark.parametrize(("hands", "pieces"), [(20, 4), (30, 10), (200, 6)])
def test_people_who_return_stand_far_above(hands: int, pieces: int) -> None:
    """Four words of twelve from twenty of one's own give a ratio over four, beyond three errors."""
    found = measure(group(1, hands, pieces, own=4))

    assert found.log_ratio > np.log(4)
    assert found.log_ratio > 3 * found.se


def test_template_words_of_the_group_do_not_count() -> None:
    """Thirty words that every piece carries change nothing in a group of thirty accounts."""
    bare, wrapped = measure(group(2, 30, 8, own=4)), measure(group(2, 30, 8, own=4, common=30))

    assert wrapped.log_ratio == pytest.approx(bare.log_ratio, abs=1e-9)


def test_persona_padding_does_not_pass_for_a_person() -> None:
    """Two entities of its own in every prompt of an account leave a fleet near one where people are far above."""
    padded, people = measure(group(3, 40, 14, padding=2, rare=600)), measure(group(3, 40, 14, own=5, rare=600))

    assert padded.log_ratio < 1.0 < people.log_ratio


def test_a_few_loud_hands_do_not_speak_for_all() -> None:
    """Three accounts of forty that return keep a fleet's ratio below two."""
    words, piece, hand = group(4, 40, 8)
    loud = (hand[piece] < 3) & (np.arange(words.size) % 12 < 6)
    words[loud] = 700_000 + hand[piece][loud] * 10 + np.arange(int(loud.sum())) % 6

    assert measure((words, piece, hand)).log_ratio < np.log(2)


def test_it_is_the_same_every_time() -> None:
    """The dealing is seeded: equal input, equal answer."""
    assert measure(group(5, 30, 5)) == measure(group(5, 30, 5))


@pytest.mark.parametrize("made", [group(6, 30, 1), group(6, 1, 30)], ids=["one piece a hand", "one hand"])
def test_it_says_nothing_where_nothing_can_return(made: tuple[Ints, Ints, Ints]) -> None:
    """One piece a hand, or one hand, is no comparison."""
    assert measure(made) == NOTHING


def test_nothing_at_all_says_nothing() -> None:
    """No words, no answer."""
    empty = np.empty(0, np.int64)

    assert persistence(empty, empty, empty, empty) == NOTHING


def test_pieces_whose_words_are_all_wording_say_nothing() -> None:
    """Where only words of the group are left there is nothing that could return."""
    hand = np.repeat(np.arange(30), 4)

    assert persistence(np.zeros(120, np.int64), np.arange(120), hand, hand) == NOTHING
