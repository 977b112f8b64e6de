"""Text from the shipped grammars."""

from collections import Counter

import numpy as np
import pyarrow as pa

from stillwatch.worlds.build import grammar
from stillwatch.worlds.grammar import Context, joined
from stillwatch.worlds.hashing import mix
from stillwatch.worlds.lexicon import LANGUAGES, TOPICS

N = 2_000


def a_context(language: int, n: int = N) -> Context:
    """One language, one topic, the names of one account."""
    same = np.zeros(n, np.int64)
    return Context(same + language, same + 1, mix(np.zeros(n), 3), mix(np.zeros(n), 4))


def texts(language: int, n: int = N, family: str = "ask") -> list[str]:
    """`n` texts of two sentences."""
    out: list[str] = grammar().write(family, a_context(language, n), mix(5, np.arange(n)), np.full(n, 2)).to_pylist()
    return out


def test_a_text_follows_from_its_seed_whatever_is_written_beside_it() -> None:
    """Writing some of the rows gives the same texts as writing all."""
    whole = texts(0, 50)
    some = grammar().write("ask", a_context(0, 10), mix(5, np.arange(10)), np.full(10, 2)).to_pylist()

    assert some == whole[:10]
    assert len(set(whole)) == 50


def test_texts_are_well_formed() -> None:
    """No white space at the ends, none doubled, sentences end in their language's stop; in every language."""
    for place, language in enumerate(LANGUAGES):
        for family in ("ask", "task", "rule", "say"):
            for text in texts(place, 200, family):
                assert text == text.strip()
                assert "  " not in text
                assert text[-1] in (language.stop, language.ask)


def test_words_follow_a_zipf_law() -> None:
    """The commonest noun of a topic is far commoner than the median one, and the tail is long."""
    counts = Counter(w.strip("?.,") for text in texts(0) for w in text.split())
    nouns = sorted((counts[n] for n in list(TOPICS.values())[1].split()), reverse=True)

    assert nouns[0] > 4 * nouns[len(nouns) // 2]
    assert sum(c == 1 for c in counts.values()) > 300


def test_an_account_names_its_own() -> None:
    """With two seeds there are two names in all texts."""
    # E is three syllables, the first with a capital
    names = Counter(
        w.strip("?.,")
        for text in texts(0)
        for i, w in enumerate(text.split())
        if w[:1].isupper() and i > 0 and "." not in text.split()[i - 1]
    )
    common = [name for name, n in names.most_common(4) if n > 150]

    assert 1 <= len(common) <= 4


def test_pieces_are_joined_in_place() -> None:
    """Rows of any length, also none, out of one array of pieces."""
    pieces = pa.array(["", "a", "bc", "ü"])

    assert joined(pieces, np.array([1, 2, 3], np.int32), np.array([2, 0, 1])).to_pylist() == ["abc", "", "ü"]
    assert joined(pieces, np.array([], np.int32), np.array([], np.int64)).to_pylist() == []


def test_nothing_to_write_is_nothing() -> None:
    """No rows, no texts."""
    assert texts(0, 0) == []
