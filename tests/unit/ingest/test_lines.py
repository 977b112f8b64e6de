"""Splits of JSON into pieces."""

import gzip
from pathlib import Path

import orjson
import pytest

from stillwatch.errors import BadLineError, LogFormatError
from stillwatch.ingest.base import Piece, Split
from stillwatch.ingest.lines import Fields, Format, read_lines
from stillwatch.settings import IngestSettings


def line(number: int, **more: object) -> bytes:
    row = {"exchange_id": f"x-{number}", "seen_at": 1_793_610_000 + number, "account_id": "a", "model": "m"}
    return orjson.dumps(row | more)


def convert(fields: dict[str, object]) -> Fields:
    if "trouble" in fields:
        raise BadLineError("is in trouble")
    return fields


FORM = Format(convert, frozenset({"exchange_id", "seen_at", "account_id", "model"}))


def read(folder: Path, data: bytes, begin: int = 0, settings: IngestSettings | None = None, **more: str) -> list[Piece]:
    path = folder / "log"
    path.write_bytes(data)
    split = Split(0, str(path), "test", "exchanges", more.get("container", "lines"), begin, len(data), more.get("compression"))
    return list(read_lines(split, settings or IngestSettings(), FORM))


def test_good_lines_are_kept_and_bad_ones_named(tmp_path: Path) -> None:
    """
    Each bad line is told with its number, a reason, and its bytes for the quarantine file.
    """
    data = b"\n".join([line(1), b"not json", b"", line(2, trouble=1), line(3), orjson.dumps({"model": "m"}), line(4)])

    (piece,) = read(tmp_path, data)

    assert piece.exchanges["exchange_id"].to_pylist() == ["x-1", "x-3", "x-4"]
    assert [(b.line, b.reason) for b in piece.bad] == [
        (2, "is not JSON"),
        (4, "is in trouble"),
        (6, "'exchange_id' is missing"),
    ]
    assert piece.raw_bad[0] == b"not json"
    assert len(piece.raw_bad) == 3
    assert piece.first_index == 0


def test_a_bad_line_has_its_number_in_the_file_not_in_the_split(tmp_path: Path) -> None:
    """
    A split that begins in the middle still names lines as an editor shows them.
    """
    lines = [line(i) for i in range(100)] + [b"bad"]
    data = b"\n".join(lines)

    (piece,) = read(tmp_path, data, begin=data.index(b'"x-50"'))

    assert piece.bad[0].line == 101
    assert piece.exchanges["exchange_id"].to_pylist()[0] == "x-51"


def test_an_array_on_a_line_gives_a_row_each_and_loses_only_its_bad_items(tmp_path: Path) -> None:
    """
    Of a batch on one line the bad item alone is set aside.
    """
    (piece,) = read(tmp_path, b"[" + line(1) + b"," + line(2, trouble=1) + b"]")

    assert piece.n_rows == 1
    assert orjson.loads(piece.raw_bad[0])["exchange_id"] == "x-2"


def test_a_whole_file_may_be_one_document(tmp_path: Path) -> None:
    """
    A pretty-printed array is read as its objects.
    """
    document = orjson.dumps([orjson.loads(line(i)) for i in range(3)], option=orjson.OPT_INDENT_2)

    (piece,) = read(tmp_path, document, container="document")

    assert piece.n_rows == 3


def test_fail_stops_at_the_first_bad_line_and_says_where(tmp_path: Path) -> None:
    """
    Without a quarantine the error names file, line, reason and remedy.
    """
    with pytest.raises(LogFormatError, match=r"log:2: is not JSON\. .*--on-bad-line=quarantine"):
        read(tmp_path, line(1) + b"\nsecret\n", settings=IngestSettings(on_bad_line="fail"))


def test_a_cut_stream_is_told_once_at_its_place(tmp_path: Path) -> None:
    """
    The half line at the cut, or the end after a whole line, is the bad line.
    """
    data = gzip.compress(b"\n".join(line(i) for i in range(5_000)), compresslevel=0)

    pieces = read(tmp_path, data[:-200], compression="gzip")
    bad = [b for p in pieces for b in p.bad]

    assert len(bad) == 1
    assert "cut off or damaged" in bad[0].reason
    assert bad[0].line == sum(p.n_rows for p in pieces) + 1


def test_a_stream_cut_after_a_whole_line_is_told_too(tmp_path: Path) -> None:
    """
    Nothing is half there, and still something is missing.
    """
    whole = gzip.compress(line(1) + b"\n", compresslevel=0)

    (piece,) = read(tmp_path, whole[:-8], compression="gzip")

    assert piece.n_rows == 1
    assert [b.line for b in piece.bad] == [2]


def test_names_that_nobody_reads_are_told_from_a_sample(tmp_path: Path) -> None:
    """
    Unknown columns are named once; those far down are not looked for.
    """
    lines = [line(i, shoe_size=43, **{"x" * 5_000: 1}) for i in range(100)] + [line(100, far_down=1)]

    (piece,) = read(tmp_path, b"\n".join([b"bad", *lines]))

    assert piece.unknown == {"shoe_size", "x" * 100}


def test_mended_text_is_counted(tmp_path: Path) -> None:
    """
    A row whose bytes were no UTF-8 is kept and counted.
    """
    (piece,) = read(tmp_path, line(1) + b"\n" + line(2).replace(b'"m"', b'"\xff"'))

    assert piece.n_mended == 1
    assert piece.exchanges["model"].to_pylist() == ["m", "\ufffd"]


def test_indices_run_on_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Rows of a split are numbered in order, without holes.
    """
    from stillwatch.ingest import files

    monkeypatch.setattr(files, "_CHUNK", 256)
    monkeypatch.setattr(files.blocks, "__defaults__", (512,))

    pieces = read(tmp_path, b"\n".join(line(i) for i in range(50)))

    assert len(pieces) > 3
    at = 0
    for piece in pieces:
        assert piece.first_index == at
        at += piece.n_rows
    assert at == 50
