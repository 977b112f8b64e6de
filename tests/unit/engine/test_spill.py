"""Arrays on disk."""

from pathlib import Path

import numpy as np
import pytest
from tests.tables import an_engine

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.engine.spill import Spill
from stillwatch.errors import EngineError
from stillwatch.settings import EngineSettings


def test_what_was_appended_is_read_from_anywhere(tmp_path: Path) -> None:
    """A column is one array of all that was written to it, also after its pages were given back."""
    with Spill(tmp_path / "room") as room:
        for n in range(3):
            room.append("numbers", np.arange(10 * n, 10 * n + 10))
        numbers = room.array("numbers", np.int64)
        first = numbers[25]
        room.let_go()

        assert (first, numbers.tolist()) == (25, list(range(30)))
        assert room.n_bytes == 240
        assert room.array("nothing", np.int8).tolist() == []


def test_an_engine_counts_what_is_spilled_and_keeps_nothing(tmp_path: Path) -> None:
    """The files are gone at the end, also after an error, and their bytes are counted."""

    def fails(engine: DuckDBEngine) -> None:
        with engine.spill() as room:
            room.append("numbers", np.zeros(16))
            raise ZeroDivisionError

    with an_engine(tmp_path) as engine:
        with pytest.raises(ZeroDivisionError):
            fails(engine)

        assert engine.spilled_bytes == 128
        assert not list((tmp_path / "spill").glob("*"))


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The error says where and what to do."""
    with Spill(tmp_path / "room") as room:
        (tmp_path / "room").rmdir()
        (tmp_path / "room").write_text("in the way")

        with pytest.raises(EngineError, match="room: cannot write"):
            room.append("numbers", np.zeros(1))


@pytest.mark.parametrize("own", [True, False])
def test_the_folder_beside_the_tables_goes_with_the_engine(tmp_path: Path, own: bool) -> None:
    """It is ours; one that the settings name may hold other things, and stays."""
    settings = EngineSettings(workers=1, memory_gb=1.0, temp_dir=None if own else tmp_path / "named")
    with DuckDBEngine(tmp_path / "store", settings) as engine, engine.spill() as room:
        room.append("numbers", np.zeros(1))

    assert (tmp_path / "named").exists() is not own
    assert not (tmp_path / "store/spill").exists()
