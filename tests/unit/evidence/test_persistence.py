"""One pool dealt out, or people who return to their own subjects."""

import itertools
from pathlib import Path

import numpy as np
from tests.scenes import fleet, ordinary, scene_of, weights

from stillwatch.evidence.persistence import Persistence, evenly, sittings, weight_bits
from stillwatch.evidence.rates import shipped
from stillwatch.evidence.scene import Visit
from stillwatch.methods.persistence import Persistence as Found

RATES = shipped().persistence


def found(log_ratio: float, se: float = 0.2, hands: int = 30, pieces: int = 200) -> Found:
    return Found(log_ratio, se, 10.0, 10.0, hands, pieces)


def turns(visits: list[Visit], per: int, seed: int) -> list[Visit]:
    """Each visit becomes a conversation: the same words again, a minute apart."""
    return [Visit(v.account, v.hour + k / 60, v.words, v.fill, (v.exact or 0) + k, v.model) for v in visits for k in range(per)]


def test_the_weight_falls_with_the_ratio() -> None:
    """From one pool to people who return, monotone, and no more beyond either."""
    bits = [weight_bits(found(x), RATES) for x in np.linspace(-2, 6, 33)]

    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(bits))
    assert bits[0] == weight_bits(found(RATES.campaign.mean), RATES) > 5
    assert bits[-1] < -3


def test_an_uncertain_ratio_says_little() -> None:
    """With an error of 2 in the log ratio less than two bits are left."""
    assert abs(weight_bits(found(0.2, se=2.0), RATES)) < 2


def test_too_few_hands_or_pieces_say_nothing() -> None:
    """Seven accounts, or thirty-nine pieces, are too little."""
    assert weight_bits(found(0.2, hands=7), RATES) == 0.0
    assert weight_bits(found(0.2, pieces=39), RATES) == 0.0


def test_conversations_do_not_count_as_return(tmp_path: Path) -> None:
    """A fleet that sends each prompt's words five times within a conversation is still one pool dealt out."""
    scene = scene_of({1: turns(fleet(1, 40, 6), 5, 1), 2: turns(ordinary(1, 40, 6, own_share=0.4), 5, 1)})

    told = weights(Persistence(), scene, tmp_path)

    assert told[1] > 3 > 0 > told[2]


def test_throw_away_accounts_of_one_sitting_are_seen_within_it(tmp_path: Path) -> None:
    """Accounts that live for half an hour still show that their prompts come from one pool."""
    burst = [Visit(v.account, 30 + v.account % 50 + i % 8 / 20, v.words, v.fill, v.exact) for i, v in enumerate(fleet(2, 60, 8))]

    assert weights(Persistence(), scene_of({1: burst}), tmp_path)[1] > 3


def test_people_of_one_sitting_are_not_held_against_the_group(tmp_path: Path) -> None:
    """Return within one sitting may be a conversation, so it says nothing rather than something against."""
    burst = [
        Visit(v.account, 30 + v.account % 50 + i % 8 / 20, v.words, v.fill, v.exact)
        for i, v in enumerate(ordinary(2, 60, 8, own_share=0.4))
    ]

    assert weights(Persistence(), scene_of({1: burst}), tmp_path)[1] == 0.0


def test_a_sitting_ends_after_half_an_hour() -> None:
    """A gap of thirty minutes starts a new one, and so does another account."""
    minutes = np.array([0, 29, 59, 60])

    assert sittings(np.array([0, 0, 0, 1]), minutes * 60_000_000).tolist() == [0, 0, 1, 2]


def test_no_exchanges_have_no_sittings() -> None:
    """An empty group is no error."""
    empty = np.empty(0, np.int64)

    assert sittings(empty, empty).size == 0
    assert evenly(empty, 3).size == 0


def test_long_runs_are_thinned_evenly() -> None:
    """At most so many of a run, the first among them, spread over it."""
    kept = evenly(np.repeat([1, 2], [10, 3]), 4)

    assert kept.tolist() == [0, 3, 5, 8, 10, 11, 12]
