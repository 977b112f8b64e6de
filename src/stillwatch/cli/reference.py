"""`stillwatch reference`: the benign groups that scores are held against."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch import campaigns, pipeline, worlds
from stillwatch.cli import progress
from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import SettingsError
from stillwatch.privacy import Key
from stillwatch.records import tables
from stillwatch.records.campaign import Document
from stillwatch.records.progress import Observer
from stillwatch.settings import Settings
from stillwatch.worlds.grade import LICENSED

# Worlds are made under a key that is no secret: the reference holds weights alone, and anyone must be able to make it again.
_WORLD_KEY = Key(b"stillwatch reference, no secret.")


@click.group("reference")
def command() -> None:
    """Build or learn the benign groups that scores are held against."""


@command.command("build")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Parquet file to write.")
@click.option("--world", "names", multiple=True, required=True, help="Preset or TOML file of a world; may be given again.")
@click.option("--seeds", default="1-10", show_default=True, help="First and last seed.")
@click.option(
    "--corpus", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Real text; else the shipped grammars."
)
@click.option(
    "--half", type=click.Choice(["A", "B"]), help="Only this half of the real text, so that the other can be reported on."
)
@click.option("--append", is_flag=True, help="Add to the file.")
@click.option("--quiet", is_flag=True, help="Print results only.")
def build(
    out: Path, names: tuple[str, ...], seeds: str, corpus: Path | None, half: str | None, append: bool, quiet: bool
) -> None:
    """Build a reference from seeded worlds, as the shipped one was."""
    first, _, last = seeds.partition("-")
    rows = [pq.read_table(out)] if append and out.exists() else []
    with progress.shown(quiet) as observer:
        for name in names:
            world = worlds.load(Path(name)) if name.endswith(".toml") else worlds.preset(name)
            rows += [_of_world(world, seed, corpus, half, observer) for seed in range(int(first), int(last or first) + 1)]
    parts.write_file(out, pa.concat_tables(rows))
    told = pa.concat_tables(rows)
    kinds = told.group_by(["kind"]).aggregate([("group", "count_distinct")]).sort_by("kind").to_pylist()
    for kind in kinds:
        click.echo(f"{kind['kind']:<16}{kind['group_count_distinct']:>8,} groups")


@command.command("learn")
@click.argument(
    "folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Parquet file to write.")
def learn(folders: tuple[Path, ...], out: Path) -> None:
    """
    Learn your own benign groups from results folders that a person has looked through.

    Groups that share a tenth of their accounts with any campaign of their scan are left out. Use it with: scan --reference FILE
    """
    found = [_of_results(folder) for folder in folders]
    shipped = campaigns.chosen(Settings().campaigns).rows
    campaign_rows = shipped.filter(pc.equal(shipped["kind"], "campaign"))
    table = pa.concat_tables([*found, campaign_rows])
    parts.write_file(out, table)
    n = len(set(pa.concat_tables(found)["group"].to_pylist()))
    click.echo(f"{n:,} benign groups of your own in {out}; scan uses them from {Settings().campaigns.own_reference_groups} on")


def _of_world(world: worlds.World, seed: int, corpus: Path | None, half: str | None, observer: Observer) -> pa.Table:
    with tempfile.TemporaryDirectory(prefix="stillwatch-reference-") as scratch:
        built = worlds.build(world, seed, Path(scratch) / "world", corpus, half, observer=observer)
        with DuckDBEngine(Path(scratch) / "store", Settings().engine) as engine:
            pipeline.survey([str(built.log)], engine, Settings(), _WORLD_KEY, observer)
            return campaigns.labelled(
                engine.read(tables.EVIDENCE),
                engine.read(tables.GROUPS),
                engine.read(tables.GROUP_ACCOUNTS, ["group", "account"]),
                _kinds(built.truth, engine.read(tables.ACCOUNTS)),
                _WORLD_KEY.digest("world", f"{world.name} {seed}"),
                Settings().campaigns,
            )


def _kinds(truth: Path, accounts: pa.Table) -> Mapping[int, str]:
    people = pq.read_table(truth / "accounts.parquet").to_pylist()
    told = {p["account_id"]: "campaign" if p["campaign"] or p["kind"] in LICENSED else p["kind"] for p in people}
    return {a: told[i] for a, i in zip(accounts["account"].to_pylist(), accounts["account_id"].to_pylist(), strict=True)}


def _of_results(folder: Path) -> pa.Table:
    path = folder / "campaigns.json"
    if not path.exists():
        raise SettingsError(f"{folder}: is no results folder (no campaigns.json). Name folders that `stillwatch scan` made")
    document = Document.from_json(path.read_bytes(), str(path))
    with DuckDBEngine(folder / pipeline.STORE, Settings().engine) as engine:
        members = engine.read(tables.GROUP_ACCOUNTS, ["group", "account"])
        named = set(engine.read(tables.MEMBERS, ["account"])["account"].to_pylist()) if document.campaigns else set()
        kinds = {a: "campaign" if a in named else "mixed" for a in members["account"].to_pylist()}
        rows = campaigns.labelled(
            engine.read(tables.EVIDENCE), engine.read(tables.GROUPS), members, kinds, 0, Settings().campaigns
        )
        return rows.filter(pc.not_equal(rows["kind"], "campaign"))
