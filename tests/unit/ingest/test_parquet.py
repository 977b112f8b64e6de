"""Parquet into pieces."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import LogFormatError
from stillwatch.ingest import parquet
from stillwatch.ingest.base import Piece, Split
from stillwatch.ingest.canonical import CANONICAL
from stillwatch.ingest.signed import SIGNED
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import IngestSettings

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def table(n: int = 100, **more: pa.Array) -> pa.Table:
    columns = {"exchange_id": [f"x{i}" for i in range(n)], "seen_at": [NOON] * n, "account_id": ["a"] * n, "model": ["m"] * n}
    return pa.table(columns | more)


def read(path: Path, begin: int = 0, end: int = 1, settings: IngestSettings | None = None, **more: str | None) -> list[Piece]:
    split = Split(3, str(path), "exchanges", "exchanges", more.get("container") or "parquet", begin, end, donor=more.get("donor"))
    return list(CANONICAL.read(split, settings or IngestSettings()))


def test_row_groups_are_taken_together_up_to_the_size_of_a_split(tmp_path: Path) -> None:
    """
    Small groups share a split, a large one has its own.
    """
    pq.write_table(table(100), tmp_path / "t.parquet", row_group_size=10)

    assert parquet.row_groups(str(tmp_path / "t.parquet"), 30)[:2] == [(0, 3, 30), (3, 6, 30)]
    assert parquet.row_groups(str(tmp_path / "t.parquet"), 1)[-1] == (9, 10, 10)


def test_rows_of_a_split_are_those_of_its_row_groups(tmp_path: Path) -> None:
    """
    Indices begin at 0 in each split; bad rows have their place in the file.
    """
    accounts = pa.array([None if i == 55 else "a" for i in range(100)])
    pq.write_table(table(100).set_column(2, "account_id", accounts), tmp_path / "t.parquet", row_group_size=25)

    (piece,) = read(tmp_path / "t.parquet", 2, 3)

    assert piece.exchanges["exchange_id"].to_pylist() == [f"x{i}" for i in range(50, 75) if i != 55]
    assert [(b.line, b.reason) for b in piece.bad] == [(56, "'account_id' is missing")]
    assert orjson.loads(piece.raw_bad[0])["exchange_id"] == "x55"
    assert piece.first_index == 0


def test_bytes_of_a_bad_row_are_shown_as_text(tmp_path: Path) -> None:
    """
    The quarantine keeps binary cells, replaced where they are no text.
    """
    bad = table(1).set_column(2, "account_id", pa.nulls(1, pa.string())).append_column("ip", pa.array([b"\xff1"], pa.binary()))
    pq.write_table(bad, tmp_path / "t.parquet")

    (piece,) = read(tmp_path / "t.parquet")

    assert orjson.loads(piece.raw_bad[0])["ip"] == "\ufffd1"


def test_bad_rows_stop_the_reading_when_told_to(tmp_path: Path) -> None:
    """
    `on_bad_line = "fail"` holds for tables, too.
    """
    pq.write_table(table(2).set_column(3, "model", pa.array(["m", ""])), tmp_path / "t.parquet")

    with pytest.raises(LogFormatError, match=r"t\.parquet:2: 'model' is missing"):
        read(tmp_path / "t.parquet", settings=IngestSettings(on_bad_line="fail"))


def test_unknown_columns_are_named_and_mapped_ones_read(tmp_path: Path) -> None:
    """
    A column may feed two canonical ones.
    """
    pq.write_table(table(2, tenant=pa.array(["t", "t"]), shoe=pa.array([1, 2])), tmp_path / "t.parquet")

    (piece,) = read(tmp_path / "t.parquet", settings=IngestSettings(columns={"org_id": "tenant", "key_id": "tenant"}))

    assert piece.exchanges["org_id"].to_pylist() == piece.exchanges["key_id"].to_pylist() == ["t", "t"]
    assert piece.unknown == {"shoe"}


def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    """
    A file whose footer is whole and whose pages are not says so.
    """
    path = tmp_path / "t.parquet"
    pq.write_table(table(1_000), path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(bytes(data))

    with pytest.raises(LogFormatError, match="a page of this Parquet file is damaged"):
        read(path)


def test_signatures_are_taken_over_and_numbered_anew(tmp_path: Path) -> None:
    """
    A signed table passes through; its row numbers become those of this input.
    """
    row = {"row": 99, "exchange_id": "x", "account": 5, "seen_at": NOON, "model": "m", "fragments": [1, 2]}
    path = tmp_path / "s.parquet"
    pq.write_table(pa.Table.from_pylist([row, row], SIGNATURES.schema), path)

    (piece,) = SIGNED.read(Split(3, str(path), "signatures", "signatures", "parquet", 0, 1), IngestSettings())

    assert piece.exchanges.num_rows == 0
    assert piece.n_rows == 2
    assert piece.signatures is not None
    assert piece.signatures.schema.equals(SIGNATURES.schema, check_metadata=True)
    assert piece.signatures["row"].to_pylist() == [3 << 32, (3 << 32) + 1]
    assert piece.signatures["fragments"].to_pylist() == [[1, 2]] * 2


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def test_a_cut_file_is_read_by_a_whole_one_beside_it(tmp_path: Path) -> None:
    """
    The rows before the cut come back, and one bad line tells of the rest.
    """
    for name in ("a.parquet", "b.parquet"):
        pq.write_table(table(100, own=pa.array(range(100))), tmp_path / name, row_group_size=50)
    (tmp_path / "0.parquet").write_text("no table")
    (tmp_path / "1.parquet").write_bytes(b"PAR1" + bytes(20) + b"PAR1")
    cut(tmp_path / "b.parquet", 0.8)

    schema, donor, found = parquet.look(str(tmp_path / "b.parquet"))
    pieces = read(tmp_path / "b.parquet", container="cut parquet", donor=donor)

    assert donor == str(tmp_path / "a.parquet")
    assert found is not None
    assert schema.names == table(1, own=pa.array([1])).column_names
    assert pieces[0].exchanges["exchange_id"].to_pylist() == [f"x{i}" for i in range(found.n_rows)]
    assert pieces[0].unknown == {"own"}
    assert [b.line for p in pieces for b in p.bad] == [found.n_rows + 1]
    with pytest.raises(LogFormatError, match="is cut off here"):
        read(tmp_path / "b.parquet", container="cut parquet", donor=donor, settings=IngestSettings(on_bad_line="fail"))


def test_a_cut_file_that_nothing_explains_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """
    Alone and of unknown columns, it is refused and the way out is told.
    """
    path = tmp_path / "b.parquet"
    pq.write_table(table(100, own=pa.array(range(100))), path)
    cut(path, 0.6)

    with pytest.raises(LogFormatError, match="Put a whole file of the same table beside it"):
        parquet.look(str(path))
    with pytest.raises(LogFormatError, match="changed while it was read"):
        read(path, container="cut parquet")


def test_a_whole_file_needs_no_donor(tmp_path: Path) -> None:
    """
    Looking at it gives its schema alone.
    """
    pq.write_table(table(1), tmp_path / "t.parquet")

    schema, donor, found = parquet.look(str(tmp_path / "t.parquet"))

    assert (schema.names[0], donor, found) == ("exchange_id", None, None)


def test_of_two_columns_with_one_name_the_first_counts(tmp_path: Path) -> None:
    """
    A join that doubled a column is read all the same.
    """
    doubled = table(2).append_column("model", pa.array(["z", "z"]))
    pq.write_table(doubled, tmp_path / "t.parquet")

    (piece,) = read(tmp_path / "t.parquet")

    assert piece.exchanges["model"].to_pylist() == ["m", "m"]
