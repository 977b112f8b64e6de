"""Bytes that nobody meant as a log, and logs that something has bitten into."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stillwatch import ingest
from stillwatch.errors import LogFormatError
from stillwatch.ingest import ADAPTERS, Piece, Split
from stillwatch.ingest.canonical import CANONICAL
from stillwatch.ingest.conform import from_rows
from stillwatch.records.tables import EXCHANGES
from stillwatch.settings import IngestSettings

GOLDEN = Path(__file__).parent.parent / "golden" / "logs"
JSON_ADAPTERS = [a for a in ADAPTERS if a.table == "exchanges"]
FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)

texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(
    st.sampled_from(
        ["model", "messages", "input", "system", "usage", "choices", "content", "output", "error", "delta", "response", "id"]
    ),
    values,
)
LITELLM_NAMES = ("startTime", "endTime", "metadata", "model_parameters", "error_information", "response", "messages", "id")
PAIR_NAMES = ("ts", "account", "key", "headers", "status")
payloads = st.dictionaries(st.sampled_from([*EXCHANGES.names, *LITELLM_NAMES, *PAIR_NAMES]), values, max_size=12).flatmap(
    lambda plain: st.fixed_dictionaries(
        {}, optional={"request": bodies, "response": bodies | st.lists(bodies, max_size=3), "body": bodies | texts}
    ).map(lambda pair: plain | pair)
)


def read_all(path: Path, name: str) -> list[Piece]:
    split = Split(0, str(path), name, "exchanges", "lines", 0, path.stat().st_size)
    adapter = next(a for a in ADAPTERS if a.name == name)
    return list(adapter.read(split, IngestSettings()))


def check(pieces: list[Piece]) -> None:
    for piece in pieces:
        assert piece.exchanges.schema.equals(EXCHANGES.schema)
        piece.exchanges.validate(full=True)
        assert len(piece.bad) == len(piece.raw_bad)


@pytest.mark.parametrize("name", [a.name for a in JSON_ADAPTERS])
@FILES
@given(data=st.binary(max_size=300))
@example(data=b'{"exchange_id": "\xff\\ud800", "seen_at": 1e400, "account_id": NaN, "model": "m"}')
def test_no_bytes_make_an_adapter_fail(tmp_path: Path, name: str, data: bytes) -> None:
    """
    Whatever stands in a file, an adapter gives rows and bad lines, never an error.
    """
    (tmp_path / "log").write_bytes(data)

    check(read_all(tmp_path / "log", name))


@pytest.mark.parametrize("name", [a.name for a in JSON_ADAPTERS])
@FILES
@given(payload=payloads)
def test_no_json_makes_an_adapter_fail(tmp_path: Path, name: str, payload: Mapping[str, object]) -> None:
    """
    The right names with the wrong values cost cells or the line, and nothing else.
    """
    (tmp_path / "log").write_text(json.dumps(payload), "utf-8", "surrogatepass")

    pieces = read_all(tmp_path / "log", name)

    check(pieces)
    assert sum(p.n_rows + len(p.bad) for p in pieces) == 1


@pytest.mark.parametrize("name", [a.name for a in JSON_ADAPTERS])
@FILES
@given(at=st.integers(0, 200_000), bite=st.binary(min_size=1, max_size=8))
def test_a_bitten_log_loses_only_the_lines_that_were_bitten(tmp_path: Path, name: str, at: int, bite: bytes) -> None:
    """
    Bytes overwritten anywhere touch at most the lines they fall on.
    """
    data = bytearray((GOLDEN / f"{name}.jsonl").read_bytes())
    at %= len(data) - len(bite)
    n_hit = data[at : at + len(bite)].count(b"\n") + 1 + bite.count(b"\n")
    n_lines = data.count(b"\n")
    data[at : at + len(bite)] = bite
    (tmp_path / "log").write_bytes(bytes(data))

    pieces = read_all(tmp_path / "log", name)

    check(pieces)
    assert sum(p.n_rows for p in pieces) >= n_lines - n_hit


@FILES
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"{", b"[", b"PAR1", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]))
def test_discovery_refuses_or_reads_but_never_fails(tmp_path: Path, data: bytes, start: bytes) -> None:
    """
    A file is a log or a `LogFormatError`; no other error comes out.
    """
    (tmp_path / "log").write_bytes(start + data)

    try:
        source = ingest.discover([str(tmp_path / "log")], IngestSettings())
    except LogFormatError:
        return
    check([p for s in source.splits for p in ingest.read(s, IngestSettings())])


plain_rows = st.lists(
    st.fixed_dictionaries(
        {
            "exchange_id": st.text(min_size=1, max_size=5),
            "seen_at": st.integers(0, 2_000_000_000),
            "account_id": st.text(min_size=1, max_size=5),
            "model": st.text(min_size=1, max_size=5),
        },
        optional={
            "prompt": texts,
            "temperature": st.floats(allow_nan=False, allow_infinity=False),
            "max_tokens": st.integers(-(2**31), 2**31 - 1),
            "stream": st.booleans(),
            "tools": st.lists(texts, max_size=3),
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.sampled_from(["user", "system", "assistant"]), "content": texts}), max_size=4
            ),
        },
    ),
    min_size=1,
    max_size=8,
)


@FILES
@given(rows=plain_rows)
def test_the_fast_reader_agrees_with_the_slow_obvious_one(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    """
    Arrow's JSON reader and one dictionary a line give the same table, as does Parquet of the same rows.
    """
    (tmp_path / "log").write_text("\n".join(json.dumps(r) for r in rows))
    slow = from_rows(rows).batch

    (fast,) = read_all(tmp_path / "log", "exchanges")
    names = sorted({name for row in rows for name in row})
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), tmp_path / "log.parquet")
    source = ingest.discover([str(tmp_path / "log.parquet")], IngestSettings())
    (table,) = [p.exchanges for s in source.splits for p in CANONICAL.read(s, IngestSettings())]

    assert fast.exchanges.equals(slow)
    assert table.equals(slow)


@FILES
@given(rows=plain_rows)
def test_the_derived_prompt_is_the_last_user_turn(rows: list[dict[str, object]]) -> None:
    """
    Against a loop over the turns.
    """
    for row in rows:
        row.pop("prompt", None)

    prompts = from_rows(rows).batch["prompt"].to_pylist()

    for row, prompt in zip(rows, prompts, strict=True):
        turns = row.get("messages") or []
        assert isinstance(turns, list)
        users = [t["content"] for t in turns if t["role"] == "user"]
        assert prompt == (users[-1] or None if users else None)


@given(number=st.floats(0, 4e9, allow_nan=False))
def test_seconds_milliseconds_and_microseconds_are_one_time(number: float) -> None:
    """
    The unit is told by the size for every time after 1973.
    """
    whole = math.floor(number) + 200_000_000

    times = [
        from_rows([{"exchange_id": "x", "account_id": "a", "model": "m", "seen_at": whole * f}]).batch["seen_at"][0].as_py()
        for f in (1, 10**3, 10**6)
    ]

    assert times[0] == times[1] == times[2]
