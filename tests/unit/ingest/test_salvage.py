"""Parquet files that have lost their footer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.ingest import footer, salvage
from stillwatch.ingest.conform import REQUIRED
from stillwatch.records.tables import EXCHANGES

N = 1_200
NAMES = list(EXCHANGES.names)


def exchanges(n: int = N) -> pa.Table:
    start = datetime(2026, 11, 2, tzinfo=UTC)
    rows = [
        {
            "exchange_id": f"x-{i}",
            "seen_at": start + timedelta(seconds=i),
            "account_id": f"a-{i % 7}",
            "model": "m",
            "system_prompt": None if i % 3 else "You write poems.",
            "messages": [{"role": "user", "content": f"turn {i} {j} " + "w" * (i % 40)} for j in range(i % 4)] if i % 5 else None,
            "prompt": f"prompt {i * 2_654_435_761 % 2**32} " + "p" * (i % 60),
            "tools": ["f", "g"] if i % 2 else None,
            "response": f"answer {i * 40_503 % 2**16}",
            "stream": bool(i % 2),
            "status": 200,
        }
        for i in range(n)
    ]
    return pa.Table.from_pylist(rows, EXCHANGES.schema)


WHOLE = exchanges()
WAYS: tuple[dict[str, object], ...] = (
    {"compression": "snappy"},
    {"compression": "zstd", "row_group_size": 400},
    {"compression": "gzip", "row_group_size": 300, "data_page_version": "2.0"},
    {"compression": "none", "row_group_size": 400, "data_page_size": 4_000, "write_batch_size": 100},
    {"compression": "zstd", "row_group_size": 400, "use_dictionary": False},
)


def cut(folder: Path, way: dict[str, object], share: float) -> tuple[Path, Path]:
    whole, broken = folder / "whole.parquet", folder / "cut.parquet"
    pq.write_table(WHOLE, whole, **way)
    data = whole.read_bytes()
    broken.write_bytes(data[: int(len(data) * share)])
    return whole, broken


def recovered(found: salvage.Salvaged) -> pa.Table:
    return pa.concat_tables(
        (pa.Table.from_batches([b]) for b in salvage.batches(found, NAMES, 512)), promote_options="permissive"
    )


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("borrowed", [True, False])
@pytest.mark.parametrize("share", [0.35, 0.75, 0.995])
def test_what_came_before_the_cut_is_recovered_unchanged(
    tmp_path: Path, way: dict[str, object], borrowed: bool, share: float
) -> None:
    """
    Every recovered cell is the cell of the whole file, and whole groups of rows lose nothing.
    """
    whole, broken = cut(tmp_path, way, share)

    found = salvage.salvage(str(broken), footer.donor_of(str(whole) if borrowed else footer.OWN[0]), REQUIRED)

    assert found is not None
    table = recovered(found)
    truth = WHOLE.slice(0, found.n_rows)
    n_whole = sum(g.n_rows for g in found.whole)
    assert table.num_rows == found.n_rows >= share * 0.5 * N
    for name in table.column_names:
        assert table[name].slice(0, n_whole).to_pylist() == truth[name].slice(0, n_whole).to_pylist()
        assert all(cell in (None, true) for cell, true in zip(table[name].to_pylist(), truth[name].to_pylist(), strict=True))
    for name in REQUIRED:
        assert table[name].null_count == 0


def test_the_column_that_is_cut_keeps_its_whole_pages(tmp_path: Path) -> None:
    """
    Of the column in which the file ends, the rows of the pages before are there.
    """
    way = {"compression": "none", "data_page_size": 4_000, "write_batch_size": 100, "use_dictionary": False}
    whole, broken = cut(tmp_path, way, 1.0)
    chunk = pq.read_metadata(whole).row_group(0).column(NAMES.index("response") + 1)  # messages has two columns
    assert chunk.path_in_schema == "response"
    broken.write_bytes(whole.read_bytes()[: chunk.data_page_offset + chunk.total_compressed_size // 2])

    found = salvage.salvage(str(broken), footer.donor_of(str(whole)), REQUIRED)

    assert found is not None
    answers = recovered(found)["response"]
    n_kept = N - answers.null_count
    assert 100 <= n_kept < N
    assert answers.slice(0, n_kept).to_pylist() == WHOLE["response"].slice(0, n_kept).to_pylist()


def test_a_file_that_only_lacks_its_last_bytes_lacks_nothing(tmp_path: Path) -> None:
    """
    Losing the table of contents alone costs no row.
    """
    whole, broken = cut(tmp_path, {"row_group_size": 400}, 1.0)
    broken.write_bytes(whole.read_bytes()[:-5])

    found = salvage.salvage(str(broken), footer.donor_of(footer.OWN[0]), REQUIRED)

    assert found is not None
    assert found.torn is None
    assert recovered(found).select(NAMES).to_pylist() == WHOLE.to_pylist()


@pytest.mark.parametrize("n_bytes", [4, 60, 600])
def test_nothing_is_recovered_from_nearly_nothing(tmp_path: Path, n_bytes: int) -> None:
    """
    Without one whole set of required columns there are no rows.
    """
    whole, broken = cut(tmp_path, {}, 1.0)
    broken.write_bytes(whole.read_bytes()[:n_bytes])

    assert salvage.salvage(str(broken), footer.donor_of(str(whole)), REQUIRED) is None


def test_a_donor_of_another_table_is_refused(tmp_path: Path) -> None:
    """
    A schema that does not fit gives nothing rather than rows that are wrong.
    """
    _, broken = cut(tmp_path, {}, 0.9)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1.5], "b": ["x"], "c": [True]}), other)

    assert salvage.salvage(str(broken), footer.donor_of(str(other)), ("a",)) is None


def test_levels_are_counted_in_runs_and_in_packed_bits() -> None:
    """
    Both encodings of levels and their mix give the number of zeros; a cut one gives those it has.
    """
    assert salvage.n_zeros(bytes([200, 1, 0]), 100) == 100
    assert salvage.n_zeros(bytes([200, 1, 1]), 100) == 0
    assert salvage.n_zeros(bytes([2 << 1 | 1, 0b11110000, 0b00000001]), 9) == 4
    assert salvage.n_zeros(b"", 5) == 0


def test_a_page_that_does_not_unpack_counts_no_rows(tmp_path: Path) -> None:
    """
    A damaged page of a list ends what can be recovered; it is no error.
    """
    whole, broken = cut(tmp_path, {"compression": "zstd", "use_dictionary": False}, 0.99)
    data = bytearray(broken.read_bytes())
    at = data.index(b"turn ", 0) if b"turn " in data else len(data) // 3
    data[at : at + 2_000] = bytes(2_000)
    broken.write_bytes(bytes(data))

    found = salvage.salvage(str(broken), footer.donor_of(str(whole)), REQUIRED)

    assert found is None or found.n_rows <= N
