"""Rubric grading."""

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.judge import Judge


@pytest.mark.parametrize("candidates", [1, 3])
def test_every_request_has_its_candidates(candidates: int) -> None:
    """A rubric first, then a question with as many answers as the dial says, no request twice."""
    harvested = planted(Judge(accounts=10, exchanges=200, cover=0.2, candidates=candidates, recipes=3)).harvested

    assert len(set(harvested)) == 160
    assert all(p.count("\nAnswer ") == candidates for p in harvested)
    assert len({p.split("\n\n")[0] for p in harvested}) == 3


def test_dials_out_of_range_are_refused() -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match="candidates"):
        Judge(candidates=5)
