"""Technique search."""

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.technique_search import TechniqueSearch


def test_many_variants_come_first_and_the_winner_after() -> None:
    """Nearly every request of the search has another wording; all that follow have one."""
    part = TechniqueSearch(accounts=10, exchanges=500, cover=0.0, variants=1_000, search_share=0.4, winners=1)
    heads = [p.split("\n\n")[0] for p in planted(part).harvested]

    assert len(set(heads[:200])) > 140
    assert len(set(heads[200:])) == 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_there_may_be_only_search_or_only_scale(share: float) -> None:
    """At the ends of the dial."""
    part = TechniqueSearch(accounts=10, exchanges=300, cover=0.0, variants=50, search_share=share)
    heads = {p.split("\n\n")[0] for p in planted(part).harvested}

    assert (len(heads) > 30) if share else (len(heads) == 1)


@pytest.mark.parametrize("dials", [{"variants": 0}, {"search_share": 1.5}, {"winners": 0}])
def test_dials_out_of_range_are_refused(dials: dict[str, int]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        TechniqueSearch(**dials)  # type: ignore[arg-type]
