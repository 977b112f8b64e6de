"""`stillwatch share export` and `share sigma`: what of a campaign leaves, shown first."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.cli import bundles, indicators, output
from stillwatch.cli.bundles import FILE, FOLDER, OUT
from stillwatch.errors import LogFormatError, SharingError
from stillwatch.privacy import Key
from stillwatch.sharing.export import behaviours, contracts, floors, networks, peers, rulings, sigma, tokens
from stillwatch.sharing.export.bundle import Content, build, open_case
from stillwatch.sharing.export.floors import Benign, LeftOut
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.taxii import times

BENIGN_TEXTS = 20_000  # enough to see one hit in ten thousand; each costs 0.3 ms


@click.command()
@FOLDER
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.option("--epoch", required=True, help="Name of the epoch, for example 2026q4.")
@click.option("--epoch-key", required=True, type=FILE, help="The epoch's key, as the exchange's operator gave it to members.")
@click.option(
    "--benign",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="Ordinary requests of yours: a log in Parquet, a file or a folder (campaigns are left out), or a text file.",
)
@bundles.publishing
@click.option("--networks", "network_file", type=FILE, help="CSV with the columns account_id and network.")
@click.option("--tokens", "token_file", type=FILE, help="CSV with account_id and token of all accounts, from share tokenise.")
@click.option("--open-case", "is_open", is_flag=True, help="Share a likely campaign before anyone has ruled on it.")
@click.option("--preview", is_flag=True, help="Show every value that would leave and why; write nothing.")
@OUT
def export(folder: Path, campaign_id: str, is_open: bool, preview: bool, out: Path | None, **given: Any) -> None:
    """
    Make a STIX 2.1 bundle of one confirmed campaign, or an open case.

    Contracts and behaviours (Sigma rules) come from the store in DIR; contracts and settings where it was scanned with
    [sharing]. Benign hits of these, of networks and of tokens are counted in it too. What misses a floor (5 accounts, 100
    requests, 40 runs of four words, 100 benign hits in a million) is left out and named. What the campaign hits of peers'
    indicators becomes sightings. An open case is a grouping without accounts and networks; withdraw it when it is closed.
    """
    if is_open and (given["network_file"] or given["token_file"]):
        raise click.UsageError(
            "an open case carries no networks and no tokens: they point at people. Leave --networks and --tokens"
        )
    ruling = rulings.standing(folder).get(campaign_id)
    if ruling is None and not is_open:
        raise SharingError(f"campaign {campaign_id} is not ruled on. A person decides with: stillwatch share rule")
    content = _content(folder, campaign_id, **{k: v for k, v in given.items() if k != "tlp" and k != "producer"})
    publisher = bundles.publisher(given["producer"], given["tlp"], given["key_file"])
    bundle = (open_case if is_open else build)(content, publisher, datetime.now(UTC))
    if preview:
        bundles.preview(bundle)
    else:
        bundles.write(bundle, out)


@click.command("sigma")
@click.argument("places", metavar="DIR|BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--producer", help="Your identity in the collection (x_stillwatch_producer); for a DIR.")
@bundles.KEY_FILE
@click.option("--preview", is_flag=True, help="Show every line that would be written and why it may leave; write nothing.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the rules, a file each; else stdout.")
def sigma_command(places: tuple[Path, ...], producer: str | None, key_file: Path | None, preview: bool, out: Path | None) -> None:
    """
    Write behaviours as Sigma rules: those of the confirmed campaigns of a DIR, or those of bundles (yours or of peers).

    Each file has a base rule and a count over accounts, on the columns of the table exchanges. The floors are those of share
    export. Expired rules are left out; withdrawn ones are written as deprecated, so that whoever has them sees it.
    """
    own: list[Any] = []
    objects: list[Any] = []
    for place in places:
        if not place.is_dir():
            objects += indicators.bundle(place)["objects"]
            continue
        if producer is None:
            raise click.UsageError("a results folder needs --producer: your identity in the collection, from share producer")
        own += _behaviours(place, producer, key_file)
    if preview:
        bundles.preview({"type": "bundle", "objects": own})
        return
    found = sigma.rules([*own, *objects], times.now_us())
    indicators.tell_left_out(found.left_out)
    if out is None:
        click.echo("---\n".join(found.rules.values()), nl=False)
    else:
        sigma.write(found.rules, out)
    output.say(f"{len(found.rules)} rules{f' in {out}' if out else ''}")


def _behaviours(folder: Path, producer: str, key_file: Path | None) -> list[dict[str, Any]]:
    """Indicators of the behaviours of every confirmed campaign of a results folder."""
    made: list[dict[str, Any]] = []
    publisher, standing = bundles.publisher(producer, "amber+strict", key_file), rulings.standing(folder)
    for campaign in bundles.document(folder).campaigns:
        ruling = standing.get(campaign.campaign_id)
        if ruling is None or ruling.decision != "confirmed":
            output.say(f"left out: {campaign.campaign_id}: not confirmed. A person decides with: stillwatch share rule")
            continue
        kept, left = behaviours.behaviours(folder / "store", campaign.campaign_id)
        _tell(left)
        if kept:
            content = Content(campaign, ruling, (), (), "", behaviours=kept)
            made += [one for one in build(content, publisher, datetime.now(UTC))["objects"] if one["type"] == "indicator"]
    return made


def _content(
    folder: Path,
    campaign_id: str,
    *,
    epoch: str,
    epoch_key: Path,
    benign: Path,
    network_file: Path | None,
    token_file: Path | None,
    key_file: Path | None,
) -> Content:
    """What of a campaign may leave; what may not is told."""
    campaign = bundles.campaign(folder, campaign_id)
    try:
        named = Epoch(epoch, Key.from_file(epoch_key))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        measured = Benign(_texts(benign, folder), named)
    except ValueError as error:
        raise SharingError(f"{benign}: {error}") from error
    own, store = bundles.own_key(key_file), folder / "store"
    templates, left = floors.templates(campaign, named, measured)
    forms, other_forms = contracts.contracts(store, campaign_id, named.name)
    alike, other_alike = behaviours.behaviours(store, campaign_id)
    _tell([*left, *other_forms, *other_alike])
    core = _core(folder, campaign_id) if network_file or token_file else set()
    places, other_places = networks.read(network_file, core, store, own) if network_file else ([], [])
    blinded, other_tokens = tokens.read(token_file, core, store, own) if token_file else ([], [])
    for reason in dict.fromkeys([*other_places, *other_tokens]):
        output.say(f"left out: {reason}")
    ruling = rulings.standing(folder).get(campaign_id)
    seen = peers.seen(store, campaign_id)
    return Content(campaign, ruling, templates, places, named.name, blinded, forms, alike, seen)


def _tell(left: Sequence[LeftOut]) -> None:
    for reason in dict.fromkeys(one.reason for one in left):
        what = list(dict.fromkeys(one.recipe for one in left if one.reason == reason))
        output.say(f"left out: {', '.join(what[:3])}{f' and {len(what) - 3} more' if len(what) > 3 else ''}: {reason}")


def _core(folder: Path, campaign_id: str) -> set[str]:
    path = folder / "accounts.parquet"
    try:
        table = pq.read_table(path, columns=["account_id", "campaign_id", "membership"])
    except (OSError, pa.ArrowInvalid) as error:
        raise LogFormatError(f"{path}: cannot be read. DIR is what stillwatch scan --out left") from error
    return {r["account_id"] for r in table.to_pylist() if r["campaign_id"] == campaign_id and r["membership"] == "core"}


def _texts(path: Path, folder: Path) -> Iterator[str]:
    """Up to 20,000 requests of a file, from its start; of a log, none of an account or exchange that a campaign is made of."""
    if path.suffix == ".parquet" or path.is_dir():
        yield from _benign_rows(path, folder)
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for _, line in zip(range(BENIGN_TEXTS), lines, strict=False):
            yield line


def _benign_rows(path: Path, folder: Path) -> list[str]:
    try:
        known = pq.ParquetDataset(path).schema.names
        names = [name for name in ("prompt", "account_id", "exchange_id") if name in known]
        table = pq.read_table(path, columns=names)
        for name, results in (("account_id", "accounts.parquet"), ("exchange_id", "exchanges.parquet")):
            if name in names and (folder / results).is_file():
                touched = pq.read_table(folder / results, columns=[name])[name].combine_chunks()
                table = table.filter(pc.invert(pc.is_in(table[name], value_set=touched)))
        return [text for text in table["prompt"].drop_null().slice(0, BENIGN_TEXTS).to_pylist() if text]
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError) as error:
        raise SharingError(f"{path}: is no Parquet file with a column prompt") from error
