"""Tables of a data lake, written by the lakes' own writers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from stillwatch import ingest
from stillwatch.errors import LogFormatError
from stillwatch.ingest.lake import table_files
from stillwatch.settings import IngestSettings

START = datetime(2026, 3, 2, tzinfo=UTC)


def rows(first: int, n: int) -> pa.Table:
    """Exchanges x<first>…"""
    numbers = range(first, first + n)
    times = pa.array([START + timedelta(minutes=i) for i in numbers], pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "exchange_id": [f"x{i}" for i in numbers],
            "seen_at": times,
            "account_id": [f"a{i % 3}" for i in numbers],
            "model": ["small"] * n,
        }
    )


def read_ids(folder: Path) -> list[str]:
    """The exchanges that ingest finds below a folder."""
    source = ingest.discover([str(folder)], IngestSettings())
    pieces = [p for split in source.splits for p in ingest.read(split, IngestSettings())]
    return sorted(i for p in pieces for i in p.exchanges["exchange_id"].to_pylist())


def an_iceberg(root: Path) -> Table:
    """An Iceberg table of exchanges with two appends; its folder is `Path(location)`."""
    catalog = SqlCatalog("tests", uri="sqlite:///:memory:", warehouse=f"file://{root}")
    catalog.create_namespace("logs")
    table = catalog.create_table("logs.exchanges", rows(0, 1).schema, location=f"file://{root}/exchanges")
    table.append(rows(0, 4))
    table.append(rows(4, 2))
    return table


def test_a_delta_table_is_read_as_of_now(tmp_path: Path) -> None:
    """Files that an overwrite replaced are still in the folder, and are not read."""
    folder = tmp_path / "lake" / "exchanges"
    write_deltalake(folder, rows(0, 5))
    write_deltalake(folder, rows(10, 3), mode="overwrite")
    write_deltalake(folder, rows(20, 1), mode="append")

    assert read_ids(tmp_path / "lake") == ["x10", "x11", "x12", "x20"]
    assert len(list(folder.glob("*.parquet"))) == 3


def test_rows_deleted_from_a_delta_table_are_gone(tmp_path: Path) -> None:
    """A delete rewrites its files, and only the rewritten ones are read."""
    write_deltalake(tmp_path, rows(0, 5))

    DeltaTable(tmp_path).delete("account_id = 'a0'")

    assert read_ids(tmp_path) == ["x1", "x2", "x4"]


def test_an_iceberg_table_is_read_as_of_now(tmp_path: Path) -> None:
    """Appended files are read, overwritten ones are not."""
    table = an_iceberg(tmp_path)
    assert read_ids(tmp_path) == [f"x{i}" for i in range(6)]

    table.overwrite(rows(30, 2))

    assert read_ids(tmp_path / "exchanges") == ["x30", "x31"]


def test_a_delta_table_whose_values_are_not_in_its_files_is_refused(tmp_path: Path) -> None:
    """A partition column that Stillwatch reads would come out null; it is an error that says what to do."""
    write_deltalake(tmp_path, rows(0, 5), partition_by=["model"])

    with pytest.raises(LogFormatError, match=r"partitioned by 'model', whose values are not in its files\. Copy it"):
        table_files(tmp_path, ())


def test_a_delta_table_that_might_delete_beside_its_files_is_read_while_it_does_not(tmp_path: Path) -> None:
    """Deletion vectors that are switched on and not yet used leave the files whole."""
    write_deltalake(tmp_path, rows(0, 5), configuration={"delta.enableDeletionVectors": "true"})

    assert read_ids(tmp_path) == [f"x{i}" for i in range(5)]


@pytest.mark.parametrize("feature", ["columnMapping", "somethingNew"])
def test_a_delta_table_that_needs_more_than_its_files_is_refused(tmp_path: Path, feature: str) -> None:
    """A feature that changes names, or that nobody here knows, is named in the error."""
    write_deltalake(tmp_path, rows(0, 5), configuration={"delta.enableDeletionVectors": "true"})
    log = tmp_path / "_delta_log" / "00000000000000000000.json"
    log.write_text(log.read_text().replace('"variantType"', f'"{feature}"'))

    with pytest.raises(LogFormatError, match=f"{feature}: its files alone are not the table|cannot be read"):
        table_files(tmp_path, ())


def test_an_iceberg_table_with_a_renamed_column_is_refused(tmp_path: Path) -> None:
    """Older files hold the old name."""
    table = an_iceberg(tmp_path)

    with table.update_schema() as change:
        change.rename_column("model", "model_name")

    with pytest.raises(LogFormatError, match="a column of this Iceberg table was renamed"):
        table_files(tmp_path / "exchanges", ())


def test_a_broken_delta_log_is_told(tmp_path: Path) -> None:
    """A folder with an empty log is no table, and its files are not guessed at."""
    (tmp_path / "_delta_log").mkdir()
    pq.write_table(rows(0, 5), tmp_path / "part.parquet")

    with pytest.raises(LogFormatError, match="this Delta table cannot be read"):
        table_files(tmp_path, ())


def test_an_ordinary_folder_is_no_table(tmp_path: Path) -> None:
    """Parquet without a table's log is read file by file."""
    pq.write_table(rows(0, 5), tmp_path / "part.parquet")

    assert table_files(tmp_path, ()) is None
