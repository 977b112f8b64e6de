"""`stillwatch inspect`: what a log holds, before anything is scored."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from stillwatch import evidence, ingest, settings
from stillwatch.cli import output
from stillwatch.ingest.inspection import Inspection, Sense, senses, suggestions
from stillwatch.records.tables import EXCHANGES, SIGNATURES
from stillwatch.records.visible import visible

SAMPLE_ROWS = 200_000  # a screenful in seconds, whatever the size of the log
_MOST_FILES = 12


@click.command("inspect")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (stillwatch.toml).")
@click.option("--all", "whole", is_flag=True, help=f"Read every row; else about {SAMPLE_ROWS:,}, spread over the log.")
@click.option(
    "-o", "--output", "kind", type=click.Choice(["table", "json"]), default="table", show_default=True, help="What is printed."
)
def command(logs: tuple[str, ...], config: Path | None, whole: bool, kind: str) -> int:
    """
    Show what LOGS (files, folders or globs) hold: format, coverage of each field, tier, what can and cannot be seen.

    Exit codes: 0, or 4 where the input is no log or too little of it could be read.
    """
    seen = ingest.inspect(list(logs), settings.load(config).ingest, None if whole else SAMPLE_ROWS)
    told = senses(seen, [(d.name, d.family, d.needs) for d in evidence.DETECTORS])
    if kind == "json":
        output.document(_plain(seen, told))
    else:
        _show(Console(), seen, told)
    return 0


def _columns(seen: Inspection) -> list[tuple[str, str, float]]:
    """Canonical column, the log's own name, share of rows that have it."""
    names = SIGNATURES.names if seen.signed else EXCHANGES.names
    return [(c, seen.mapping.get(c, ""), seen.coverage.share(c)) for c in names]


def _plain(seen: Inspection, told: tuple[Sense, ...]) -> dict[str, object]:
    return {
        "schema_version": 1,
        "tier": seen.tier,
        "files": [
            {"path": f.path, "format": f.format, "container": f.container, "compression": f.compression, "bytes": f.size_bytes,
             "rows": f.n_rows, "note": f.note}
            for f in seen.files
        ],
        "skipped": [{"path": s.path, "reason": s.reason} for s in seen.skipped],
        "sampled": seen.sampled,
        "n_rows": seen.coverage.n_rows,
        "n_bad_lines": seen.n_bad,
        "bad_lines": [{"path": b.path, "line": b.line, "reason": b.reason} for b in seen.bad],
        "n_accounts": seen.n_accounts,
        "n_models": seen.n_models,
        "n_doubled_ids": seen.n_doubled,
        "n_future": seen.n_future,
        "n_mended": seen.coverage.n_mended,
        "first_seen": seen.first_seen,
        "last_seen": seen.last_seen,
        "columns": [{"column": c, "own_name": own or None, "share": share} for c, own, share in _columns(seen)],
        "unfit": dict(seen.coverage.unfit),
        "unknown_columns": sorted(seen.coverage.unknown),
        "evidence": [{"detector": s.name, "family": s.family, "share": s.share, "lacks": list(s.lacks)} for s in told],
        "suggestions": list(suggestions(seen)),
    }  # fmt: skip


def _show(console: Console, seen: Inspection, told: tuple[Sense, ...]) -> None:
    _show_files(console, seen)
    _show_counts(console, seen)
    fields = Table("column", "in this log", "has it", title="Coverage", title_justify="left")
    for column, own, share in _columns(seen):
        if own or share:
            fields.add_row(column, visible(own, 60) if own != column else "", _percent(share))
    console.print(fields)
    absent = [c for c, own, share in _columns(seen) if not own and not share]
    if absent:
        _say(console, f"Not in this log: {', '.join(absent)}")
    if seen.coverage.unknown:
        _say(console, f"Left out, meaning unknown: {', '.join(visible(n, 40) for n in sorted(seen.coverage.unknown))}")
    kinds = Table("evidence", "family", "can speak of", title="What can be seen", title_justify="left")
    for sense in told:
        kinds.add_row(
            sense.name, sense.family, _percent(sense.share) if not sense.lacks else f"no: lacks {', '.join(sense.lacks)}"
        )
    console.print(kinds)
    for sentence in suggestions(seen):
        _say(console, f"• {sentence}")


def _show_files(console: Console, seen: Inspection) -> None:
    for file in seen.files[:_MOST_FILES]:
        kind = " ".join(p for p in (file.format, file.container, file.compression) if p)
        rows = f", {file.n_rows:,} rows" if file.n_rows is not None else ""
        _say(console, f"{visible(file.path)}: {kind}, {file.size_bytes / 1e6:,.1f} MB{rows}")
        if file.note:
            _say(console, f"  {file.note}")
    if len(seen.files) > _MOST_FILES:
        _say(console, f"… and {len(seen.files) - _MOST_FILES:,} more files")
    for skipped in seen.skipped[:_MOST_FILES]:
        _say(console, f"left out: {visible(skipped.reason, 300)}")


def _show_counts(console: Console, seen: Inspection) -> None:
    part = "sample of " if seen.sampled else ""
    when = f", {seen.first_seen:%Y-%m-%d %H:%M} to {seen.last_seen:%Y-%m-%d %H:%M} UTC" if seen.first_seen else ""
    tiers = {"T0": "metadata only", "T1": "keyed signatures, no text", "T2": "full text"}
    _say(console, f"{part}{seen.coverage.n_rows:,} exchanges, {seen.n_accounts:,} accounts, {seen.n_models:,} models{when}")
    _say(console, f"Tier {seen.tier}: {tiers[seen.tier]}")
    if seen.n_bad:
        _say(console, f"{seen.n_bad:,} lines could not be read; the first ones:")
    for bad in seen.bad:
        _say(console, f"  {visible(bad.path)}:{bad.line}: {bad.reason}")


def _percent(share: float) -> str:
    return "–" if share == 0 else "<0.1 %" if share < 0.001 else f"{share:.1%}".replace("%", " %")


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
