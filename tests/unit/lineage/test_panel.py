"""Panels of strangers."""

from pathlib import Path

import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.panel import PanelScore, load_panel, make_panel, panel_bytes, shipped_panel

SCORES = (*(PanelScore("a", "llama", "seeds", s) for s in (3.0, 1.0, 2.0)), PanelScore("b", "moe", "seeds", 9.0))

FORGED = b"""{"format": "stillwatch.lineage.panel/1",
 "groups": [{"test": "", "architecture": "", "recipe": "", "scores": ["many"]}]}"""


def test_a_panel_survives_storage(tmp_path: Path) -> None:
    """
    What is written is read again, under the same name.
    """
    path = tmp_path / "panel.json"
    path.write_bytes(panel_bytes(SCORES))

    panel = load_panel(path)

    assert panel.of("a") == (1.0, 2.0, 3.0)
    assert panel.of("c") == ()
    assert panel.panel_id == load_panel(path).panel_id == make_panel(panel.scores).panel_id
    assert make_panel(SCORES[:2]).panel_id != panel.panel_id


def test_a_conformal_p_never_falls_below_one_in_all(tmp_path: Path) -> None:
    """
    The rank of a score among the strangers and itself.
    """
    panel = make_panel(SCORES)

    assert [panel.conformal_p("a", score) for score in (9.0, 2.0, 0.0)] == [0.25, 0.75, 1.0]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"{", "is not JSON"),
        (b"[]", "not a lineage panel"),
        (b'{"format": "stillwatch.lineage.panel/2"}', "not a lineage panel"),
        (b'{"format": "stillwatch.lineage.panel/1"}', "needs test, architecture, recipe"),
        (b'{"format": "stillwatch.lineage.panel/1", "groups": [{"test": "a"}]}', "needs test, architecture, recipe"),
        (FORGED, "numbers as scores"),
    ],
)
def test_what_is_no_panel_is_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    """
    Each way of being wrong has its words.
    """
    (tmp_path / "panel.json").write_bytes(raw)

    with pytest.raises(LineageError, match=says):
        load_panel(tmp_path / "panel.json")


def test_an_absent_panel_is_named(tmp_path: Path) -> None:
    """
    The message has the path and the system's reason.
    """
    with pytest.raises(LineageError, match="cannot be read"):
        load_panel(tmp_path / "absent.json")


def test_the_shipped_panel_has_a_thousand_stranger_pairs() -> None:
    """
    Same recipe, same data: the strangers that fool a similarity score.
    """
    scores = shipped_panel().of("weights-robust")

    assert len(scores) >= 1_000
    assert 0.0 < scores[0] < scores[-1] < 4.0
