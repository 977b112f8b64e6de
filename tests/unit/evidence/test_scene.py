"""Tiny logs as the tables that detectors read."""

from pathlib import Path

from tests.scenes import an_engine

from stillwatch.evidence.scene import START, Release, Scene, Seat, Visit
from stillwatch.records.tables import GROUP_ACCOUNTS, GROUP_EXCHANGES, GROUPS, MODELS

SCENE = Scene({2: [Visit(1, 5.0, (3,), (8, 7), 1), Visit(1, 1.0)]}, {1: [Seat(4, client=(6, 9))]}, (Release("m", None, 5, 1),), 3)


def test_its_tables_fit_their_declarations(tmp_path: Path) -> None:
    """What a scene writes, an engine accepts and gives back."""
    with an_engine(tmp_path) as engine:
        SCENE.store(engine)

        assert engine.read(GROUPS)["group"].to_pylist() == [1, 2]
        assert engine.read(GROUP_ACCOUNTS)["client_units"].to_pylist() == [9, None]
        assert engine.read(MODELS)["released_at"].to_pylist() == [None]


def test_exchanges_are_sorted_and_fills_too() -> None:
    """Rows by group, account and time; the row number tells the order of writing."""
    table = SCENE.tables()[GROUP_EXCHANGES]

    assert table["row"].to_pylist() == [1, 0]
    assert table["fill"].to_pylist() == [[], [7, 8]]


def test_its_window_has_its_days() -> None:
    """From its start, as many days as it says."""
    assert (SCENE.window.start, SCENE.window.n_days) == (START, 3)


def test_an_empty_scene_has_empty_tables() -> None:
    """No groups, no rows, and still every column."""
    tables = Scene({}, n_platform=0).tables()

    assert {t.num_rows for t in tables.values()} == {0}
