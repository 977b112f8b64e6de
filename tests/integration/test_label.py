"""Rulings on a real scan: stored, shown, and applied only when asked."""

import csv
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from tests.commands import Here

from stillwatch import worlds
from stillwatch.records.campaign import Document
from stillwatch.sharing.export import rulings
from stillwatch.worlds.shapes.hydra import Hydra

WHEN = {"ruling": "cleared", "by": "ada", "when": "2026-11-24T03:00:00Z", "note": "a licensed customer"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Here:
    """The command line, in this process."""
    return Here(capsys, tmp_path / "key")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The look-alikes of the small world and a campaign of sixty accounts."""
    small = worlds.preset("small")
    parts = {name: part for name, part in small.parts.items() if not part.campaign}
    fleet = Hydra(accounts=60, exchanges=2400, days=6.0, cover=0.5, infra_reuse=0.6)
    return worlds.build(replace(small, parts={**parts, "hydra": fleet}), 11, tmp_path / "world").log


def table(path: Path, *rows: dict[str, str]) -> Path:
    """A CSV of rulings."""
    with path.open("w", newline="") as out:
        sheet = csv.DictWriter(out, sorted({name for row in rows for name in row}))
        sheet.writeheader()
        sheet.writerows(rows)
    return path


def test_rulings_are_stored_and_shown_and_taught_when_asked(run: Here, log: Path, tmp_path: Path) -> None:
    """A cleared campaign is stored, its before and after are printed, and only --apply writes a reference, which scans use."""
    folder = tmp_path / "results"
    run.scan(log, "--out", folder, "--quiet")
    document = Document.from_json((folder / "campaigns.json").read_bytes())
    name = document.campaigns[0].campaign_id
    member = pq.read_table(folder / "accounts.parquet")["account_id"][0].as_py()
    on_account = {**WHEN, "account": member, "ruling": "confirmed"}
    file = table(tmp_path / "rulings.csv", {**WHEN, "campaign_id": name}, on_account)
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}

    shown = run("label", folder, file, "-o", "json")
    applied = run("label", folder, file, "--apply", tmp_path / "own.parquet", "-o", "json")

    assert (shown.code, applied.code) == (0, 0)
    assert "Nothing is applied" in shown.err
    assert "2 new rulings" in shown.err
    assert "0 new rulings" in applied.err
    assert rulings.standing(folder)[name].decision == "cleared"
    assert member not in (folder / rulings.FILE).read_text()
    assert len(rulings.read_accounts(folder)) == 1
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != rulings.FILE} == before
    row = next(r for r in orjson.loads(applied.out) if r["campaign_id"] == name)
    assert (row["before"], row["ruling"]) == (document.campaigns[0].verdict, "cleared")
    assert (row["bits_before"], row["bits_after"]) == (pytest.approx(document.campaigns[0].score_bits, abs=0.01),) * 2
    assert row["p_after"] >= row["p_before"] == pytest.approx(document.campaigns[0].p_value, rel=0.01)

    again = tmp_path / "again"
    run.scan(log, "--out", again, "--quiet", "--reference", tmp_path / "own.parquet")

    told = {c.campaign_id: c for c in Document.from_json((again / "campaigns.json").read_bytes()).campaigns}
    assert (told[name].verdict if name in told else "not watched") == row["after"]
    assert run("verify", again).code == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ruling": "guilty"}, "a ruling is confirmed or cleared"),
        ({"when": "yesterday"}, "when is an ISO 8601 time"),
        ({"by": ""}, "names who decided and why"),
        ({"campaign_id": "c-000000000000"}, "no campaign of that id"),
        ({"account": "nobody"}, "one of the two"),
        ({"campaign_id": "", "account": "nobody"}, "no account of that name"),
        ({"verdict": "x"}, "unknown column 'verdict'"),
    ],
)
def test_one_bad_row_stores_nothing(run: Here, log: Path, tmp_path: Path, change: dict[str, str], told: str) -> None:
    """A file is taken whole or not at all, and the fault is told with its line."""
    folder = tmp_path / "results"
    run.scan(log, "--out", folder, "--quiet")
    name = Document.from_json((folder / "campaigns.json").read_bytes()).campaigns[0].campaign_id
    good = {**WHEN, "campaign_id": name}

    said = run("label", folder, table(tmp_path / "rulings.csv", good, {**good, **change}))

    assert said.code == 1
    assert told in said.err
    assert "rulings.csv:3" in said.err
    assert not (folder / rulings.FILE).exists()
