"""Campaigns without templates."""

from tests.planting import planted

from stillwatch.worlds.shapes.split import Split

PART = Split(accounts=40, exchanges=800, cover=0.5, days=5.0, language=0)


def test_no_prompt_is_sent_twice() -> None:
    """The set is split over the accounts."""
    harvested = planted(PART).harvested

    assert len(harvested) == len(set(harvested)) == 400


def test_no_five_words_are_shared_widely() -> None:
    """There is no template: no run of five words is in more than a twentieth of the harvest."""
    harvested = planted(PART).harvested
    runs: dict[tuple[str, ...], int] = {}
    for prompt in harvested:
        words = prompt.split()
        for run in {tuple(words[i : i + 5]) for i in range(len(words) - 4)}:
            runs[run] = runs.get(run, 0) + 1

    assert max(runs.values()) < 20
