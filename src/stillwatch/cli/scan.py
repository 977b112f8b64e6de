"""`stillwatch scan`: logs in, explained campaigns out."""

from pathlib import Path
from typing import Any

import click

from stillwatch import pipeline, report, settings
from stillwatch.cli import indicators, main, output, peers, progress
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.methods.cores import available_cores
from stillwatch.privacy import Key
from stillwatch.records.campaign import Campaign, Document
from stillwatch.report import words
from stillwatch.sharing.hunt.store import StoreHunt

_FAIL_ON = ("watched", "likely", "never")


@click.command("scan")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Results folder; made if absent.")
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    help="A store that scans add to: what is new in LOGS is read into it, and all that it holds is scored.",
)
@click.option("--keep-days", type=click.IntRange(1), help="Days (UTC) that the store keeps, the newest; default: all.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (stillwatch.toml).")
@click.option(
    "--key-file", type=click.Path(path_type=Path, dir_okay=False), help="Key of the pseudonyms; default: this machine's own."
)
@click.option("--entitlements", type=click.Path(path_type=Path, dir_okay=False), help="Registry of licensed distillers (TOML).")
@click.option(
    "--reference",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your own benign groups, from `stillwatch reference learn`.",
)
@click.option("--on-bad-line", type=click.Choice(["quarantine", "fail"]), help="Default: quarantine.")
@click.option(
    "--fail-on", type=click.Choice(_FAIL_ON), default="likely", show_default=True, help="Verdict from which the exit code is 3."
)
@click.option(
    "--indicators", "source", help="Bundle of peers, or address of a TAXII collection: hits are one more kind of evidence."
)
@peers.options
@click.option("--pseudonymous", is_flag=True, help="Write keyed pseudonyms in place of account ids.")
@click.option("--no-frontier", is_flag=True, help="Do not plant campaigns to say which would have been seen; saves seconds.")
@click.option("--resume", is_flag=True, help="Go on after the last finished stage of an interrupted run.")
@click.option("--engine", metavar="NAME", help="duckdb (default), or a Spark master: spark://host:7077, local[2], yarn.")
@click.option("--workers", type=click.IntRange(1), help="Processes; default: the cores this process may use.")
@click.option("--memory-gb", type=click.FloatRange(min=0.5), help="Memory of the engine before it spills to disk; default 4.")
@click.option(
    "-o", "--output", "kind", type=click.Choice(["table", "json"]), default="table", show_default=True, help="What is printed."
)
@click.option("--quiet", is_flag=True, help="Print results only.")
def command(
    logs: tuple[str, ...],
    out: Path,
    store: Path | None,
    keep_days: int | None,
    config: Path | None,
    key_file: Path | None,
    entitlements: Path | None,
    reference: Path | None,
    on_bad_line: str | None,
    fail_on: str,
    source: str | None,
    token_file: Path | None,
    member: str | None,
    member_key: Path | None,
    pseudonymous: bool,
    no_frontier: bool,
    resume: bool,
    engine: str | None,
    workers: int | None,
    memory_gb: float | None,
    kind: str,
    quiet: bool,
) -> int:
    """
    Find the campaigns in LOGS (files, folders or globs of any format that `stillwatch inspect` knows).

    Leaves campaigns.json, accounts.parquet, exchanges.parquet and report.html in the results folder.

    Exit codes: 0 nothing at or above --fail-on, 3 campaigns found, 4 input unreadable, 1 error, 130 interrupted.
    """
    if keep_days and store is None:
        raise click.UsageError("--keep-days is about the days of a store: name it with --store")
    chosen = settings.with_changes(
        settings.load(config),
        ingest={"on_bad_line": on_bad_line},
        campaigns={"entitlements": entitlements, "own_reference": reference, "frontier": False if no_frontier else None},
        engine={"name": engine, "workers": workers, "memory_gb": memory_gb},
        privacy={"key_file": key_file},
    )
    objects = indicators.objects(source, member, member_key, own=False) if source else None
    hunter = _hunter(chosen, objects, peers.tokens(token_file)) if objects is not None else None
    with progress.shown(quiet) as observer:
        outcome = pipeline.scan(
            logs, out, chosen, observer=observer, resume=resume, pseudonymous=pseudonymous, hunter=hunter, store=store,
            keep_days=keep_days,
        )  # fmt: skip
        observer.stage("report", None)
        with DuckDBEngine(out / pipeline.STORE, chosen.engine) as results:
            page = report.write(results, outcome.document, out, account_names=not pseudonymous)
        observer.done()
    if kind == "json":
        output.json_text(outcome.document.to_json())
    else:
        summary(outcome.document, page)
    found = outcome.worst
    return main.EXIT_FOUND if found is not None and fail_on != "never" and _FAIL_ON.index(found) >= _FAIL_ON.index(fail_on) else 0


def _hunter(chosen: settings.Settings, objects: list[Any], tokens: dict[str, list[str]]) -> StoreHunt:
    """Looks for what peers have seen; templates and contracts only where [sharing] names the epoch and its key."""
    epoch = pipeline.epoch_of(chosen)
    wanted = peers.wanted(objects, epoch.name if epoch else "")
    key = Key.from_file(chosen.privacy.key_file) if chosen.privacy.key_file else Key.of_this_machine()
    return StoreHunt(wanted, epoch.name if epoch else "", key, tokens, chosen.engine.workers or available_cores())


def summary(document: Document, page: Path) -> None:
    coverage = document.coverage
    bad = f", {words.plural(coverage.n_bad_lines, 'bad line')} set aside in {coverage.quarantine}" if coverage.n_bad_lines else ""
    exchanges, accounts = words.plural(document.n_exchanges, "exchange"), words.plural(document.n_accounts, "account")
    click.echo(f"{exchanges} of {accounts}, tier {coverage.tier}{bad}")
    if not document.campaigns:
        click.echo("No campaign found. What this log could not have shown is in the report.")
    licensed = any(c.entitlement and c.entitlement.suppressed for c in document.campaigns)
    output.table(
        ("campaign", "verdict", "bits", "p", "accounts", "core", "exchanges", "first seen", *(("licensed",) if licensed else ())),
        [_line(c, licensed) for c in document.campaigns],
    )
    click.echo(f"Report: {page}")


def _line(told: Campaign, licensed: bool) -> tuple[str, ...]:
    holder = told.entitlement.holder if told.entitlement and told.entitlement.suppressed else ""
    return (
        told.campaign_id,
        told.verdict,
        f"{told.score_bits:.1f}",
        f"{told.p_value:.0e}",
        f"{told.n_accounts:,}",
        f"{told.members.core:,}",
        f"{told.n_exchanges:,}",
        f"{told.first_seen:%Y-%m-%d}",
        *((holder,) if licensed else ()),
    )
