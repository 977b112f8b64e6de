"""What measured worlds say together."""

import numpy as np
import pytest
from benchmarks.quality.calibration import report
from benchmarks.quality.calibration.report import Figure

from stillwatch.worlds.grade import Share


@pytest.mark.parametrize(
    ("hits", "n", "told"), [(0, 0, "open"), (0, 1_000, "open"), (0, 100_000, "met"), (1, 1_000, "missed"), (1, 100_000, "met")]
)
def test_a_figure_is_met_missed_or_open(hits: int, n: int, told: str) -> None:
    """Met by its whole interval, missed by its count, open where neither."""
    assert Figure("x", Share(hits, n), 1e-4).verdict == told


def test_a_share_that_must_be_high_is_held_from_below() -> None:
    """Precision is met by the interval's lower end."""
    told = [Figure("x", Share(hits, 1_000), 0.95, at_most=False).verdict for hits in (990, 955, 900)]

    assert told == ["met", "open", "missed"]


def test_p_values_that_promise_too_much_are_seen() -> None:
    """Uniform ones pass the test, and ones that are half as large as they should be do not; large ones are no fault."""
    p = np.random.default_rng(1).uniform(size=2_000)

    assert report.uniformity(p.tolist())[1] > 0.01
    assert report.uniformity((p / 2).tolist())[1] < 1e-6
    assert report.uniformity((0.5 + p / 2).tolist())[1] > 0.5


def test_the_false_share_is_a_mean_over_worlds() -> None:
    """A world in which nothing was found counts as none false; one false of one counts as all of them."""
    worlds = [
        {"n_false": 0, "n_likely": 0},
        {"n_false": 1, "n_likely": 1},
        {"n_false": 1, "n_likely": 2},
        {"n_false": 0, "n_likely": 3},
    ]

    mean, half, n = report.false_share(worlds)

    assert (mean, n) == (0.375, 4)
    assert half > 0.3


def test_no_class_hides_behind_the_average() -> None:
    """Classes are summed over worlds, each for itself; licensed distillers are no benign class."""
    worlds = [{"false_positives": {"chat": [0, 10_000], "classroom": [1, 40], "licensed": [9, 9]}}] * 10

    told = {f.name: f.verdict for f in report.classes(worlds)}

    assert told == {"chat": "met", "classroom": "missed"}


def test_small_p_are_counted_over_ordinary_worlds_and_the_hardest_kind_is_named() -> None:
    """A world of rare kinds says nothing of a mixture; of all worlds the kind with the most small p is told."""
    common = {"world": "common", "benign_groups": [["chat", "community 10-49", 0.5]] * 200}
    rare = {"world": "rare", "benign_groups": [["eval_harness", "community 10-49", 0.001 if i < 30 else 0.4] for i in range(150)]}

    assert report.ordinary([common, rare]) == [0.5] * 200
    assert report.hardest([common, rare]) == ("eval_harness", Share(30, 150))
    assert report.hardest([common, rare], least=1_000) == ("none", Share(0, 0))
