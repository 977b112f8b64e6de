"""The canonical table as JSON lines."""

from pathlib import Path

import orjson
import pytest

from stillwatch.ingest.base import Head, Piece, Split
from stillwatch.ingest.canonical import CANONICAL
from stillwatch.settings import IngestSettings

GOOD: dict[str, object] = {"exchange_id": "x", "seen_at": "2026-11-02T09:00:00Z", "account_id": "a", "model": "m"}


def read(folder: Path, lines: list[bytes], settings: IngestSettings | None = None) -> list[Piece]:
    path = folder / "log.jsonl"
    path.write_bytes(b"\n".join(lines))
    split = Split(0, str(path), "exchanges", "exchanges", "lines", 0, path.stat().st_size)
    return list(CANONICAL.read(split, settings or IngestSettings()))


FULL: dict[str, object] = GOOD | {
    "messages": [{"role": "user", "content": "hé\u0000 👩‍👩‍👧 \u202e"}, {"role": "assistant", "content": "a"}],
    "tools": ["f"],
    "response": "r",
    "temperature": 0.5,
    "n": 1,
    "max_tokens": 3,
    "logprobs": True,
    "stream": False,
    "asn": 64500,
    "account_created_at": "2026-10-01T00:00:00Z",
    "latency_s": 1,
}


@pytest.mark.parametrize("seen_at", ["2026-11-02T09:00:00Z", 1_793_610_000, 1_793_610_000.5])
def test_the_fast_reader_and_the_forgiving_one_agree(tmp_path: Path, seen_at: object) -> None:
    """
    A bad line in a block sends all its lines the slow way, and their rows are the same.
    """
    lines = [orjson.dumps(FULL | {"exchange_id": f"x{i}", "seen_at": seen_at}) for i in range(20)]

    (fast,) = read(tmp_path, lines)
    (slow,) = read(tmp_path, [*lines, b"bad"])

    assert fast.exchanges.equals(slow.exchanges, check_metadata=True)
    assert fast.bad == ()
    assert len(slow.bad) == 1
    assert fast.exchanges["prompt"].to_pylist()[0] == "hé\u0000 👩‍👩‍👧 \u202e"


@pytest.mark.parametrize(
    "odd",
    [
        {"seen_at": 1_793_610_000},
        {"temperature": "0.5"},
        {"n": 2**40},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "t"}]}]},
        {"account_id": 7},
    ],
)
def test_one_odd_value_costs_no_row(tmp_path: Path, odd: dict[str, object]) -> None:
    """
    A type that changes in the middle of the log is read all the same.
    """
    lines = [orjson.dumps(GOOD), orjson.dumps(GOOD | odd), orjson.dumps(GOOD)]

    (piece,) = read(tmp_path, lines)

    assert piece.n_rows == 3
    assert not piece.bad


def test_two_objects_on_one_line_and_one_on_two_are_not_mixed_up(tmp_path: Path) -> None:
    """
    Where lines and objects disagree each line is judged by itself.
    """
    text = orjson.dumps(GOOD)

    (piece,) = read(tmp_path, [text + text, text[:10], text[10:], text])

    assert piece.n_rows == 1
    assert [b.line for b in piece.bad] == [1, 2, 3]


def test_names_are_mapped(tmp_path: Path) -> None:
    """
    `ingest.columns` says what the log calls a column.
    """
    settings = IngestSettings(columns={"account_id": "tenant", "prompt": "question"})
    own = {"exchange_id": "x", "seen_at": 1, "tenant": "t", "model": "m", "question": "q", "account_id": "not this", "more": 1}

    (piece,) = read(tmp_path, [orjson.dumps(own)], settings)

    assert piece.exchanges["account_id"].to_pylist() == ["t"]
    assert piece.exchanges["prompt"].to_pylist() == ["q"]
    assert piece.unknown == {"account_id", "more"}


def test_a_first_line_that_is_no_object_is_no_trouble(tmp_path: Path) -> None:
    """
    The type of times is taken from the first line only if there is one.
    """
    for first in (b"bad", b"[1]", b"3"):
        (piece,) = read(tmp_path, [first, orjson.dumps(GOOD)])
        assert piece.n_rows == 1


def test_detection_asks_for_the_required_columns() -> None:
    """
    Under their own or mapped names, in JSON or in a schema.
    """
    assert CANONICAL.detect(Head("p", 1, "lines", None, (GOOD,)), IngestSettings()) == 1.0
    assert CANONICAL.detect(Head("p", 1, "lines", None, ({"a": 1},)), IngestSettings()) == 0.0
    turns = CANONICAL.mapping(Head("p", 1, "lines", None, ({"messages": 1, "prompt": 2},)), IngestSettings())
    assert turns == {"system_prompt": "messages, first system turn", "messages": "messages", "prompt": "prompt"}
    mapped = IngestSettings(columns={"account_id": "tenant"})
    assert CANONICAL.detect(Head("p", 1, "lines", None, (GOOD,)), mapped) == 0.0
    assert CANONICAL.mapping(Head("p", 1, "lines", None, ({"tenant": 1, "ip": 2},)), mapped) == {
        "account_id": "tenant",
        "ip": "ip",
    }


def test_blank_lines_and_ten_megabytes_on_a_line(tmp_path: Path) -> None:
    """
    Long prompts are read whole, empty lines are passed over.
    """
    long = orjson.dumps(GOOD | {"prompt": "p" * 10_000_000})

    pieces = read(tmp_path, [b"", long, b"  ", orjson.dumps(GOOD), b""])

    assert sum(p.n_rows for p in pieces) == 2
    assert max(len(t or "") for p in pieces for t in p.exchanges["prompt"].to_pylist()) == 10_000_000


def test_one_bad_line_sends_only_its_neighbours_the_slow_way(tmp_path: Path) -> None:
    """
    In a large block the pieces around a bad line are the rows of the log, in order and numbered without holes.
    """
    lines = [orjson.dumps(GOOD | {"exchange_id": f"x{i}", "prompt": "p" * 1_000}) for i in range(3_000)]

    pieces = read(tmp_path, [*lines[:2_000], b"bad", *lines[2_000:]])

    assert len(pieces) > 2
    assert [i for p in pieces for i in p.exchanges["exchange_id"].to_pylist()] == [f"x{i}" for i in range(3_000)]
    assert [b.line for p in pieces for b in p.bad] == [2_001]
    assert [p.first_index for p in pieces] == [sum(q.n_rows for q in pieces[:i]) for i in range(len(pieces))]
