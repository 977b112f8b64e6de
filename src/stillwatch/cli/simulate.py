"""`stillwatch simulate`: write a seeded, labelled log to try detectors on."""

from dataclasses import fields
from pathlib import Path

import click

from stillwatch.cli import output, progress
from stillwatch.errors import SettingsError
from stillwatch.worlds import FORMATS, PARTS, World, build, load, preset, preset_names, with_dials


@click.command("simulate")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for log/ and truth/.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed and dials give the same bytes.")
@click.option("--preset", "name", default="demo", show_default=True, help="A shipped world, or a TOML file of that form.")
@click.option("--exchanges", type=int, help="Exchanges in total; ordinary traffic absorbs the difference.")
@click.option("--accounts", type=int, help="Accounts in total; ordinary traffic absorbs the difference.")
@click.option("--prevalence", type=float, help="Harvest as a share of all exchanges; ordinary traffic makes up the rest.")
@click.option("--days", type=float, help="Length of the window.")
@click.option(
    "--set",
    "dials",
    multiple=True,
    metavar="PART.DIAL=VALUE",
    help="Turn a dial, as campaign.cover=0.8; PART is a name, a kind or 'campaign'.",
)
@click.option(
    "--corpus", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of real text; else own grammars."
)
@click.option("--corpus-half", type=click.Choice(["A", "B"]), help="Use one half of the corpus; the halves share no text.")
@click.option("--traces", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of client traces.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="parquet", show_default=True, help="Of the log.")
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda c, p, v: _list(c, v),
    help="Print all presets and dials and exit.",
)
@click.option("--quiet", is_flag=True, help="Print results only.")
def command(
    out: Path,
    seed: int,
    name: str,
    exchanges: int | None,
    accounts: int | None,
    prevalence: float | None,
    days: float | None,
    dials: tuple[str, ...],
    corpus: Path | None,
    corpus_half: str | None,
    traces: Path | None,
    form: str,
    quiet: bool,
) -> None:
    """Write a labelled log: DIR/log/part-*, and the truth in DIR/truth."""
    world = load(Path(name)) if name.endswith(".toml") else preset(name)
    world = with_dials(world, _pairs(dials) | ({"world.days": repr(days)} if days is not None else {}))
    if prevalence is not None and (exchanges or accounts):
        raise SettingsError("--prevalence sets the size of the world: leave out --exchanges and --accounts")
    world = world.sized(exchanges, accounts) if prevalence is None else world.diluted(prevalence)
    if corpus_half and not corpus:
        raise SettingsError("--corpus-half needs a --corpus to halve")
    with progress.shown(quiet) as observer:
        report = build(world, seed, out, corpus, corpus_half, traces, form, observer)
    click.echo(
        f"{report.log}: {report.n_exchanges:,} exchanges of {report.n_accounts:,} accounts; "
        f"{report.n_harvested:,} harvested by {len(report.campaigns)} campaigns"
    )


def _list(context: click.Context, wanted: bool) -> None:
    """Shipped worlds, and kinds with their dials and defaults; what they mean is in docs/reference/worlds.md."""
    if wanted:
        worlds = [preset(name) for name in preset_names()]
        sizes = [(w.name, w.accounts, w.exchanges, w.days, *_campaigns(w)) for w in worlds]
        output.table(
            ("preset", "accounts", "exchanges", "days", "of campaigns: accounts", "exchanges", "an account and day"), sizes
        )
        rows = [(kind, f.name, str(f.default)) for kind, part in PARTS.items() for f in fields(part)]  # type: ignore[arg-type]
        output.table(("part", "dial", "default"), rows)
        context.exit()


def _campaigns(world: World) -> tuple[int, int, str]:
    """Accounts and exchanges of all campaigns, cover included, and what an account sends a day; – where there is none."""
    planted = [p for p in world.parts.values() if p.campaign]
    accounts, exchanges = sum(p.accounts for p in planted), sum(p.exchanges for p in planted)
    return accounts, exchanges, f"{exchanges / accounts / world.days:.1f}" if accounts else "–"


def _pairs(dials: tuple[str, ...]) -> dict[str, str]:
    for dial in dials:
        if "=" not in dial:
            raise SettingsError(f"--set {dial}: write it as PART.DIAL=VALUE")
    return {path: value for path, _, value in (d.partition("=") for d in dials)}
