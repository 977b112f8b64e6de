"""Faster to a new model than accounts are."""

from dataclasses import replace
from pathlib import Path

from tests.scenes import an_engine, weights

from stillwatch.evidence.pivot import ModelPivot
from stillwatch.evidence.scene import Release, Scene, Visit
from stillwatch.records.tables import GROUPS

NEXT = Release("next", 72.0, 5_000, 300)


def group(adopters: int, hour: float = 75.0, model: str = "next") -> list[Visit]:
    return [Visit(a, hour, model=model if a < adopters else "small") for a in range(40)]


def told(scene: Scene, root: Path) -> float:
    return weights(ModelPivot(), scene, root)[1]


def test_the_weight_rises_with_the_share_that_moves(tmp_path: Path) -> None:
    """Six in a hundred is usual; a fifth, a half and all are ever less so."""
    bits = [told(Scene({1: group(k)}, releases=(NEXT,)), tmp_path / str(k)) for k in (2, 8, 20, 40)]

    assert bits == sorted(bits)
    assert bits[0] < 0 < 3 < bits[2]


def test_a_campaign_that_waits_is_not_seen(tmp_path: Path) -> None:
    """The stated blind spot: asking for the model two days later is no pivot."""
    assert told(Scene({1: group(40, hour=72.0 + 48)}, releases=(NEXT,)), tmp_path) < 0


def test_models_that_were_always_there_do_not_count(tmp_path: Path) -> None:
    """Without a release inside the window there is nothing to move to."""
    always, later = Release("next", None, 5_000, 300), Release("next", 500.0, 5_000, 300)

    assert told(Scene({1: group(40)}, releases=(always, later)), tmp_path) == 0.0


def test_of_several_releases_the_most_telling_counts_less_the_look(tmp_path: Path) -> None:
    """Two releases at once cost one bit of the better one."""
    other = Release("other", 72.0, 5_000, 300)

    one = told(Scene({1: group(40)}, releases=(NEXT,)), tmp_path / "one")
    two = told(Scene({1: group(40)}, releases=(NEXT, other)), tmp_path / "two")

    assert two == one - 1


def test_the_group_itself_does_not_raise_the_hazard(tmp_path: Path) -> None:
    """Where all adopters of the platform are the group's, the others' hazard is small."""
    alone = Release("next", 72.0, 1_000, 40)

    assert told(Scene({1: group(40)}, releases=(alone,)), tmp_path) > 4


def test_a_planted_group_is_none_of_the_platforms(tmp_path: Path) -> None:
    """It adds nothing to the platform's counts, so nothing is taken off: what its adopters did is as usual as it was."""
    release = Release("next", 72.0, 1_000, 40)

    outside = weights(ModelPivot(outside=True), Scene({1: group(4)}, releases=(release,)), tmp_path / "outside")[1]
    inside = told(Scene({1: group(4)}, releases=(replace(release, n_accounts=1_040, n_adopters=44),)), tmp_path / "inside")

    assert outside == inside
    assert outside < told(Scene({1: group(4)}, releases=(replace(release, n_adopters=4),)), tmp_path / "few")


def test_a_group_that_slept_through_the_release_says_nothing(tmp_path: Path) -> None:
    """Nobody active within three and a half days of it."""
    assert told(Scene({1: group(40, hour=1.0)}, releases=(replace(NEXT, hour=100.0),)), tmp_path) == 0.0


def test_a_rare_models_name_is_not_told(tmp_path: Path) -> None:
    """A model that fewer than twenty accounts took up may bear a customer's name."""
    with an_engine(tmp_path) as engine:
        scene = Scene({1: group(10)}, releases=(replace(NEXT, n_adopters=12),))
        scene.store(engine)

        reason = ModelPivot().detect(engine, engine.read(GROUPS), scene.window)["reason"][0].as_py()

    assert "a new model" in reason
    assert "next" not in reason
