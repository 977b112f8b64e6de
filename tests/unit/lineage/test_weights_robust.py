"""The robust weights test and its panel."""

from pathlib import Path

import pytest
from benchmarks.quality.lineage.children import neurons_permuted, signed_order, stream_turned
from tests.checkpoints import LLAMA, State, random_state, write_folder

from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.panel import PanelScore, make_panel, shipped_panel, verdict_bar
from stillwatch.lineage.proof import recompute
from stillwatch.lineage.weights import open_weights
from stillwatch.lineage.weights_robust import WeightsRobust

WIDE = LLAMA | {"intermediate_size": 120}


def said(tmp_path: Path, suspect: State, base: State, given: Given | None = None) -> Result:
    """The test's word on two states."""
    a, b = (open_weights(write_folder(tmp_path / n, s, WIDE), n) for n, s in (("suspect", suspect), ("base", base)))
    found = next(WeightsRobust().run(a, [b], given or Given()))
    assert isinstance(found, Result)
    return found


def test_a_disguised_copy_is_called_by_the_shipped_panel(tmp_path: Path) -> None:
    """
    Calibrated, never exact: the p is a rank among strangers, and its proof gives it again.
    """
    state = random_state(WIDE, 1)

    found = said(tmp_path, stream_turned(neurons_permuted(state, 1), signed_order(24, 2)), state)

    assert found.verdict is Verdict.CALIBRATED
    assert not found.exact
    assert found.panel_id == shipped_panel().panel_id
    assert found.proof is not None
    assert recompute(found.proof) == found.log10_p
    assert 10.0 ** (found.log10_p or 0.0) == pytest.approx(1 / (len(shipped_panel().scores) + 1))
    assert found.sentence.startswith("Holds the base's neurons, by a calibrated score: 360 of 360 neurons agree")


def test_a_stranger_is_left_alone(tmp_path: Path) -> None:
    """
    Nothing is said against an independent model.
    """
    found = said(tmp_path, random_state(WIDE, 1), random_state(WIDE, 2))

    assert found.verdict is Verdict.NO_POWER
    assert found.sentence.startswith("Nothing beyond what strangers show")
    assert len(found.parts) == 3


def test_the_largest_stranger_is_not_called(tmp_path: Path) -> None:
    """
    A score just above the panel has the smallest p there is, and is still no verdict: it lacks the gap.
    """
    suspect, base = random_state(WIDE, 1), random_state(WIDE, 2)
    score = said(tmp_path, suspect, base).statistic
    assert score is not None
    panel = make_panel(tuple(PanelScore("weights-robust", "llama", "", score - 0.1 - 0.01 * i) for i in range(500)))

    found = said(tmp_path, suspect, base, Given(panel=panel))

    assert found.log10_p is not None
    assert 10.0**found.log10_p < 0.01
    assert found.verdict is Verdict.NO_POWER
    assert found.panel_id == panel.panel_id


def test_a_panel_of_other_tests_is_not_used(tmp_path: Path) -> None:
    """
    A given panel that does not know this test leaves the shipped one in place.
    """
    panel = make_panel((PanelScore("other", "llama", "", 1.0),))

    found = said(tmp_path, random_state(WIDE, 1), random_state(WIDE, 2), Given(panel=panel))

    assert found.panel_id == shipped_panel().panel_id


def test_models_without_common_ground_are_skipped(tmp_path: Path) -> None:
    """
    The reason is said; no score is made up.
    """
    other = LLAMA | {"hidden_size": 32, "vocab_size": 90}
    a = open_weights(write_folder(tmp_path / "a", random_state(LLAMA, 1), LLAMA), "a")
    b = open_weights(write_folder(tmp_path / "b", random_state(other, 1), other), "b")

    found = next(WeightsRobust().run(a, [b], Given()))

    assert isinstance(found, Skipped)
    assert found.reason == "the two share neither width nor tokens: no neurons can be compared"
    assert WeightsRobust().score(read_names(a), read_names(b), 1) is None


def test_the_bar_lies_as_far_above_the_panel_as_its_top_above_its_middle() -> None:
    """
    Twice the largest, less the median.
    """
    assert verdict_bar([1.0, 2.0, 4.0]) == 6.0
