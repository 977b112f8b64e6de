"""Which stages of a run are finished."""

from pathlib import Path

from stillwatch.engine.journal import Journal


def test_a_run_goes_on_after_its_last_stage(tmp_path: Path) -> None:
    """Resuming the same run finds its finished stages and their reports."""
    Journal(tmp_path, "d1", False).finish("read", {"n_bad": 2})

    again = Journal(tmp_path, "d1", True)

    assert "read" in again
    assert again["read"] == {"n_bad": 2}
    assert "templates" not in again


def test_another_run_is_not_continued(tmp_path: Path) -> None:
    """A journal of other inputs, settings or key, or a run that was not asked to resume, starts anew."""
    Journal(tmp_path, "d1", False).finish("read")

    assert "read" not in Journal(tmp_path, "d2", True)
    assert "read" not in Journal(tmp_path, "d1", False)
    assert "read" not in Journal(tmp_path / "elsewhere", "d1", True)


def test_stages_can_be_taken_back(tmp_path: Path) -> None:
    """What is forgotten runs again, also after an interruption; one that never ran is no error."""
    journal = Journal(tmp_path, "d1", False)
    journal.finish("read")
    journal.finish("evidence")

    journal.forget("evidence", "campaigns")

    again = Journal(tmp_path, "d1", True)
    assert ["read" in again, "evidence" in again] == [True, False]
