"""`stillwatch sign`."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from tests.templated import KEY, fleet

from stillwatch import ingest, signatures
from stillwatch.cli.sign import command
from stillwatch.errors import LogFormatError
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import IngestSettings

SENT = fleet("please grade the following short essay for clarity {} and explain the mark in one line", 60, 12, 1)


def a_log(folder: Path) -> Path:
    """A log of sixty exchanges, and one bad line."""
    path = folder / "log.ndjson"
    rows = [
        {
            "exchange_id": f"req-{i}",
            "account_id": f"customer-{account}@example.org",
            "org_id": "acme-incorporated",
            "seen_at": f"2026-09-01T00:00:{i % 60:02d}Z",
            "model": "m-1",
            "prompt": prompt,
            "system_prompt": "you are a very helpful grader of essays for our customer acme",
        }
        for i, (account, prompt) in enumerate(SENT)
    ]
    path.write_text("\n".join([*map(json.dumps, rows), "{broken"]))
    (folder / "key").write_bytes(KEY.secret)
    return path


def run(folder: Path, out: str, *more: str) -> Result:
    """Sign the log."""
    arguments = [str(a_log(folder)), "--out", str(folder / out), "--key-file", str(folder / "key"), "--workers", "1", *more]
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_no_words_and_no_account_are_in_the_file(tmp_path: Path) -> None:
    """
    No eight characters of any text and no id of an account or organisation occur in its bytes; exchange ids do.
    """
    result = run(tmp_path, "t1.parquet")

    assert result.exit_code == 0
    table = pq.read_table(tmp_path / "t1.parquet")
    pq.write_table(table, tmp_path / "plain.parquet", compression="none", use_dictionary=False)
    raw = (tmp_path / "t1.parquet").read_bytes() + (tmp_path / "plain.parquet").read_bytes()
    for account, prompt in SENT:
        text = f"{prompt} customer-{account}@example.org acme-incorporated you are a very helpful grader of essays"
        grams = {text[i : i + 8].encode() for i in range(len(text) - 7)}
        assert not [gram for gram in grams if gram in raw]
    assert b"req-17" in raw


def test_the_table_is_what_signing_the_log_gives(tmp_path: Path) -> None:
    """
    The file holds the signatures of all good lines, in the log's order, and `ingest` knows it as a signed table.
    """
    run(tmp_path, "t1.parquet")
    source = ingest.discover([str(tmp_path / "log.ndjson")], IngestSettings())
    pieces = [p for split in source.splits for p in ingest.read(split, IngestSettings())]
    expected = [row for p in pieces for row in signatures.sign(p.exchanges, p.first_index, KEY).to_pylist()]

    table = pq.read_table(tmp_path / "t1.parquet")

    assert table.schema.equals(SIGNATURES.schema)
    assert table.schema.metadata[b"stillwatch.table"] == b"signatures"
    assert table.to_pylist() == expected
    assert len(expected) == 60
    assert ingest.discover([str(tmp_path / "t1.parquet")], IngestSettings()).tables == {"signatures"}


def test_a_folder_holds_the_same_rows(tmp_path: Path) -> None:
    """
    Into a folder the parts are written as they are.
    """
    run(tmp_path, "t1.parquet")
    run(tmp_path, "t1", "--quiet")

    assert pq.read_table(tmp_path / "t1" / "signatures").to_pylist() == pq.read_table(tmp_path / "t1.parquet").to_pylist()


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    """
    The closing line counts exchanges and bad lines and names the key; nothing else stays in the folder.
    """
    result = run(tmp_path, "t1.parquet")

    assert f"60 exchanges signed under key {KEY.key_id}, 1 bad lines left out" in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["key", "log.ndjson", "t1.parquet"]


def test_a_signed_table_is_not_signed_again(tmp_path: Path) -> None:
    """
    Signatures of signatures would mean nothing, and the error says what to do.
    """
    run(tmp_path, "t1.parquet")

    with pytest.raises(LogFormatError, match="signed already"):
        CliRunner().invoke(command, [str(tmp_path / "t1.parquet"), "--out", str(tmp_path / "x.parquet")], catch_exceptions=False)
