"""The one pass over a log."""

from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from stillwatch import ingest, signatures
from stillwatch.engine import parts
from stillwatch.intake.signing import SIGNED_TABLES, SignSplit
from stillwatch.privacy import Key
from stillwatch.records import tables
from stillwatch.settings import IngestSettings

KEY = Key(b"a key for tests, not a secret...")
EPOCH = signatures.Epoch("2026q4", KEY)
TEXT = "Write one question of chemistry, and answer it step by step in a table of two columns."


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two small files that are read as one split; three days lie across them, and one line is bad."""
    for name, numbers in (("a", range(4)), ("b", range(4, 10))):
        rows = [
            {
                "exchange_id": f"x-{i}",
                "seen_at": f"2026-11-0{1 + i % 3}T10:00:0{i}Z",
                "account_id": f"a-{i % 2}",
                "model": "m",
                "prompt": f"{TEXT} Number {i // 3}.",
            }
            for i in numbers
        ]
        (tmp_path / f"{name}.ndjson").write_bytes(b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in rows))
    with open(tmp_path / "b.ndjson", "ab") as out:
        out.write(b"{]\n")
    return tmp_path


def the_split(log: Path) -> ingest.Split:
    """Both files, numbered 5 and 6."""
    (split,) = ingest.discover([str(log)], IngestSettings()).splits
    return replace(split, number=5, also=tuple(replace(s, number=6) for s in split.also))


def by_id(root: Path, without: str = "row") -> dict[str, dict[str, object]]:
    """Signatures by exchange, but for what the rows are called."""
    rows = parts.read_table(root, tables.SIGNATURES).drop_columns(without).to_pylist()
    return {row["exchange_id"]: row for row in rows}


def test_days_are_parted_and_nothing_else_changes(log: Path, tmp_path: Path) -> None:
    """By day the same signatures are written as in one, a part a day; each file's rows bear a number of their own."""
    split = the_split(log)

    whole = SignSplit(tmp_path / "whole", IngestSettings(), KEY, EPOCH)(split)
    days = SignSplit(tmp_path / "days", IngestSettings(), KEY, EPOCH, "0a")(split)

    assert by_id(tmp_path / "whole") == by_id(tmp_path / "days")
    names = [p.name for p in parts.part_files(tmp_path / "days", tables.SIGNATURES)]
    assert names == [f"part-000005-2026-11-0{i}-0a.parquet" for i in (1, 2, 3)]
    rows = parts.read_table(tmp_path / "days", tables.SIGNATURES).sort_by("exchange_id")["row"].to_pylist()
    assert rows == [(5 << 32) + i for i in range(4)] + [(6 << 32) + i for i in range(6)]
    assert whole.coverage == days.coverage
    assert (whole.n_bad, [f.n_bad for f in days.files]) == (1, [0, 1])
    assert [sorted(f.days) for f in days.files] == [["2026-11-01", "2026-11-02", "2026-11-03"]] * 2
    assert (tmp_path / "days/bad/part-000005-000001-0a.ndjson").exists()


def test_shared_tables_name_the_same_exchanges(log: Path, tmp_path: Path) -> None:
    """Rows in the tables of an exchange with others are those of the signatures, by day as in one."""
    split = the_split(log)
    SignSplit(tmp_path / "whole", IngestSettings(), KEY, EPOCH)(split)
    SignSplit(tmp_path / "days", IngestSettings(), KEY, EPOCH, "0a")(split)

    def told(root: Path) -> set[tuple[bytes, str]]:
        named = dict(
            zip(*(parts.read_table(root, tables.SIGNATURES)[c].to_pylist() for c in ("row", "exchange_id")), strict=True)
        )
        sketches = parts.read_table(root, tables.SHARED_SKETCHES)
        return {(s["sketch"], named[row]) for s in sketches.to_pylist() for row in s["rows"]}

    assert told(tmp_path / "whole")
    assert told(tmp_path / "whole") == told(tmp_path / "days")
    assert {spec.name for spec in SIGNED_TABLES} >= {p.name for p in (tmp_path / "days").iterdir()} - {"bad"}


def test_accounts_are_those_of_the_day(log: Path, tmp_path: Path) -> None:
    """A day's part of `accounts` names those that were seen on it, and no other."""
    split = the_split(log)
    SignSplit(tmp_path, IngestSettings(), KEY, None, "0a")(split)

    for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
        signed, people = (
            parts.read_file(tmp_path / spec.name / f"part-000005-{day}-0a.parquet")["account"].combine_chunks()
            for spec in (tables.SIGNATURES, tables.ACCOUNTS)
        )
        assert set(signed.to_pylist()) == set(people.to_pylist())
    assert isinstance(signed, pa.Array)
