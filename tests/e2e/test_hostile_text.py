"""A campaign whose every string tries to break out of the page, the terminal or the sheet that tells of it."""

import csv
import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from tests.commands import CONTROL, Here, Said, assert_clean, assert_sound
from tests.golden import make

HTML = "</script></style></title>--><script>alert(1)</script><img src=x onerror=alert(2)><a href=javascript:alert(3)>'\"`"
TERMINAL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\u202egnp.exe\u2066\u200b[bold red]x[/]{{7*7}}%s"
SHEETS = ('=HYPERLINK("http://evil.example","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", '",=1+1\r\n=2')
EVENTS = {"onerror", "onload", "onclick", "onmouseover", "onfocus"}


class Page(HTMLParser):
    """The tags of a page, its scripts, and the attributes that run something."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.running: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Every tag, and what it would run."""
        self.tags.append(tag)
        self.running += [
            (name, value or "") for name, value in attrs if name in EVENTS or (value or "").lower().startswith("javascript:")
        ]


def hostile_log() -> bytes:
    """The golden log, in which the planted accounts name and say all things hostile."""
    planted = {name: i for i, name in enumerate(make.PLANTED.read_text().split())}
    raw = zstandard.ZstdDecompressor().stream_reader(make.LOG.read_bytes()).read()
    return b"".join(orjson.dumps(_spoiled(orjson.loads(line), planted)) + b"\n" for line in raw.splitlines())


def _spoiled(row: dict[str, Any], planted: dict[str, int]) -> dict[str, Any]:
    at = planted.get(row["account_id"])
    if at is None:
        return row
    named = {c: SHEETS[at % 5] + HTML + TERMINAL + str(row.get(c)) for c in ("account_id", "user_agent", "org_id")}
    return row | named | {"prompt": f"{HTML} {TERMINAL} {SHEETS[0]} {row['prompt']}", "model": row["model"] + HTML + TERMINAL}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hostile log as a file."""
    path = tmp_path_factory.mktemp("hostile") / "log.jsonl"
    path.write_bytes(hostile_log())
    return path


def test_hostile_text_is_told_and_does_nothing(stillwatch: Here, log: Path, tmp_path: Path) -> None:
    """The campaign is found; its page runs nothing, its terminal output drives nothing, its sheet holds no formula."""
    benign = tmp_path / "benign"
    benign.mkdir()
    make.outputs(benign)

    said = stillwatch.scan(log, "--out", tmp_path / "out")

    assert said.code == 3
    assert_sound(said)
    assert_clean(tmp_path / "out")
    (campaign,) = orjson.loads((tmp_path / "out/campaigns.json").read_bytes())["campaigns"]
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert "alert(1)" in page, "the hostile text must get as far as the page, or this test shows nothing"
    _runs_nothing(page, (benign / "results/report.html").read_text("utf-8"))
    _drives_nothing(stillwatch, tmp_path / "out", campaign["campaign_id"])


def _runs_nothing(page: str, benign: str) -> None:
    told, usual = Page(page), Page(benign)
    assert told.running == []
    assert set(told.tags) == set(usual.tags)
    for tag in ("script", "style", "img", "iframe", "link"):
        assert told.tags.count(tag) == usual.tags.count(tag)
    assert not CONTROL.search(page)


def _drives_nothing(stillwatch: Here, folder: Path, campaign_id: str) -> None:
    for name in (campaign_id, _account(folder)):
        for kind in ("table", "json", "ndjson", "csv"):
            said = stillwatch("explain", folder, name, "-o", kind)
            assert said.code == 0
            assert_sound(Said(said.code, said.out.replace("\r\n", "\n"), said.err))
            if kind == "csv":
                _no_formula(said.out)


def _account(folder: Path) -> str:
    import pyarrow.parquet as pq

    return str(pq.read_table(folder / "accounts.parquet")["account_id"][0].as_py())


def _no_formula(sheet: str) -> None:
    cells = [cell for row in csv.reader(io.StringIO(sheet)) for cell in row]
    assert len(cells) > 10
    for cell in cells:
        assert not cell.startswith(("=", "+", "@", "\t", "\r"))
        assert not cell.startswith("-") or float(cell) < 0
