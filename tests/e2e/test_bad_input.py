"""Every bad log that we could think of: the command line ends with a sensible code and sentence, and leaves no mess."""

import re
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.commands import Here, Said, assert_clean, assert_sound

from stillwatch.records.tables import EXCHANGES

Row = dict[str, Any]
SECRET = ("zanzibar", "quokka", "marmalade")  # words of the prompts of every log here
UTC_WINDOW = re.compile(r"\d{4}-\d\d-\d\dT")


def written(path: Path, rows: list[Row]) -> Path:
    """The rows as JSON lines."""
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def document(folder: Path) -> Row:
    """`campaigns.json`."""
    told: Row = orjson.loads((folder / "campaigns.json").read_bytes())
    return told


def scanned(stillwatch: Here, log: Path, folder: Path, n_exchanges: int, *options: str) -> Said:
    """Scan a log in which nobody harvests; all that must hold for any such log is checked here."""
    said = stillwatch.scan(log, "--out", folder, *options)
    assert_sound(said, SECRET)
    assert said.code == 0, said.err
    assert_clean(folder)
    assert document(folder)["n_exchanges"] == n_exchanges
    assert stillwatch("verify", folder).code == 0
    return said


@pytest.mark.parametrize("content", [b"", b"\n\n", b"   \n"], ids=["no byte", "empty lines", "blanks"])
def test_an_empty_log_is_no_log(stillwatch: Here, tmp_path: Path, content: bytes) -> None:
    """An empty file is told as such with exit code 4, and no folder is left."""
    (tmp_path / "log.jsonl").write_bytes(content)

    said = stillwatch.scan(tmp_path / "log.jsonl", "--out", tmp_path / "out")

    assert_sound(said)
    assert said.code == 4
    assert "log.jsonl" in said.err
    assert not (tmp_path / "out").exists()


def test_an_empty_parquet_table_is_no_log(stillwatch: Here, tmp_path: Path) -> None:
    """A table with all columns and no row has exit code 4."""
    pq.write_table(EXCHANGES.schema.empty_table(), tmp_path / "log.parquet")

    said = stillwatch.scan(tmp_path / "log.parquet", "--out", tmp_path / "out")

    assert_sound(said)
    assert said.code == 4
    assert not list(tmp_path.glob("out/campaigns.json"))


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(2000), b"<html>quokka</html>\n" * 9, b"a;b;c\n1;2;3\n" * 9])
def test_what_is_no_log_is_refused(stillwatch: Here, tmp_path: Path, content: bytes) -> None:
    """A picture, a web page or a sheet has exit code 4 and a sentence."""
    (tmp_path / "log.jsonl").write_bytes(content)

    said = stillwatch.scan(tmp_path / "log.jsonl", "--out", tmp_path / "out")

    assert_sound(said, SECRET)
    assert said.code == 4
    assert not list(tmp_path.glob("out/campaigns.json"))


def test_one_account_alone(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """A log of a single account has no group, hence no campaign."""
    log = written(tmp_path / "log.jsonl", [row | {"account_id": "only"} for row in rows])

    said = scanned(stillwatch, log, tmp_path / "out", 60)

    assert "No campaign found" in said.out
    assert document(tmp_path / "out")["n_accounts"] == 1


def test_one_exchange_alone(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """The smallest log is a log."""
    scanned(stillwatch, written(tmp_path / "log.jsonl", rows[:1]), tmp_path / "out", 1)


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_all_optional_columns_null(stillwatch: Here, tmp_path: Path, rows: list[Row], form: str) -> None:
    """Required columns alone are a log of tier T0; the report says what it could not have shown."""
    required = [c.name for c in EXCHANGES.columns if not c.nullable]
    log = written(tmp_path / "log.jsonl", [{c: row[c] if c in required else None for c in EXCHANGES.names} for row in rows])
    if form == "parquet":
        table = pa.Table.from_pylist([{c: row[c] for c in required if c != "seen_at"} for row in rows])
        table = table.append_column("seen_at", pa.array([1788220800 * 10**6 + i for i in range(60)], pa.timestamp("us", "UTC")))
        log = tmp_path / "log.parquet"
        pq.write_table(pa.Table.from_pylist(table.to_pylist(), EXCHANGES.schema), log)

    scanned(stillwatch, log, tmp_path / "out", 60)

    told = document(tmp_path / "out")
    assert told["coverage"]["tier"] == "T0"
    assert {column["share"] for column in told["coverage"]["columns"]} == {0.0, 1.0}
    assert told["coverage"]["skipped"]


def test_a_prompt_of_ten_megabytes(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """One huge prompt is an exchange like any other, in one line of JSON as in messages."""
    rows[3]["prompt"] = "quokka " * 1_500_000
    rows[4]["prompt"] = "q" * 10_000_000
    rows[5] |= {"prompt": None, "messages": [{"role": "user", "content": "zanzibar\n" * 1_200_000}]}

    scanned(stillwatch, written(tmp_path / "log.jsonl", rows), tmp_path / "out", 60)

    assert document(tmp_path / "out")["coverage"]["n_bad_lines"] == 0
    assert (tmp_path / "out/report.html").stat().st_size < 1_000_000


ODD = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 zanzibar",
    "right to left": "שלום ‮evil‬ مرحبا quokka",
    "zero width": "mar\u200bma\u200dlade\ufeff\u2060",
    "NUL": "zanzi\x00bar",
    "controls": "\x1b[31m\x07\x9b2J quokka \x08",
    "lone surrogate": "\\ud800 zanzibar",
    "not characters": "\ufffe\uffff\U0010ffff",
    "combining": "z" + "\u0300" * 5000,
    "long line": "\u2028\u2029\x85",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_characters_everywhere(stillwatch: Here, tmp_path: Path, rows: list[Row], text: str) -> None:
    """Whatever Unicode holds may stand in any text of a log, and comes back out harmless."""
    columns = ("account_id", "user_agent", "model", "prompt", "system_prompt", "response", "org_id", "session_id")
    odd = dict.fromkeys(columns, text)
    lines = [orjson.dumps(row | (odd if i % 6 == 0 else {})) for i, row in enumerate(rows)]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines).replace(rb"\\ud800", rb"\ud800"))

    scanned(stillwatch, tmp_path / "log.jsonl", tmp_path / "out", 60)

    assert document(tmp_path / "out")["n_accounts"] == 6
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", (tmp_path / "out/report.html").read_text("utf-8"))


def test_invalid_utf_8(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """Bytes that are no UTF-8 spoil at most their own line; the file stays readable."""
    lines = [orjson.dumps(row) for row in rows]
    lines[7] = lines[7].replace(b"zanzibar", b"zanz\xff\xfe\xc0\xafibar")
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines))

    said = stillwatch.scan(tmp_path / "log.jsonl", "--out", tmp_path / "out")

    told = document(tmp_path / "out")
    assert_sound(said, SECRET)
    assert_clean(tmp_path / "out")
    assert said.code == 0
    assert told["n_exchanges"] + told["coverage"]["n_bad_lines"] == 60
    assert told["n_exchanges"] >= 59


TIMES = {
    "seconds": lambda i: 1788220800 + 420 * i,
    "fractions": lambda i: 1788220800.5 + 420 * i,
    "milliseconds": lambda i: 1788220800000 + 420_000 * i,
    "microseconds": lambda i: (1788220800 + 420 * i) * 10**6,
    "offset": lambda i: f"2026-09-01T{5 + i // 10:02d}:{i % 10:02d}:00+05:30",
    "zulu": lambda i: f"2026-09-01T{i // 10:02d}:{i % 10:02d}:00.123456Z",
    "out of order": lambda i: f"2026-09-{1 + i * 37 % 28:02d}T00:00:00Z",
    "all at once": lambda i: "2026-09-01T00:00:00Z",
}


@pytest.mark.parametrize("time", TIMES.values(), ids=TIMES)
def test_times_of_every_kind(stillwatch: Here, tmp_path: Path, rows: list[Row], time: Any) -> None:
    """Whatever the unit, offset or order, the window is where the log's times are."""
    log = written(tmp_path / "log.jsonl", [row | {"seen_at": time(i)} for i, row in enumerate(rows)])

    scanned(stillwatch, log, tmp_path / "out", 60)

    window = document(tmp_path / "out")["window"]
    assert window["start"] < window["end"]
    assert window["start"].startswith(("2026-08-31T23", "2026-09-01T00"))


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59.999999Z", "2199-01-01T00:00:00Z", 4_102_444_800])
def test_a_time_in_the_future_moves_nothing_else(stillwatch: Here, tmp_path: Path, rows: list[Row], time: Any) -> None:
    """A clock that ran ahead spoils its own exchange at most: the rest is scanned, and inspect speaks of it."""
    rows[9]["seen_at"] = time
    log = written(tmp_path / "log.jsonl", rows)

    said = stillwatch.scan(log, "--out", tmp_path / "out")
    seen = stillwatch("inspect", log, "-o", "json")

    told = document(tmp_path / "out")
    assert_sound(said, SECRET)
    assert_clean(tmp_path / "out")
    assert said.code == 0
    assert told["n_exchanges"] + told["coverage"]["n_bad_lines"] == 60
    assert told["n_exchanges"] >= 59
    asked = orjson.loads(seen.out)
    assert asked["n_future"] + asked["n_bad_lines"] == 1


@pytest.mark.parametrize("time", ["yesterday", True, -1, 1e300, [], "0000-00-00T00:00:00Z", "2026-02-30T00:00:00Z"])
def test_a_line_without_a_time_is_set_aside(stillwatch: Here, tmp_path: Path, rows: list[Row], time: Any) -> None:
    """What is no time costs that line and no other; with --on-bad-line=fail the run ends there and names the line."""
    rows[9]["seen_at"] = time
    log = written(tmp_path / "log.jsonl", rows)

    said = scanned(stillwatch, log, tmp_path / "out", 59)
    strict = stillwatch.scan(log, "--out", tmp_path / "strict", "--on-bad-line", "fail")

    (bad,) = [orjson.loads(line) for line in (tmp_path / "out/quarantine.ndjson").read_bytes().splitlines()]
    assert bad["line"] == 10
    assert "1 bad line set aside" in said.out
    assert_sound(strict, SECRET)
    assert strict.code == 4
    assert "log.jsonl:10" in strict.err
    assert not list(tmp_path.glob("strict/campaigns.json"))


def test_duplicate_ids(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """An exchange delivered twice counts once, also across files and with another text."""
    log = tmp_path / "log"
    log.mkdir()
    written(log / "a.jsonl", [*rows, rows[0], rows[0]])
    written(log / "b.jsonl", [rows[1], rows[2] | {"prompt": "another"}])

    scanned(stillwatch, log, tmp_path / "out", 60)

    assert document(tmp_path / "out")["coverage"]["n_duplicates"] == 4


def test_one_id_for_all(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """A log whose ids are all the same is one exchange, and says how many were left out."""
    log = written(tmp_path / "log.jsonl", [row | {"exchange_id": "same"} for row in rows])

    scanned(stillwatch, log, tmp_path / "out", 1)

    assert document(tmp_path / "out")["coverage"]["n_duplicates"] == 59


def test_two_files_with_different_schemas(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """Files of other columns, types and formats are one log."""
    log = tmp_path / "log"
    log.mkdir()
    written(log / "a.jsonl", rows[:20])
    typed = [{**row, "seen_at": 1788220800 + i, "status": "200", "colour": "red"} for i, row in enumerate(rows[20:40])]
    written(log / "b.ndjson", [{k: v for k, v in row.items() if k != "user_agent"} for row in typed])
    table = pa.Table.from_pylist([{**row, "latency_s": "0.5", "asn": 64500.0} for row in rows[40:]])
    pq.write_table(table, log / "c.parquet")

    scanned(stillwatch, log, tmp_path / "out", 60)

    told = document(tmp_path / "out")["coverage"]
    assert told["n_files"] == 3
    assert told["unknown_columns"] == ["colour"]


def test_every_request_identical(stillwatch: Here, tmp_path: Path, rows: list[Row]) -> None:
    """Sixty accounts that all send one and the same request, at one time, are no campaign: nothing is dealt out."""
    same = [rows[0] | {"exchange_id": f"x{i}", "account_id": f"a{i % 60}"} for i in range(1200)]

    scanned(stillwatch, written(tmp_path / "log.jsonl", same), tmp_path / "out", 1200)

    assert document(tmp_path / "out")["n_accounts"] == 60


def test_a_missing_log(stillwatch: Here, tmp_path: Path) -> None:
    """A path that is not there is named, with exit code 4."""
    said = stillwatch.scan(tmp_path / "none.jsonl", "--out", tmp_path / "out")

    assert_sound(said)
    assert said.code == 4
    assert "none.jsonl" in said.err
    assert not (tmp_path / "out").exists()
