"""What a log holds, before anything is scored."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import ingest
from stillwatch.errors import LogFormatError
from stillwatch.ingest.inspection import Inspection, enough, senses, suggestions
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import IngestSettings

NEEDS = (
    ("persistence", "pool", frozenset({"tokens", "seen_at"})),
    ("payment_collisions", "infrastructure", frozenset({"payment"})),
    ("synchrony", "timing", frozenset({"seen_at"})),
)


def line(number: int, **more: object) -> dict[str, object]:
    row = {"exchange_id": f"x-{number}", "seen_at": 1_793_610_000 + number, "account_id": f"a-{number % 3}", "model": "m"}
    return row | more


def look(
    folder: Path, rows: list[dict[str, object]], *, most: int | None = None, settings: IngestSettings | None = None
) -> Inspection:
    path = folder / "log"
    path.write_bytes(b"\n".join(orjson.dumps(r) for r in rows))
    return ingest.inspect([str(path)], settings or IngestSettings(), most)


def test_counts_are_those_of_the_log(tmp_path: Path) -> None:
    """
    Accounts, models, span and coverage are counted over the rows that were read.
    """
    seen = look(tmp_path, [line(i, prompt=f"p {i}" if i % 2 else None, shoe=1) for i in range(10)])

    assert (seen.tier, seen.n_accounts, seen.n_models, seen.sampled) == ("T2", 3, 1, False)
    assert seen.coverage.share("prompt") == 0.5
    assert seen.coverage.unknown == {"shoe"}
    assert seen.first_seen == datetime.fromtimestamp(1_793_610_000, UTC)
    assert seen.last_seen == datetime.fromtimestamp(1_793_610_009, UTC)
    assert seen.mapping["seen_at"] == "seen_at"


def test_each_kind_of_evidence_says_whether_it_can_speak(tmp_path: Path) -> None:
    """
    The share is that of its scarcest column; what is missing is named as the log would name it.
    """
    seen = look(tmp_path, [line(i, prompt="p" if i < 4 else None) for i in range(10)])

    told = {s.name: s for s in senses(seen, NEEDS)}

    assert told["persistence"].share == 0.4
    assert told["payment_collisions"].lacks == ("payment_id",)
    assert told["synchrony"].share == 1.0


def test_a_signed_table_is_tier_one_and_speaks_for_itself(tmp_path: Path) -> None:
    """
    Signatures have their own columns; no text is asked for.
    """
    row = {"row": 0, "exchange_id": "x", "account": 5, "seen_at": datetime(2026, 11, 2, tzinfo=UTC), "model": "m", "tokens": [1]}
    pq.write_table(pa.Table.from_pylist([row], SIGNATURES.schema), tmp_path / "s.parquet")

    seen = ingest.inspect([str(tmp_path)], IngestSettings())
    told = {s.name: s for s in senses(seen, NEEDS)}

    assert seen.tier == "T1"
    assert told["persistence"].share == 1.0
    assert told["payment_collisions"].lacks == ("payment",)
    assert not any("no text" in s for s in suggestions(seen))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([line(1), line(2)], "There is no text"),
        ([line(3, prompt="p"), line(6, prompt="q")], "All exchanges are of one account"),
        ([line(1, prompt="p"), line(2, prompt="q")], "shared infrastructure cannot be seen"),
        ([line(i, prompt="the same") for i in range(20)], "100% of the prompts are the same text"),
        ([line(1), line(1)], "1 rows repeat an exchange_id"),
        ([line(1), line(2, seen_at=4_000_000_000)], "1 rows are dated more than a day ahead"),
        ([line(1), line(2, n="many")], "left out: n (1)"),
        ([line(1, shoe=1)], "mean nothing to Stillwatch"),
    ],
)
def test_doubts_are_told(tmp_path: Path, rows: list[dict[str, object]], says: str) -> None:
    """
    What would let more be seen, or may be wrong, is one sentence each.
    """
    assert any(says in s for s in suggestions(look(tmp_path, rows)))


def test_mended_rows_are_told(tmp_path: Path) -> None:
    """
    Invalid bytes are not passed over in silence.
    """
    (tmp_path / "log").write_bytes(orjson.dumps(line(1)).replace(b'"m"', b'"m\xff"'))

    assert any("1 rows held invalid text" in s for s in suggestions(ingest.inspect([str(tmp_path / "log")], IngestSettings())))


def test_a_healthy_log_raises_no_doubt(tmp_path: Path) -> None:
    """
    Where nothing is wrong nothing is said.
    """
    assert suggestions(look(tmp_path, [line(i, prompt=f"p{i}", payment_id="c", ip="203.0.113.7") for i in range(10)])) == ()


def test_a_sample_is_spread_over_the_log_and_says_so(tmp_path: Path) -> None:
    """
    Of a long log a part is read from its whole length.
    """
    rows = [line(i, prompt="p" * 2_000) for i in range(4_000)]

    seen = look(tmp_path, rows, most=500, settings=IngestSettings(split_rows=500))

    assert seen.sampled
    assert seen.coverage.n_rows < 4_000
    assert seen.last_seen is not None
    assert seen.last_seen > datetime.fromtimestamp(1_793_610_000 + 2_000, UTC)


def test_bad_lines_are_counted_and_the_first_ones_shown(tmp_path: Path) -> None:
    """
    Five are named, all are counted.
    """
    seen = look(tmp_path, [line(i) for i in range(20)] + [{"a": 1}] * 9)

    assert seen.n_bad == 9
    assert len(seen.bad) == 5


def test_too_few_good_lines_are_no_log(tmp_path: Path) -> None:
    """
    The error gives the numbers, the first bad line and what to change; no line at all is told apart.
    """
    with pytest.raises(LogFormatError, match=r"9 of 10 lines could not be read as 'exchanges'\. The first: .*log:2:"):
        look(tmp_path, [line(0)] + [{"a": 1}] * 9)
    source = ingest.discover([str(tmp_path / "log")], IngestSettings())
    with pytest.raises(LogFormatError, match="holds no exchange"):
        enough(source, 0, 0, IngestSettings())
    enough(source, 1, 9, IngestSettings(min_good_share=0.1))
