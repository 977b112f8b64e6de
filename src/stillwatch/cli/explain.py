"""`stillwatch explain`: one campaign or one account, as a waterfall of bits."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
from rich.text import Text

from stillwatch.cli import output
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import LogFormatError
from stillwatch.pipeline import STORE
from stillwatch.records import fields
from stillwatch.records.campaign import Campaign, Document, EvidenceItem
from stillwatch.records.visible import visible
from stillwatch.report import waterfall, words
from stillwatch.report.account import AccountStory, Belonging, account_story
from stillwatch.settings import EngineSettings

BAR_WIDTH = 30
MOST_RECIPES = 8
MOST_MEMBERS = 10
RESULTS = "campaigns.json"
ACCOUNTS_FILE = "accounts.parquet"
MEMBERSHIPS = ("core", "probable", "touched")
MEMBER_COLUMNS = (
    "account_id",
    "membership",
    "weight_bits",
    "campaign_share",
    "n_exchanges",
    "n_campaign_exchanges",
    "first_seen",
    "last_seen",
)


@click.command("explain")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("name", metavar="ID")
@output.output_option()
def command(folder: Path, name: str, kind: str) -> int:
    """
    Explain one campaign or one account of a results folder.

    DIR is what `stillwatch scan --out` left. ID is a campaign (c-…), an account as the log names it, or its pseudonym
    (16 hex digits). As csv, ndjson or parquet: the accounts of the campaign, or the campaigns of the account, as rows.

    Exit codes: 0, 1 where DIR knows no such ID, 4 where DIR is no results folder.
    """
    document = read_document(folder)
    campaign = document.campaign(name)
    if campaign is not None:
        _tell_campaign(campaign, folder, kind)
        return 0
    story = _story(folder, name)
    if story is None:
        output.say(_unknown(document))
        return 1
    _tell_account(story, document, kind)
    return 0


def _tell_campaign(campaign: Campaign, folder: Path, kind: str) -> None:
    if kind == "table":
        show_campaign(campaign)
        _show_members(members(folder, campaign.campaign_id))
    elif kind == "json":
        output.document(fields.plain(campaign))
    else:
        output.records(kind, MEMBER_COLUMNS, members(folder, campaign.campaign_id))


def _tell_account(story: AccountStory, document: Document, kind: str) -> None:
    if kind == "table":
        show_account(story, document)
    elif kind == "json":
        output.document(asdict(story))
    else:
        columns = [c for c in MEMBER_COLUMNS if c not in ("account_id", "n_exchanges")]
        output.records(
            kind, ("campaign_id", *columns), [tuple(getattr(b, c) for c in ("campaign_id", *columns)) for b in story.belongings]
        )


def read_document(folder: Path) -> Document:
    """
    The `campaigns.json` of a results folder.

    Raises:
        LogFormatError: there is none, or it cannot be read.
    """
    path = folder / RESULTS
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LogFormatError(
            f"{path}: cannot be read ({error.strerror}). Is DIR what `stillwatch scan LOGS... --out DIR` left?"
        ) from error
    return Document.from_json(raw, str(path))


def members(folder: Path, campaign_id: str) -> list[tuple[Any, ...]]:
    """
    The accounts of a campaign, surest first, as rows of MEMBER_COLUMNS.

    Raises:
        LogFormatError: `accounts.parquet` is missing or cannot be read.
    """
    path = folder / ACCOUNTS_FILE
    try:
        table = pq.read_table(path, columns=list(MEMBER_COLUMNS), filters=[("campaign_id", "=", campaign_id)])
    except (OSError, pa.ArrowInvalid) as error:
        raise LogFormatError(f"{path}: missing or not Parquet. Keep the whole results folder") from error
    rows = list(zip(*(table[c].to_pylist() for c in MEMBER_COLUMNS), strict=True))
    return sorted(rows, key=lambda row: (MEMBERSHIPS.index(row[1]), -row[2], row[0]))


def _story(folder: Path, name: str) -> AccountStory | None:
    if not (folder / STORE).is_dir():
        raise LogFormatError(f"{folder / STORE}: missing; an account is explained from it. Keep the whole results folder")
    with DuckDBEngine(folder / STORE, EngineSettings()) as engine:
        return account_story(engine, name)


def _unknown(document: Document) -> str:
    known = ", ".join(c.campaign_id for c in document.campaigns[:8]) or "none"
    more = f" and {len(document.campaigns) - 8} more" if len(document.campaigns) > 8 else ""
    return f"no campaign and no account of that name in this scan. Campaigns: {known}{more}"


def show_campaign(campaign: Campaign) -> None:
    """The campaign on the terminal."""
    console = output.console()
    c = campaign
    console.print(Text.assemble((c.campaign_id, "bold"), f"  {_verdict(c)}: {c.headline}"))
    console.print(
        f"{words.minute(c.first_seen)} to {words.minute(c.last_seen)} UTC, {words.plural(c.n_exchanges, 'exchange')}; "
        f"{c.members.core:,} core, {c.members.probable:,} probable, {c.members.touched:,} touched"
    )
    console.print(
        f"score {words.bits(c.score_bits)} bits ({words.odds(c.score_bits)}), p {words.probability(c.p_value)}, "
        f"q {words.probability(c.q_value)}, judged among: {visible(c.stratum)}"
    )
    if c.entitlement is not None:
        console.print(f"permission of {visible(c.entitlement.holder)}: {visible(c.entitlement.in_words)}")
    console.print("\nWhere the bits come from", style="bold")
    _show_waterfall(campaign)
    if c.alternatives:
        console.print("What else it could be (positive bits speak against it)", style="bold")
        output.table(
            ("explanation", "bits", "what decided it"), [(a.name, words.bits(a.bits), a.in_words) for a in c.alternatives]
        )
    if c.recipes:
        console.print("What they ran", style="bold")
        output.table(
            ("recipe", "share", "accounts", "shape", "wording"),
            [(r.id, words.share(r.share), r.n_accounts, r.shape, r.sketch or "not shown") for r in c.recipes[:MOST_RECIPES]],
        )
    e = c.economics
    console.print("What was taken", style="bold")
    console.print(
        f"{words.tokens(e.completion_tokens)} tokens of answers, {words.tokens(e.reasoning_tokens)} of reasoning; at list price "
        f"{words.dollars(e.list_price_usd) if e.list_price_usd is not None else 'not known'}, to make it otherwise "
        f"{words.dollars(e.remake_cost_usd) if e.remake_cost_usd is not None else 'not estimated'} ({visible(e.basis)})"
    )


def _show_members(rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    shown = f"the surest {MOST_MEMBERS} of {len(rows):,}; all with -o csv" if len(rows) > MOST_MEMBERS else f"all {len(rows):,}"
    output.console().print(f"\nWho ({shown})", style="bold")
    spoken = ("account", "membership", "bits", "share of its traffic", "exchanges", "of the campaign", "first seen", "last seen")
    told = [
        (account, membership, words.bits(weight), words.share(share), *rest)
        for account, membership, weight, share, *rest in rows[:MOST_MEMBERS]
    ]
    output.table(spoken, told)


def _verdict(campaign: Campaign) -> str:
    aside = campaign.entitlement is not None and campaign.entitlement.suppressed
    return f"set aside ({campaign.verdict}, but covered by a permission)" if aside else campaign.verdict


def _show_waterfall(campaign: Campaign) -> None:
    bars = waterfall.bars(campaign)
    low, high = waterfall.extent(bars)
    width = min(BAR_WIDTH, max(output.console().width // 6, 12))
    rows = [(b.label.replace("_", " "), drawn(b, low, high, width), words.bits(b.bits), _says(b)) for b in bars]
    output.table(("evidence", f"{words.bits(low)}…{words.bits(high)}", "bits", "what it says"), rows)


def _says(bar: waterfall.Bar) -> str:
    if bar.item is None:
        return "before any evidence is heard" if bar.kind == "base" else "all that counts, summed"
    silent = f" [not counted: {bar.why_silent.replace('_', ' ')}]" if bar.why_silent else ""
    return f"{bar.item.in_words}{_against(bar.item)}{silent}"


def _against(item: EvidenceItem) -> str:
    if item.statistic is None or item.null is None:
        return ""
    sd = f" ± {words.figure(item.null.sd)}" if item.null.sd is not None else ""
    return f" ({words.figure(item.statistic)}; background {words.figure(item.null.mean)}{sd}; n = {item.n:,})"


def drawn(bar: waterfall.Bar, low: float, high: float, column: int = BAR_WIDTH) -> str:
    """
    A bar in characters: █ counts for, ▒ counts against, · would have added this much but does not count.

    >>> drawn(waterfall.Bar("counted", "x", 5.0, 10.0), 0.0, 10.0)
    '               ███████████████'
    """
    left = round((min(bar.start, bar.end) - low) / (high - low) * column)
    width = max(round(abs(bar.bits) / (high - low) * column), 1 if bar.bits else 0)
    mark = "·" if bar.kind == "silent" else "▒" if bar.bits < 0 else "█"
    return " " * min(left, column - width) + mark * width


def show_account(story: AccountStory, document: Document) -> None:
    """The account on the terminal."""
    console = output.console()
    name = visible(story.account_id, output.MAX_CELL) if story.account_id is not None else "no name in the log"
    console.print(Text.assemble((name, "bold"), f"  pseudonym {story.pseudonym}"))
    console.print(f"{words.plural(story.n_exchanges, 'exchange')} in the window")
    if not story.belongings:
        console.print("In no campaign. Nothing is held against it.")
    for belonging in story.belongings:
        _show_belonging(belonging, document.campaign(belonging.campaign_id))
    n_cover = sum(c.n_exchanges for c in story.cover)
    if story.belongings and n_cover:
        console.print(f"\nLeft out as its own traffic (cover): {words.plural(n_cover, 'exchange')}", style="bold")
        output.table(
            ("model", "exchanges", "of these with some recipe"), [(c.model, c.n_exchanges, c.n_with_recipe) for c in story.cover]
        )


def _show_belonging(belonging: Belonging, campaign: Campaign | None) -> None:
    console = output.console()
    b = belonging
    verdict = f", {_verdict(campaign)}: {campaign.headline}" if campaign is not None else ""
    note = " (never acted on)" if b.membership == "touched" else ""
    console.print(f"\n{b.membership}{note} of {b.campaign_id}{verdict}", style="bold")
    console.print(f"weight {words.bits(b.weight_bits)} bits: {words.odds(b.weight_bits)} as a member than as a stranger")
    console.print(
        f"{words.plural(b.n_campaign_exchanges, 'exchange')} of it ({words.share(b.campaign_share)} of its traffic), "
        f"{words.minute(b.first_seen)} to {words.minute(b.last_seen)} UTC"
    )
    for s in b.shared:
        console.print(
            f"same {s.kind} as {words.plural(s.n_members, 'other account')} of the campaign, and {s.n_others:,} outside it"
        )
    if b.recipes:
        output.table(("recipe", "exchanges"), b.recipes[:MOST_RECIPES])
