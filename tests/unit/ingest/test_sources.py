"""Paths into files, formats and splits."""

import gzip
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from stillwatch import ingest
from stillwatch.errors import LogFormatError, SettingsError
from stillwatch.ingest import sources
from stillwatch.settings import IngestSettings

GOOD = {"exchange_id": "x", "seen_at": "2026-11-02T09:00:00Z", "account_id": "a", "model": "m"}
LINE = orjson.dumps(GOOD) + b"\n"
SETTINGS = IngestSettings()


def put(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("data", "container", "compression"),
    [
        (LINE * 3, "lines", None),
        (b"\xef\xbb\xbf" + LINE, "lines", None),
        (gzip.compress(LINE * 3, mtime=0), "lines", "gzip"),
        (zstandard.ZstdCompressor().compress(LINE * 3), "lines", "zstd"),
        (orjson.dumps([GOOD, GOOD], option=orjson.OPT_INDENT_2), "document", None),
        (orjson.dumps(GOOD, option=orjson.OPT_INDENT_2), "document", None),
        (orjson.dumps([GOOD, GOOD]), "lines", None),
        (LINE[:-1] + b" " * 300_000 + b"\n" + LINE, "lines", None),
    ],
)
def test_the_format_is_told_by_content_not_by_name(tmp_path: Path, data: bytes, container: str, compression: str | None) -> None:
    """
    Whatever the file is called, its bytes say what it is.
    """
    source = ingest.discover([put(tmp_path, "log.png", data)], SETTINGS)

    (file,) = source.files
    assert (file.format, file.container, file.compression) == ("exchanges", container, compression)
    assert source.n_rows is None
    assert source.n_bytes == len(data)
    assert sum(p.n_rows for s in source.splits for p in ingest.read(s, SETTINGS)) >= 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n \n", "holds no lines"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "is a picture"),
        (b"\xff\xd8\xff\xe0", "is a picture"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"<html>", "is a web page"),
        (b"<?xml version='1.0'?>", "is XML"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"%PDF-1.7", "is a PDF"),
        (b"SQLite format 3\0", "is an SQLite database"),
        (b"\x7fELF\0\0", "is binary data"),
        (b"name,age,city\nx,1,y\n", "looks like CSV"),
        (b"name\tage\tcity\n", "looks like CSV"),
        (b"just words\n", "is neither Parquet nor JSON"),
        (b"\xff\xfe{\0}\0", "is UTF-16"),
        (b"[1]\n[2]\n", "none of its first 2 lines is a JSON object"),
        (b"{broken\n", "none of its first 1 lines is a JSON object"),
        (b'{"a": 1, "b": 2}\n', "has the columns 'a', 'b', which are of no format"),
        (b"PAR1 and then nonsense", "is cut off"),
    ],
)
def test_what_is_no_log_is_refused_with_a_sentence_that_helps(tmp_path: Path, data: bytes, says: str) -> None:
    """
    The error names the file, what it seems to be, and what to do.
    """
    with pytest.raises(LogFormatError) as caught:
        ingest.discover([put(tmp_path, "file", data)], SETTINGS)

    assert says in str(caught.value)
    assert str(tmp_path / "file") in str(caught.value)


def test_names_of_unknown_columns_are_shown_harmlessly(tmp_path: Path) -> None:
    """
    Control characters in a column's name are made visible.
    """
    with pytest.raises(LogFormatError) as caught:
        ingest.discover([put(tmp_path, "f", orjson.dumps({"\x1b[31m" + str(i): 1 for i in range(20)}))], SETTINGS)

    assert "\x1b" not in str(caught.value)
    assert "…" in str(caught.value)


def test_paths_that_lead_nowhere_are_errors(tmp_path: Path) -> None:
    """
    A missing path, a glob without match, an empty folder, a folder of other things.
    """
    put(tmp_path, "other/readme.md", b"# hello\n")
    (tmp_path / "empty").mkdir()

    for path, says in (
        ("gone", "no such file or folder"),
        ("*.nothing", "a glob must match"),
        ("empty", "holds no files"),
        ("other", "none of its 1 files is a log"),
    ):
        with pytest.raises(LogFormatError, match=says):
            ingest.discover([str(tmp_path / path)], SETTINGS)


def test_folders_and_globs_give_their_files_once_and_in_order(tmp_path: Path) -> None:
    """
    Hidden files and writers' marks are passed over, other files are listed as skipped.
    """
    for name in (
        "d/2/b.jsonl",
        "d/1/a.jsonl",
        "d/.hidden/x.jsonl",
        "d/_temporary/x.jsonl",
        "d/.c.crc",
        "d/_SUCCESS",
        "d/notes.txt",
    ):
        put(tmp_path, name, LINE if name.endswith("jsonl") else b"words\n")

    source = ingest.discover([str(tmp_path / "d"), str(tmp_path / "d" / "*" / "a.jsonl")], SETTINGS)

    assert [Path(f.path).name for f in source.files] == ["a.jsonl", "b.jsonl"]
    assert [s.number for s in source.splits] == [0]
    assert [Path(s.path).name for s in source.skipped] == ["notes.txt"]
    assert source.tables == {"exchanges"}


def test_files_of_different_formats_and_schemas_are_one_input(tmp_path: Path) -> None:
    """
    Parquet with and without optional columns, in other types, and JSON lines unify.
    """
    columns: dict[str, object] = {"exchange_id": ["1"], "account_id": ["a"], "model": ["m"]}
    pq.write_table(pa.table(columns | {"seen_at": [1_793_610_000], "ip": ["203.0.113.7"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table(columns | {"seen_at": ["2026-11-02T09:00:00Z"], "max_tokens": [7]}), tmp_path / "2.parquet")
    put(tmp_path, "3.jsonl", LINE)

    source = ingest.discover([str(tmp_path)], SETTINGS)
    rows = [r for s in source.splits for p in ingest.read(s, SETTINGS) for r in p.exchanges.to_pylist()]

    assert [r["ip"] for r in rows] == ["203.0.113.7", None, None]
    assert [r["max_tokens"] for r in rows] == [None, 7, None]
    assert len({r["seen_at"] for r in rows}) == 1
    assert source.n_rows is None


def test_large_plain_files_are_many_splits_and_nothing_is_lost(tmp_path: Path) -> None:
    """
    Splits of a file cover it without overlap; compressed files are one split.
    """
    lines = b"".join(orjson.dumps(GOOD | {"exchange_id": f"x{i}", "prompt": "p" * 2_000}) + b"\n" for i in range(3_000))
    path = put(tmp_path, "log", lines)
    settings = IngestSettings(split_rows=600)

    source = ingest.discover([path], settings)
    ids = [i for s in source.splits for p in ingest.read(s, settings) for i in p.exchanges["exchange_id"].to_pylist()]

    assert len(source.splits) > 3
    assert ids == [f"x{i}" for i in range(3_000)]
    assert len(ingest.discover([put(tmp_path, "z", gzip.compress(lines, 1))], settings).splits) == 1


def test_the_format_can_be_forced_and_must_be_known(tmp_path: Path) -> None:
    """
    `ingest.format` overrules detection; a wrong name is told with the known ones.
    """
    path = put(tmp_path, "log", b'{"a": 1}\n')

    assert ingest.discover([path], IngestSettings(format="pairs")).files[0].format == "pairs"
    with pytest.raises(SettingsError, match="Known: exchanges, litellm, pairs, signatures"):
        ingest.discover([path], IngestSettings(format="nginx"))


def test_a_cut_table_in_a_folder_is_recovered_and_noted(tmp_path: Path) -> None:
    """
    Whole parts are kept, the cut one gives what it has, and its note says by what it was read.
    """
    columns: dict[str, object] = {"exchange_id": [f"{i}" for i in range(100)], "seen_at": [1_793_610_000] * 100}
    columns |= {"account_id": ["a"] * 100, "model": ["m"] * 100, "response": ["r"] * 100}
    for name in ("a.parquet", "b.parquet"):
        pq.write_table(pa.table(columns), tmp_path / name)
    data = (tmp_path / "b.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(data[:-100])

    source = ingest.discover([str(tmp_path)], SETTINGS)

    assert [f.container for f in source.files] == ["parquet", "cut parquet"]
    assert source.files[1].note is not None
    assert "by the schema of a.parquet" in source.files[1].note
    assert source.n_rows == 200
    assert sum(p.n_rows for s in source.splits for p in ingest.read(s, SETTINGS)) == 200


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """
    Opening a folder as a file, as a lost race would, is a plain error.
    """
    with pytest.raises(LogFormatError, match="cannot be read"):
        sources.look(str(tmp_path))


def test_a_first_line_longer_than_the_head_is_still_seen(tmp_path: Path) -> None:
    """
    A prompt of a megabyte on the first line does not hide the format.
    """
    path = put(tmp_path, "log", orjson.dumps(GOOD | {"prompt": "p" * 1_000_000}) + b"\n" + LINE)

    assert ingest.discover([path], SETTINGS).files[0].format == "exchanges"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (IngestSettings(columns={"acount_id": "tenant"}), "Did you mean 'account_id'"),
        (IngestSettings(columns={"zzz": "tenant"}), "columns of the exchanges table"),
        (IngestSettings(time_format="hours"), "Known: iso, ms, s, us"),
        (IngestSettings(on_bad_line="ignore"), "Known: fail, quarantine"),
        (IngestSettings(split_rows=0), "must be 1 or more"),
        (IngestSettings(min_good_share=1.5), "between 0 and 1"),
    ],
)
def test_settings_that_mean_nothing_are_told_before_anything_is_read(settings: IngestSettings, says: str) -> None:
    """
    A wrong word or column is an error with the right ones in it.
    """
    with pytest.raises(SettingsError, match=says):
        ingest.discover(["anything"], settings)


def test_many_small_files_are_few_splits_and_their_rows_are_numbered_through(tmp_path: Path) -> None:
    """
    A gateway that writes a file a request does not make a unit of work a request.
    """
    for i in range(300):
        put(tmp_path, f"{i:03d}.json", orjson.dumps(GOOD | {"exchange_id": f"x{i}"}, option=orjson.OPT_INDENT_2))
    put(tmp_path, "big.jsonl", LINE + orjson.dumps(GOOD | {"prompt": "p" * 5_000_000}) + b"\n")

    source = ingest.discover([str(tmp_path)], SETTINGS)
    small, big = source.splits
    pieces = list(ingest.read(small, SETTINGS))

    assert (small.number, big.number) == (0, 1)
    assert len(source.files) == 301
    assert [i for p in pieces for i in p.exchanges["exchange_id"].to_pylist()] == [f"x{i}" for i in range(300)]
    assert [p.first_index for p in pieces] == list(range(300))
