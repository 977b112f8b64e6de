"""What every engine does alike."""

from pathlib import Path

import pyarrow as pa
import pytest

from stillwatch.engine.stored import Stored
from stillwatch.errors import EngineError
from stillwatch.records import tables


class Closing(Stored):
    """An engine that notes when it is let go of."""

    closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_a_table_is_there_once_it_is_written(tmp_path: Path) -> None:
    """The folder is made, a missing table is told, and a table written again is replaced."""
    engine = Stored(tmp_path / "new/store")
    models = tables.MODELS.schema.empty_table()

    assert not engine.has(tables.MODELS)
    with pytest.raises(EngineError, match="table 'models' is missing"):
        engine.read(tables.MODELS)
    for rows in (pa.concat_tables([models]), models):
        engine.write(tables.MODELS, rows)

    assert engine.root == tmp_path / "new/store"
    assert engine.has(tables.MODELS)
    assert engine.read(tables.MODELS, ["model"]).column_names == ["model"]


def test_what_is_held_is_let_go_of_at_the_end(tmp_path: Path) -> None:
    """Leaving the block closes, whatever happened in it; an engine that holds nothing has nothing to close."""
    with Stored(tmp_path), Closing(tmp_path) as quiet:
        pass
    with pytest.raises(ValueError, match="in the block"), Closing(tmp_path) as broken:
        raise ValueError("in the block")

    assert (quiet.closed, broken.closed) == (1, 1)
