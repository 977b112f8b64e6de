"""`stillwatch label`: take analysts' rulings, and show what they would teach before anything is taught."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson

from stillwatch import campaigns, pipeline
from stillwatch.campaigns import Decisions, Moved, Taught
from stillwatch.cli import output
from stillwatch.cli.explain import read_document
from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import LogFormatError, SettingsError
from stillwatch.privacy import digest, pseudonym
from stillwatch.records.campaign import Document
from stillwatch.report import words
from stillwatch.settings import EngineSettings
from stillwatch.sharing.export import rulings
from stillwatch.sharing.export.rulings import AccountRuling, Ruling

COLUMNS = ("campaign_id", "account", "ruling", "by", "when", "note")
_TABLE = ("campaign_id", "ruling", "before", "after", "bits_before", "bits_after", "p_before", "p_after", "q_before", "q_after")


@click.command("label")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--apply", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write the new reference to this file.")
@output.output_option("table", "json", "csv")
def command(folder: Path, file: Path, out: Path | None, kind: str) -> None:
    """
    Store analysts' rulings with a results folder, and show what they would teach.

    FILE is CSV with a header, or a JSON list of objects: campaign_id or account (as in the log, or its pseudonym), ruling
    (confirmed or cleared), by, when (ISO 8601, UTC where no offset is given), note. Either all rows are stored, in
    DIR/rulings.json, or none.

    Printed is every campaign's verdict, bits, p and q under the reference of the scan and under the one that the rulings make:
    cleared groups join it as benign, confirmed ones as campaigns, and the families' factors are fitted again from 20 rulings
    of each kind on. Nothing changes until --apply FILE writes that reference, and a scan uses it with --reference FILE.
    """
    document = read_document(folder)
    root = folder / pipeline.STORE
    if not root.is_dir():
        raise LogFormatError(f"{root}: missing; rulings are weighed on it. Keep the whole results folder")
    with DuckDBEngine(root, EngineSettings()) as engine:
        given = tuple(_read(file, document, engine))
        on_campaigns = [r for r in given if isinstance(r, Ruling)]
        n = rulings.add(folder, document, on_campaigns, [r for r in given if isinstance(r, AccountRuling)])
        kept, known = pipeline.kept(root)
        settings = kept.campaigns
        decisions = _decisions(folder)
        taught = campaigns.taught(engine, settings, known, decisions)
        moved = campaigns.moved(engine, settings, known, taught.known)
    output.records(kind, _TABLE, [_row(m, decisions) for m in moved])
    output.say(f"{words.plural(n, 'new ruling')} in {folder / rulings.FILE}")
    _tell(taught, moved)
    if out is None:
        output.say("Nothing is applied. To write the new reference: --apply FILE, and then: stillwatch scan --reference FILE")
    else:
        campaigns.save_reference(taught.known, out)
        output.say(f"{taught.known.n_benign:,} benign groups in {out}; use it with: stillwatch scan --reference {out}")


def _read(file: Path, document: Document, engine: Engine) -> Iterator[Ruling | AccountRuling]:
    accounts = _accounts(engine)
    for place, row in _rows(file):
        try:
            yield _given(row, document, accounts)
        except ValueError as error:
            raise SettingsError(f"{file}:{place}: {error}. No ruling was stored") from error


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line (CSV) or place in the list (JSON), and the row; empty cells are left out."""
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
        listed = orjson.loads(text) if text.lstrip().startswith("[") else None
        told = list(enumerate(listed, 1)) if listed is not None else list(enumerate(csv.DictReader(io.StringIO(text)), 2))
    except (UnicodeDecodeError, orjson.JSONDecodeError, csv.Error) as error:
        raise SettingsError(f"{file}: neither CSV in UTF-8 nor a JSON list") from error
    for place, row in told:
        if not isinstance(row, dict) or not all(isinstance(v, str | None) for v in row.values()):
            raise SettingsError(f"{file}:{place}: is no row of the columns {', '.join(COLUMNS)}. No ruling was stored")
        yield place, {name.strip(): value.strip() for name, value in row.items() if value and value.strip()}


def _given(row: Mapping[str, str], document: Document, accounts: Mapping[str, int]) -> Ruling | AccountRuling:
    unknown = sorted(set(row) - set(COLUMNS))
    if unknown:
        raise ValueError(f"unknown column '{unknown[0]}'. Known: {', '.join(COLUMNS)}")
    if ("campaign_id" in row) == ("account" in row):
        raise ValueError("a ruling is on a campaign_id or on an account, one of the two")
    told = (row.get("ruling", ""), row.get("by", ""), row.get("note", ""), _utc(row.get("when", "")))
    if "account" in row:
        if row["account"] not in accounts:
            raise ValueError("no account of that name in this scan")
        return AccountRuling(pseudonym(accounts[row["account"]]), *told)
    if document.campaign(row["campaign_id"]) is None:
        raise ValueError("no campaign of that id in this scan; campaigns.json names them")
    return Ruling(row["campaign_id"], *told)


def _utc(when: str) -> str:
    """An ISO 8601 time as a ruling writes it."""
    try:
        told = datetime.fromisoformat(when)
    except ValueError as error:
        raise ValueError("when is an ISO 8601 time, as 2026-11-24T03:00:00Z") from error
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _accounts(engine: Engine) -> dict[str, int]:
    """Name in the log, and pseudonym, of every account -> its digest."""
    rows = engine.query("SELECT DISTINCT account, account_id FROM accounts ORDER BY account")
    digests = rows["account"].to_pylist()
    named = dict(zip(rows["account_id"].to_pylist(), digests, strict=True))
    return {pseudonym(a): a for a in digests} | named


def _decisions(folder: Path) -> Decisions:
    """All standing rulings of the folder, older ones too."""
    return Decisions(
        {r.campaign_id: r.decision == "confirmed" for r in rulings.standing(folder).values()},
        {digest(r.account): r.decision == "confirmed" for r in rulings.standing_accounts(folder).values()},
    )


def _row(moved: Moved, decisions: Decisions) -> tuple[object, ...]:
    ruled = {True: "confirmed", False: "cleared", None: None}[decisions.campaigns.get(moved.campaign_id)]
    before, after = moved.before, moved.after
    bits = (round(before.score_bits, 2), round(after.score_bits, 2))
    errors = tuple(float(f"{x:.3g}") for x in (before.p_value, after.p_value, before.q_value, after.q_value))
    return (moved.campaign_id, ruled, before.verdict or "not watched", after.verdict or "not watched", *bits, *errors)


def _tell(taught: Taught, moved: Sequence[Moved]) -> None:
    output.say(
        f"{words.plural(taught.n_cleared, 'cleared group')} would join the reference as benign, "
        f"{words.plural(taught.n_confirmed, 'confirmed group')} as campaigns; "
        f"{words.plural(taught.n_left_out, 'benign group')} would leave it"
    )
    output.say(f"Fusion: {taught.fusion}")
    n_moves = sum(m.moves for m in moved)
    output.say(f"{words.plural(n_moves, 'verdict')} of {len(moved)} would move")
