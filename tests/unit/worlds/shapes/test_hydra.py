"""Templated campaigns."""

from collections import Counter

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.hydra import Hydra

PART = Hydra(accounts=40, exchanges=1_000, cover=0.4, templates=6, days=5.0, language=0)


def test_the_pool_is_dealt_without_replacement() -> None:
    """No harvested prompt is sent twice, by anyone."""
    harvested = planted(PART).harvested

    assert len(harvested) == len(set(harvested)) == 600


def test_every_template_of_the_bank_is_used() -> None:
    """Harvested prompts begin with as many different templates as the dial says."""
    heads = Counter(p.split("\n\n")[0] for p in planted(PART).harvested)

    assert len(heads) == 6
    assert min(heads.values()) > 50


def test_a_prompt_may_be_sampled_several_times() -> None:
    """Each prompt is sent as often as the dial says."""
    counts = Counter(planted(Hydra(accounts=10, exchanges=300, cover=0.0, samples=3)).harvested)

    assert set(counts.values()) == {3}
    assert len(counts) == 100


def test_templates_may_be_system_prompts() -> None:
    """Then no fill carries one."""
    world = planted(Hydra(accounts=10, exchanges=100, cover=0.0, templates=2, in_system=True))

    assert len(set(world.column("system_prompt"))) == 2
    assert not any("\n\n" in p for p in world.column("prompt"))


def test_without_a_bank_and_without_a_corpus_one_template_is_made_up() -> None:
    """A size of 0 asks for assembled prompts, which only a corpus has."""
    heads = {p.split("\n\n")[0] for p in planted(Hydra(accounts=10, exchanges=100, cover=0.0, templates=0)).harvested}

    assert len(heads) == 1


@pytest.mark.parametrize("dials", [{"templates": 4_001}, {"templates": -1}, {"samples": 0}])
def test_dials_out_of_range_are_refused(dials: dict[str, int]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        Hydra(**dials)  # type: ignore[arg-type]
