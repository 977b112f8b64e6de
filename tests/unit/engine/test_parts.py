"""Tables on disk."""

import errno
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tables import a_table

from stillwatch.engine import parts
from stillwatch.errors import EngineError
from stillwatch.records import tables


def test_a_part_is_written_whole_and_may_be_written_again(tmp_path: Path) -> None:
    """A part holds every table handed in, in order; writing its number again replaces it."""
    one, two = a_table(tables.RECIPES, [{"recipe": 1}]), a_table(tables.RECIPES, [{"recipe": 2}])

    n_rows = parts.write_part(tmp_path, tables.RECIPES, 3, [one, two])
    parts.write_part(tmp_path, tables.RECIPES, 3, [two, one])

    (path,) = parts.part_files(tmp_path, tables.RECIPES)
    assert n_rows == 2
    assert parts.read_file(path)["recipe"].to_pylist() == [2, 1]
    assert pq.read_schema(path).metadata[b"stillwatch.version"] == b"1"


def test_a_left_out_column_is_told(tmp_path: Path) -> None:
    """A table without a declared column is refused with the stage's name."""
    table = a_table(tables.RECIPES, [{"recipe": 1}]).drop_columns("kind")

    with pytest.raises(EngineError, match="the stage 'templates' left out kind"):
        parts.write_part(tmp_path, tables.RECIPES, 0, table)

    assert parts.part_files(tmp_path, tables.RECIPES) == []


def test_a_value_that_does_not_fit_is_told() -> None:
    """Nulls or values outside the declared type are refused."""
    table = a_table(tables.RECIPES, [{"recipe": 1}]).set_column(0, "recipe", pa.array(["x"]))

    with pytest.raises(EngineError, match="does not fit its declared type"):
        parts.conform(tables.RECIPES, table)


@pytest.mark.parametrize(("code", "told"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "Permission denied")])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, told: str) -> None:
    """A write that fails says why and what to do, and leaves neither a part nor a temporary file."""

    def full(*_: Any) -> None:
        raise OSError(code, {errno.ENOSPC: "No space left on device", errno.EACCES: "Permission denied"}[code])

    monkeypatch.setattr("os.replace", full)

    with pytest.raises(EngineError, match=told):
        parts.write_part(tmp_path, tables.RECIPES, 0, a_table(tables.RECIPES, [{"recipe": 1}]))
    with pytest.raises(EngineError, match=told):
        parts.write_bytes(tmp_path / "x.json", b"{}")

    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_ctrl_c_in_the_middle_of_a_file_leaves_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal's file too is as it was, and what was half-written is gone."""
    parts.write_bytes(tmp_path / "stages.json", b"before")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)

    with pytest.raises(KeyboardInterrupt):
        parts.write_bytes(tmp_path / "stages.json", b"after", durable=True)

    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("stages.json", b"before")]


def test_a_failing_producer_leaves_nothing_behind(tmp_path: Path) -> None:
    """An error while rows are still being made removes the half-written file."""

    def rows() -> Any:
        yield a_table(tables.RECIPES, [{"recipe": 1}])
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        parts.write_part(tmp_path, tables.RECIPES, 0, rows())

    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_file_and_its_removal(tmp_path: Path) -> None:
    """`write_file` writes one Parquet file; `drop` removes a table and bears with its absence."""
    parts.write_file(tmp_path / "a.parquet", pa.table({"n": [1]}))
    parts.write_part(tmp_path, tables.RECIPES, 0, a_table(tables.RECIPES, []))

    parts.drop(tmp_path, tables.RECIPES)
    parts.drop(tmp_path, tables.RECIPES)

    assert parts.read_file(tmp_path / "a.parquet")["n"].to_pylist() == [1]
    assert not parts.folder(tmp_path, tables.RECIPES).exists()


@pytest.mark.parametrize(("low", "high"), [(0, 99), (7, 33), (12, 12), (-5, -1), (90, 120)])
def test_rows_of_a_span_are_those_of_the_whole_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, low: int, high: int
) -> None:
    """From several parts of several row groups, in stored order, with the columns asked for."""
    monkeypatch.setattr(parts, "ROW_GROUP", 10)
    table = a_table(tables.GROUP_EXCHANGES, [{"group": n // 2, "row": n, "tokens": [n]} for n in range(200)])
    parts.write_part(tmp_path, tables.GROUP_EXCHANGES, 0, table.slice(0, 73))
    parts.write_part(tmp_path, tables.GROUP_EXCHANGES, 1, table.slice(73))

    found = parts.read_between(tmp_path, tables.GROUP_EXCHANGES, "group", low, high, ["tokens", "row"])

    assert found.column_names == ["tokens", "row"]
    assert found["row"].to_pylist() == [n for n in range(200) if low <= n // 2 <= high]


def test_which_columns_hold_anything_is_read_from_the_footers(tmp_path: Path) -> None:
    """A column of nulls, and one of empty lists, hold nothing; one value in one part is enough."""
    first = a_table(tables.SIGNATURES, [{"row": 1, "org": None, "fill": [], "tokens": None}])
    second = a_table(tables.SIGNATURES, [{"row": 2, "org": None, "fill": None, "tokens": [4]}])
    for number, one in enumerate((first, second)):
        parts.write_part(tmp_path, tables.SIGNATURES, number, one)

    found = parts.columns_with_values(tmp_path, tables.SIGNATURES)

    assert {"row", "tokens"} <= found
    assert not {"org", "fill"} & found


def test_digests_lie_as_they_are_and_words_in_a_dictionary(tmp_path: Path) -> None:
    """Each column has the layout that fits its values, in whatever type it is nested, and reads as it was written."""
    lists = {"fragments": [5, 6], "tokens": [1, 2], "fill": [7], "elicitation": [0, 1, 2, 3, 4], "blobs": [9]}
    row = {"exact": 3, "session": 4} | lists
    table = a_table(tables.SIGNATURES, [row, row | {"tokens": None, "fragments": []}])

    parts.write_part(tmp_path, tables.SIGNATURES, 0, [table, table])

    (path,) = parts.part_files(tmp_path, tables.SIGNATURES)
    group = pq.read_metadata(path).row_group(0)
    laid = {c.path_in_schema: c for c in (group.column(i) for i in range(group.num_columns))}
    plain = {name.split(".")[0] for name, c in laid.items() if c.compression == "UNCOMPRESSED"}
    looked_up = {name.split(".")[0] for name, c in laid.items() if "RLE_DICTIONARY" in c.encodings}
    assert parts.read_file(path).equals(pa.concat_tables([table, table]))
    assert plain == {"exact", "fragments", "fill", "tokens", "elicitation", "semantic_hi", "semantic_lo"}
    assert {"tokens", "elicitation", "account", "config"} <= looked_up
    assert not looked_up & {"row", "exchange_id", "session", "exact", "fragments", "fill", "blobs", "semantic_hi"}
