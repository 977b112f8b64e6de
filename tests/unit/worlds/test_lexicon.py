"""The words of the shipped grammars."""

import pytest

from stillwatch.worlds.lexicon import LANGUAGES, TOPICS


def test_shares_of_languages_are_a_distribution() -> None:
    """They sum to one, English first."""
    assert sum(language.share for language in LANGUAGES) == pytest.approx(1.0)
    assert LANGUAGES[0].name == "en"


def test_topics_have_words_enough() -> None:
    """At least twenty a topic, for the pairs that make its jargon."""
    assert len(TOPICS) == 24
    assert all(len(set(words.split())) >= 20 for words in TOPICS.values())


def test_scripts_are_not_all_latin() -> None:
    """Cyrillic, Chinese, Arabic and Devanagari are among them."""
    first = {language.name: language.syllables.split()[0] for language in LANGUAGES}

    assert first["ru"][0] > "\u0400"
    assert first["zh"][0] > "\u4e00"
    assert "\u0600" < first["ar"][0] < "\u0700"
    assert "\u0900" < first["hi"][0] < "\u0980"
