"""The library of the shipped grammars."""

import numpy as np
from tests.planting import a_library, some_people, some_rows

from stillwatch.worlds.build import grammar
from stillwatch.worlds.grammar_library import GrammarLibrary, turn_item
from stillwatch.worlds.hashing import mix

RNG = np.random.default_rng


def test_conversations_are_as_long_as_the_rhythm_says() -> None:
    """On average."""
    script = a_library().script(RNG(1), np.full(50, 200), np.full(50, 4.0), np.ones(50, np.bool_))

    assert abs(len(script.opens) / script.opens.sum() - 4.0) < 0.2


def test_earlier_turns_are_made_from_conversation_and_number() -> None:
    """The item of turn 1 asked for from turn 3 is the one that was sent."""
    name = mix(1, np.arange(4))

    earlier = a_library(5).earlier(name, turn_item(5, name, np.full(4, 3)), np.full(4, 3), np.full(4, 1))

    assert earlier.tolist() == turn_item(5, name, np.full(4, 1)).tolist()


def test_worlds_of_other_seeds_have_other_pools_and_documents() -> None:
    """Also where the part draws the same numbers; a benchmark is public and stays."""
    one, two = GrammarLibrary(grammar(), 1), GrammarLibrary(grammar(), 2)

    assert not set(one.plain(RNG(1), 9).item.tolist()) & set(two.plain(RNG(1), 9).item.tolist())
    assert not set(one.documents(RNG(1), 9, True).item.tolist()) & set(two.documents(RNG(1), 9, True).item.tolist())
    assert one.benchmark(RNG(1), 9).item.tolist() == two.benchmark(RNG(1), 9).item.tolist()


def test_nothing_is_assembled() -> None:
    """Shapes put their own templates around plain pools."""
    assert a_library().assembled(RNG(1), 5, "templated") is None


def test_a_language_may_be_set() -> None:
    """Of pools and of instructions."""
    library = a_library()
    pool = library.plain(RNG(1), 40, language=0)

    assert all(t.isascii() for t in pool.writer.write(grammar(), some_people(1), some_rows(40)).prompt.to_pylist())
    assert all(t.isascii() for t in library.instructions(RNG(1), 20, "app", 3.0, language=0).to_pylist())
    assert not any(t.isascii() for t in library.instructions(RNG(1), 20, "app", 3.0, language=3).to_pylist())
