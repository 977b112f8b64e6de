"""What a scan needs of the disk for a while is told where it is much."""

from pathlib import Path

import pytest
from tests.commands import Here
from tests.golden import make

from stillwatch import pipeline


@pytest.mark.parametrize(("least", "told"), [(1, True), (pipeline.TOLD_SPILL, False)])
def test_a_scan_tells_what_it_spilled(
    stillwatch: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, told: bool
) -> None:
    """One line from a hundred megabytes on, none for less."""
    monkeypatch.setattr(pipeline, "TOLD_SPILL", least)

    said = stillwatch.scan(make.LOG, "--out", tmp_path / "out", "--no-frontier")

    assert ("were spilled to disk" in said.err) == told
