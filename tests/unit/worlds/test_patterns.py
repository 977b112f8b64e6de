"""Sentence patterns."""

import pytest

from stillwatch.worlds.patterns import FAMILIES, FOREIGN

_SLOTS = {"N", "V", "J", "R", "D", "E", "C", "F"}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_patterns_share_no_long_runs(family: str) -> None:
    """No literal run of five words, so that using a pattern is no template."""
    for pattern in FAMILIES[family]:
        run = 0
        for word in pattern.split():
            run = 0 if word in _SLOTS else run + 1
            assert run < 5, pattern


def test_patterns_begin_with_a_word_and_differ() -> None:
    """A slot brings a leading space, so none stands first; and no pattern is there twice."""
    for family in (*FAMILIES.values(), *FOREIGN.values()):
        assert len(set(family)) == len(family)
        assert all(pattern.split()[0] not in _SLOTS for pattern in family)


def test_every_family_has_a_foreign_twin() -> None:
    """Whatever is asked for in English can be asked for in any language; tasks and rules name nobody there."""
    assert FOREIGN.keys() == FAMILIES.keys()
    assert not any(" E " in f" {p} " for p in FOREIGN["task"])
