"""Elicitation campaigns."""

import pytest
from tests.planting import planted

from stillwatch.worlds.hashing import mix
from stillwatch.worlds.shapes.elicitation import Elicitation, paraphrased
from stillwatch.worlds.shapes.wordings import WORDINGS

PART = Elicitation(accounts=20, exchanges=400, cover=0.25, days=4.0, paraphrases=12)


def test_each_prompt_carries_a_paraphrase() -> None:
    """As many wordings as the dial says, no prompt twice."""
    harvested = planted(PART).harvested

    assert len(set(harvested)) == 300
    assert 6 <= len({p.split("\n\n")[0] for p in harvested}) <= 12


@pytest.mark.parametrize("wording", sorted(WORDINGS))
def test_a_paraphrase_says_everything_once(wording: str) -> None:
    """Each thing that has to be said is there in one of its wordings."""
    texts = paraphrased(wording, mix(7, list(range(40)))).to_pylist()

    assert len(set(texts)) > 30
    for text in texts:
        assert all(sum(way in text for way in ways) == 1 for ways in WORDINGS[wording])


def test_without_a_bank_one_wording_is_made_up() -> None:
    """A size of 0 asks for assembled prompts, which only a corpus has."""
    heads = {p.split("\n\n")[0] for p in planted(Elicitation(accounts=5, exchanges=50, cover=0.0, paraphrases=0)).harvested}

    assert len(heads) == 1


def test_dials_out_of_range_are_refused() -> None:
    """Unknown wordings and too large banks."""
    with pytest.raises(ValueError, match="wording"):
        Elicitation(wording="poetry")
    with pytest.raises(ValueError, match="paraphrases"):
        Elicitation(paraphrases=5_000)
