"""What elicitation templates say."""

from stillwatch.worlds.shapes.wordings import WORDINGS


def test_every_wording_has_enough_paraphrases() -> None:
    """Four things to say in at least five different ways each: more than 600 paraphrases."""
    for said in WORDINGS.values():
        assert len(said) == 4
        assert all(len(set(ways)) == len(ways) >= 5 for ways in said)
