"""Bad lines kept aside."""

import stat
from pathlib import Path

import orjson

from stillwatch.ingest import quarantine
from stillwatch.ingest.base import EMPTY, BadLine, Piece


def test_bad_lines_are_gathered_in_order_and_for_their_owner_alone(tmp_path: Path) -> None:
    """
    Parts become one file that others on the machine cannot read.
    """
    bad = Piece(EMPTY, 0, (BadLine("log", 2, "is not JSON"),), (b"raw \xff",))
    for number in (11, 2):
        quarantine.write_part(tmp_path, number, quarantine.lines(bad))

    quarantine.gather(tmp_path, tmp_path / "all")

    lines = [orjson.loads(x) for x in (tmp_path / "all").read_bytes().splitlines()]
    assert lines == [{"path": "log", "line": 2, "reason": "is not JSON", "raw": "raw \ufffd"}] * 2
    assert stat.S_IMODE((tmp_path / "all").stat().st_mode) == 0o600


def test_where_every_line_was_read_there_is_no_file(tmp_path: Path) -> None:
    """
    What an earlier run left is dropped, and nothing is gathered.
    """
    quarantine.write_part(tmp_path, 0, [b"x\n"])
    quarantine.drop(tmp_path)

    quarantine.gather(tmp_path, tmp_path / "all")

    assert not (tmp_path / "all").exists()
