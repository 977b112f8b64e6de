"""The log on disk."""

import errno
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from tests.planting import planted

from stillwatch.errors import EngineError, SettingsError
from stillwatch.records.tables import EXCHANGES
from stillwatch.worlds.log import fresh, open_part
from stillwatch.worlds.look_alikes.chat import ChatUsers

TABLE = planted(ChatUsers(accounts=5, exchanges=20)).table


def test_parquet_parts_read_back(tmp_path: Path) -> None:
    """Rows in order, in the declared schema."""
    with open_part(fresh(tmp_path), 3, "parquet") as part:
        part.write(TABLE.slice(0, 12))
        part.write(TABLE.slice(12))

    back = pq.read_table(tmp_path / "log" / "part-000003.parquet")

    assert back.schema == EXCHANGES.schema
    assert back.equals(TABLE)


def test_json_lines_hold_what_is_not_null(tmp_path: Path) -> None:
    """One object a row, times in ISO 8601 UTC."""
    with open_part(fresh(tmp_path), 0, "ndjson") as part:
        part.write(TABLE)

    rows = [orjson.loads(line) for line in (tmp_path / "log" / "part-000000.ndjson").read_bytes().splitlines()]

    assert [r["exchange_id"] for r in rows] == TABLE["exchange_id"].to_pylist()
    assert rows[0]["seen_at"].endswith("Z")
    assert all("response" not in r for r in rows)


def test_an_earlier_world_is_cleared_away(tmp_path: Path) -> None:
    """Its parts, of either form, and nothing else."""
    (tmp_path / "log").mkdir()
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "exchanges.parquet").write_text("x")
    for name in ("part-000000.parquet", "part-000007.ndjson", "notes.txt"):
        (tmp_path / "log" / name).write_text("x")

    fresh(tmp_path)

    assert [p.name for p in (tmp_path / "log").iterdir()] == ["notes.txt"]


def test_somebodys_log_is_left_alone(tmp_path: Path) -> None:
    """Parts without a world's truth beside them are not ours to delete."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "part-000000.parquet").write_text("x")

    with pytest.raises(SettingsError, match="no world's"):
        fresh(tmp_path)

    assert (tmp_path / "log" / "part-000000.parquet").exists()


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Where, and why; a full disk with what to do."""
    (tmp_path / "log").write_text("a file")

    with pytest.raises(EngineError, match="cannot write: File exists"):
        fresh(tmp_path)
    with pytest.raises(EngineError, match="cannot write: the disk is full"), open_part(tmp_path, 0, "ndjson"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_other_forms_are_refused(tmp_path: Path) -> None:
    """The message lists the forms."""
    with pytest.raises(ValueError, match="parquet, ndjson"), open_part(tmp_path, 0, "csv"):
        pass
