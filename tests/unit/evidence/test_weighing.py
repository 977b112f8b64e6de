"""Detectors over groups, a chunk of groups at a time."""

from pathlib import Path

import pytest
from tests.scenes import an_engine, ordinary, scene_of

from stillwatch.evidence import weigh as weigh_all
from stillwatch.evidence.synchrony import Synchrony
from stillwatch.evidence.weighing import run
from stillwatch.records.tables import EVIDENCE


@pytest.mark.parametrize("chunk", [1, 150, 10**6])
def test_chunks_do_not_change_what_is_said(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One group at a time or all at once: the same evidence."""
    scene = scene_of({g: ordinary(g, 10, 8) for g in range(1, 6)})
    with an_engine(tmp_path) as engine:
        scene.store(engine)
        run([Synchrony()], engine, scene.window, frozenset({"seen_at"}))
        whole = engine.read(EVIDENCE)
        monkeypatch.setattr("stillwatch.evidence.weighing.CHUNK_EXCHANGES", chunk)

        run([Synchrony()], engine, scene.window, frozenset({"seen_at"}))

        assert engine.read(EVIDENCE).equals(whole)


def test_a_log_of_times_alone_is_weighed_by_time_alone(tmp_path: Path) -> None:
    """Every other detector says why it is silent."""
    scene = scene_of({1: ordinary(1, 10, 8)})
    with an_engine(tmp_path) as engine:
        scene.store(engine)

        skipped = weigh_all(engine, scene.window, frozenset({"seen_at"}))

        assert engine.read(EVIDENCE)["detector"].to_pylist() == ["synchrony", "volumes"]
    assert all(s.detector in s.reason for s in skipped)
    assert len(skipped) == 11
