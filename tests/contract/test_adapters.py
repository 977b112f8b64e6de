"""The promises that every adapter keeps, whoever wrote it."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import ingest
from stillwatch.errors import LogFormatError
from stillwatch.ingest import ADAPTERS, Adapter, Piece
from stillwatch.records.tables import EXCHANGES, SIGNATURES
from stillwatch.settings import IngestSettings

GOLDEN = Path(__file__).parent.parent / "golden" / "logs"
JSON_ADAPTERS = tuple(a for a in ADAPTERS if a.table == "exchanges")


def named(adapter: Adapter) -> str:
    return adapter.name


def lines_of(adapter: Adapter) -> list[bytes]:
    return (GOLDEN / f"{adapter.name}.jsonl").read_bytes().splitlines()


def pieces(path: Path, settings: IngestSettings) -> list[Piece]:
    source = ingest.discover([str(path)], settings)
    return [p for s in source.splits for p in ingest.read(s, settings)]


def rows(found: list[Piece]) -> list[dict[str, object]]:
    return [r for p in found for r in p.exchanges.to_pylist()]


def test_names_are_unique_and_every_adapter_has_golden_lines() -> None:
    """
    A new adapter brings ten sample lines or fails here.
    """
    assert len({a.name for a in ADAPTERS}) == len(ADAPTERS)
    for adapter in JSON_ADAPTERS:
        assert len(lines_of(adapter)) >= 10


@pytest.mark.parametrize("adapter", JSON_ADAPTERS, ids=named)
def test_golden_lines_give_the_golden_rows(adapter: Adapter) -> None:
    """
    Detected by content alone, each sample line becomes the stored row; `make golden` rewrites them.
    """
    golden = [orjson.loads(x) for x in (GOLDEN / f"{adapter.name}.rows.jsonl").read_bytes().splitlines()]

    source = ingest.discover([str(GOLDEN / f"{adapter.name}.jsonl")], IngestSettings())
    read = rows([p for s in source.splits for p in ingest.read(s, IngestSettings())])

    assert source.files[0].format == adapter.name
    assert [orjson.loads(orjson.dumps({k: v for k, v in r.items() if v is not None}, default=str)) for r in read] == golden
    assert len(read) == len(lines_of(adapter))


@pytest.mark.parametrize("adapter", JSON_ADAPTERS, ids=named)
def test_a_bad_line_among_good_ones_costs_only_itself(adapter: Adapter, tmp_path: Path) -> None:
    """
    The others come out as without it; it is told with its number, and none of its text is in the reason.
    """
    good = lines_of(adapter)
    (tmp_path / "good").write_bytes(b"\n".join(good))
    (tmp_path / "mixed").write_bytes(b"\n".join([*good[:3], b'{"secret words', *good[3:]]))

    alone, mixed = pieces(tmp_path / "good", IngestSettings()), pieces(tmp_path / "mixed", IngestSettings())

    assert rows(mixed) == rows(alone)
    (bad,) = [b for p in mixed for b in p.bad]
    assert bad.line == 4
    assert "secret" not in bad.reason
    assert [r for p in mixed for r in p.raw_bad] == [b'{"secret words']


@pytest.mark.parametrize("adapter", JSON_ADAPTERS, ids=named)
def test_bad_lines_fail_when_told_to(adapter: Adapter, tmp_path: Path) -> None:
    """
    Without a quarantine the first bad line stops the reading, and is named.
    """
    (tmp_path / "log").write_bytes(b"\n".join([*lines_of(adapter), b"bad"]))

    with pytest.raises(LogFormatError, match=f"log:{len(lines_of(adapter)) + 1}: is not JSON"):
        pieces(tmp_path / "log", IngestSettings(on_bad_line="fail"))


@pytest.mark.parametrize("adapter", JSON_ADAPTERS, ids=named)
def test_batches_are_exactly_the_declared_table_and_numbered_without_holes(adapter: Adapter, tmp_path: Path) -> None:
    """
    Schema, nullability and indices hold for every piece, and nothing that must be there is null.
    """
    (tmp_path / "log").write_bytes(b"\n".join(lines_of(adapter)))
    at = 0

    for piece in pieces(tmp_path / "log", IngestSettings()):
        assert piece.exchanges.schema.equals(EXCHANGES.schema, check_metadata=True)
        piece.exchanges.validate(full=True)
        assert all(piece.exchanges[c.name].null_count == 0 for c in EXCHANGES.columns if not c.nullable)
        assert piece.first_index == at
        assert len(piece.bad) == len(piece.raw_bad)
        at += piece.n_rows
    assert at == len(lines_of(adapter))


@pytest.mark.parametrize("adapter", JSON_ADAPTERS, ids=named)
def test_reading_twice_gives_the_same(adapter: Adapter) -> None:
    """
    Same log, same settings, same rows: ids of lines without one included.
    """
    path = GOLDEN / f"{adapter.name}.jsonl"

    assert rows(pieces(path, IngestSettings())) == rows(pieces(path, IngestSettings()))


@pytest.mark.parametrize("adapter", JSON_ADAPTERS, ids=named)
def test_the_mapping_names_canonical_columns_that_the_rows_then_have(adapter: Adapter) -> None:
    """
    The coverage report promises no column that the format cannot fill, and hides none that it fills.
    """
    source = ingest.discover([str(GOLDEN / f"{adapter.name}.jsonl")], IngestSettings())
    told = set(source.files[0].mapping)
    filled = {
        k
        for s in source.splits
        for p in ingest.read(s, IngestSettings())
        for r in p.exchanges.to_pylist()
        for k in r
        if r[k] is not None
    }

    assert told <= set(EXCHANGES.names)
    assert filled <= told


@pytest.mark.parametrize("adapter", ADAPTERS, ids=named)
def test_an_empty_file_is_no_log_of_any_format(adapter: Adapter, tmp_path: Path) -> None:
    """
    It is refused with a sentence, also when the format is forced.
    """
    (tmp_path / "log").write_bytes(b"")

    with pytest.raises(LogFormatError, match="is empty"):
        ingest.discover([str(tmp_path / "log")], IngestSettings(format=adapter.name))


def test_signatures_make_a_round_trip(tmp_path: Path) -> None:
    """
    What `stillwatch sign` wrote is given back, numbered by its place in this input.
    """
    row = {"row": 7, "exchange_id": "x", "account": 5, "seen_at": datetime(2026, 11, 2, tzinfo=UTC), "model": "m", "tokens": [3]}
    table = pa.Table.from_pylist([row | {"exchange_id": f"x{i}"} for i in range(10)], SIGNATURES.schema)
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=4)
    (tmp_path / "signed").write_bytes(sink.getvalue())

    source = ingest.discover([str(tmp_path / "signed")], IngestSettings(split_rows=5))
    read = [p for s in source.splits for p in ingest.read(s, IngestSettings())]

    assert source.tables == {"signatures"}
    signed = pa.Table.from_batches([p.signatures for p in read if p.signatures is not None])
    assert signed["row"].to_pylist() == [(i // 4) << 32 | i % 4 for i in range(10)]
    assert signed.drop(["row"]).equals(table.drop(["row"]))


def test_a_split_is_read_alike_in_another_process_and_after_pickling() -> None:
    """
    A split and the settings are all that a worker needs.
    """
    import pickle

    settings = replace(IngestSettings(), split_rows=4)
    (split,) = ingest.discover([str(GOLDEN / "pairs.jsonl")], settings).splits

    again = pickle.loads(pickle.dumps((split, settings)))

    assert rows(list(ingest.read(*again))) == rows(list(ingest.read(split, settings)))
