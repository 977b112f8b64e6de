"""`stillwatch share`: rule on a campaign, see what would leave, export, withdraw, send."""

import csv
import importlib
import io
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.cli import output, share_outputs
from stillwatch.errors import LogFormatError, SharingError
from stillwatch.privacy import Key
from stillwatch.records.campaign import Campaign, Document
from stillwatch.records.visible import visible
from stillwatch.sharing.export import contracts, floors, misp, networks, reasons, rulings, tokens
from stillwatch.sharing.export.bundle import Content, Publisher, build
from stillwatch.sharing.export.bundle import withdraw as withdraw_bundle
from stillwatch.sharing.export.floors import Benign
from stillwatch.sharing.export.rulings import DECISIONS, Ruling
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.playbooks import library
from stillwatch.sharing.playbooks.library import Playbook
from stillwatch.sharing.taxii import marking, times
from stillwatch.sharing.taxii.remote import Remote
from stillwatch.sharing.tokens import group
from stillwatch.sharing.tokens.client import Tokenizer, normalise

_FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_NEW = click.Path(path_type=Path, dir_okay=False)
_TLP = click.Choice(marking.NAMES[: marking.RED])
BENIGN_TEXTS = 20_000  # enough to see one hit in ten thousand; each costs 0.3 ms


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Share what lets others find a campaign: no prompt, customer, price or volume."""


command.add_command(share_outputs.blocklist)
command.add_command(share_outputs.from_misp)
command.add_command(share_outputs.ocsf)


@command.command()
@_FOLDER
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.argument("decision", type=click.Choice(DECISIONS))
@click.option("--by", required=True, help="Who decided.")
@click.option("--reason", required=True, help="Why; stays in DIR, never leaves.")
def rule(folder: Path, campaign_id: str, decision: str, by: str, reason: str) -> None:
    """Record a person's decision on a campaign in DIR/rulings.json; only a confirmed one can be exported."""
    try:
        ruling = Ruling(campaign_id, decision, by, reason, rulings.now())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    rulings.rule(folder, _document(folder), ruling)
    output.say(f"{campaign_id} is {decision} by {by}")


@command.command()
@_FOLDER
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.option("--epoch", required=True, help="Name of the epoch, for example 2026q4.")
@click.option("--epoch-key", required=True, type=_FILE, help="The epoch's key, as the exchange's operator gave it to members.")
@click.option(
    "--benign",
    required=True,
    type=_FILE,
    help="Ordinary requests of yours: a log in Parquet (campaigns are left out), or a text file.",
)
@click.option("--producer", required=True, help="Your identity in the collection (x_stillwatch_producer).")
@click.option("--tlp", type=_TLP, default="amber+strict", show_default=True, help="How far it may travel.")
@click.option("--networks", "network_file", type=_FILE, help="CSV with the columns account_id and network.")
@click.option("--tokens", "token_file", type=_FILE, help="CSV with the columns account_id and token, from share tokenise.")
@click.option("--key-file", type=_FILE, help="Your own key, which salts every id; this machine's by default.")
@click.option("--preview", is_flag=True, help="Show every value that would leave and why; write nothing.")
@click.option("--out", type=_NEW, help="Where the bundle goes; stdout by default.")
def export(folder: Path, campaign_id: str, preview: bool, out: Path | None, **given: Any) -> None:
    """
    Make a STIX 2.1 bundle of one confirmed campaign.

    Contracts come from the store in DIR, where it was scanned with [sharing]. What misses a floor (5 accounts, 100 requests, 40
    runs of four words, 100 benign hits in a million) is left out and named.
    """
    campaign = _campaign(folder, campaign_id)
    ruling = rulings.standing(folder).get(campaign_id)
    if ruling is None:
        raise SharingError(f"campaign {campaign_id} is not ruled on. A person decides with: stillwatch share rule")
    bundle = _bundle(folder, campaign, ruling, **given)
    told = reasons.explain(bundle)
    if preview:
        output.table(("object", "property", "value", "why it may leave"), [(r.object_id, r.path, r.value, r.why) for r in told])
        output.say(f"{len(told)} values, {len(orjson.dumps(bundle))} bytes would leave. Nothing was written")
        return
    _write(bundle, out)


@command.command()
@click.argument("bundle_file", metavar="BUNDLE", type=_FILE)
@click.option("--out", type=_NEW, help="Where the bundle goes; stdout by default.")
def withdraw(bundle_file: Path, out: Path | None) -> None:
    """Make new versions, marked revoked, of all that an exported bundle holds of yours; send them as you sent it."""
    _write(withdraw_bundle(_read(bundle_file), datetime.now(UTC)), out)


@command.group()
def playbook() -> None:
    """Graduated responses: bounded, approved, expiring, open to appeal."""


@playbook.command("list")
@click.option("--from", "source", type=_FILE, help="A bundle of peers; else the shipped playbooks.")
@output.output_option("table", "json", "csv")
def playbook_list(source: Path | None, kind: str) -> None:
    """Playbooks, mildest first."""
    rows = [
        (p.name, p.version, p.from_verdict, p.countermeasure, p.approval, p.expires_after_days, p.title)
        for p in _playbooks(source)
    ]
    output.records(kind, ("playbook", "version", "from_verdict", "countermeasure", "approval", "days", "title"), rows)


@playbook.command("show")
@click.argument("names", metavar="PLAYBOOK...", nargs=-1, required=True)
@click.option("--from", "source", type=_FILE, help="A bundle of peers; else the shipped playbooks.")
def playbook_show(names: tuple[str, ...], source: Path | None) -> None:
    """Playbooks as pages of Markdown."""
    for line in "\n".join(library.page(one) for one in _chosen(names, source)).splitlines():
        click.echo(visible(line))  # a peer's playbook may hold anything


@playbook.command("export")
@click.argument("names", metavar="PLAYBOOK...", nargs=-1, required=True)
@click.option("--mine", type=_FILE, help="A TOML file of your own playbooks; else the shipped ones.")
@click.option("--producer", required=True, help="Your identity in the collection (x_stillwatch_producer).")
@click.option("--tlp", type=_TLP, default="amber", show_default=True, help="How far they may travel.")
@click.option("--key-file", type=_FILE, help="Your own key, which salts every id; this machine's by default.")
@click.option("--out", type=_NEW, help="Where the bundle goes; stdout by default.")
def playbook_export(
    names: tuple[str, ...], mine: Path | None, producer: str, tlp: str, key_file: Path | None, out: Path | None
) -> None:
    """Make course-of-action objects of playbooks, to share as any other bundle."""
    own = Key.from_file(key_file) if key_file else Key.of_this_machine()
    publisher = Publisher(producer, own, marking.level_of(tlp))
    _write(library.bundle(_chosen(names, mine), publisher, datetime.now(UTC)), out)


@command.group("psi")
def psi_group() -> None:
    """Ask one other member which of your identifiers it has too, without showing it any."""


@psi_group.command("ask")
@click.argument("identifiers", metavar="CSV", type=_FILE)
@click.option("--keep", required=True, type=_NEW, help="File that opens the answer; stays with you.")
@click.option("--out", required=True, type=_NEW, help="Message to send to the other member.")
def psi_ask(identifiers: Path, keep: Path, out: Path) -> None:
    """Begin: CSV has the columns kind (acct-email, acct-phone, pay-par, device) and value."""
    psi = _psi()
    asked, message = psi.ask(_spelled(identifiers))
    asked.save(keep)
    out.write_bytes(message)
    output.say(f"{len(asked.items)} identifiers asked about in {out}; open the answer with {keep}")


@psi_group.command("answer")
@click.argument("message", metavar="ASK", type=_FILE)
@click.argument("identifiers", metavar="CSV", type=_FILE)
@click.option("--at-most", default=10_000, show_default=True, type=click.IntRange(1), help="Refuse to answer more than this.")
@click.option("--out", required=True, type=_NEW, help="Message to send back.")
def psi_answer(message: Path, identifiers: Path, at_most: int, out: Path) -> None:
    """Answer once: the other learns which of its own items you have too, and how many you have."""
    psi = _psi()
    raw = message.read_bytes()
    out.write_bytes(psi.answer(raw, _spelled(identifiers), at_most))
    output.say(f"{psi.n_asked(raw)} identifiers answered in {out}")


@psi_group.command("open")
@click.argument("message", metavar="ANSWER", type=_FILE)
@click.option("--keep", required=True, type=_FILE, help="The file that share psi ask left.")
def psi_open(message: Path, keep: Path) -> None:
    """Print the identifiers that both have, as CSV."""
    psi = _psi()
    both = psi.reveal(psi.Asked.load(keep), message.read_bytes())
    output.records("csv", ("kind", "value"), [tuple(one.split("|", 2)[1:]) for one in both])
    output.say(f"{len(both)} in common")


@command.command("misp-feed")
@click.argument("bundle_files", metavar="BUNDLE...", nargs=-1, required=True, type=_FILE)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the feed; made if absent."
)
def misp_feed(bundle_files: tuple[Path, ...], out: Path) -> None:
    """Put exported bundles (and withdrawals) into a folder that MISP pulls as a feed of JSON events."""
    for bundle_file in bundle_files:
        name = misp.write(_read(bundle_file), out, times.now_us())
        output.say(f"{out}/{name}.json")


@command.command()
@click.argument("bundle_file", metavar="BUNDLE", type=_FILE)
@click.option("--collection", required=True, help="Address of the collection, https://…/collections/ID/.")
@click.option("--member", required=True, help="Your name at the exchange.")
@click.option("--member-key", required=True, type=_FILE, help="File with your key at the exchange.")
def push(bundle_file: Path, collection: str, member: str, member_key: Path) -> int:
    """Send a bundle to a TAXII 2.1 collection; exit code 1 if anything was refused."""
    objects = _read(bundle_file).get("objects", [])
    taken, refused = Remote(collection, member, member_key.read_text("utf-8").strip()).send(objects)
    output.say(f"{taken} of {len(objects)} objects taken")
    for reason in refused:
        output.say(reason)
    return 1 if refused else 0


@command.command()
@click.option("--collection", required=True, help="Address of the collection, https://…/collections/ID/.")
@click.option("--member", required=True, help="Your name at the exchange.")
@click.option("--member-key", required=True, type=_FILE, help="File with your key at the exchange.")
def producer(collection: str, member: str, member_key: Path) -> None:
    """Print the identity under which you publish in a collection."""
    click.echo(Remote(collection, member, member_key.read_text("utf-8").strip()).producer())


@command.command()
@click.argument("identifiers", metavar="CSV", type=_FILE)
@click.option("--service", required=True, help="Address of the token service, https://…/tokens/.")
@click.option("--member", required=True, help="Your name at the exchange.")
@click.option("--member-key", required=True, type=_FILE, help="File with your key at the exchange.")
@click.option("--epoch", required=True, help="Name of the epoch, for example 2026q4.")
@click.option("--public-key", required=True, help="The epoch's public key in hex, as the exchange's operator publishes it.")
@click.option("--out", type=_NEW, help="Where the table goes; stdout by default.")
def tokenise(
    identifiers: Path, service: str, member: str, member_key: Path, epoch: str, public_key: str, out: Path | None
) -> None:
    """
    Turn identifiers into tokens that can be shared and compared.

    CSV has the columns account_id, kind (acct-email, acct-phone, pay-par, device) and value. The service sees neither
    identifiers nor tokens; its proof is checked against --public-key, so it cannot give you tokens of your own.
    """
    try:
        with identifiers.open(newline="", encoding="utf-8") as lines:
            rows = [(row["account_id"], row["kind"], row["value"]) for row in csv.DictReader(lines)]
        tokenizer = Tokenizer(
            Remote(service, member, member_key.read_text("utf-8").strip()), epoch, bytes.fromhex(public_key), group.best()
        )
        made = tokenizer.tokens([(kind, value) for _, kind, value in rows])
    except KeyError as error:
        raise SharingError(f"{identifiers}: needs the columns account_id, kind and value") from error
    except ValueError as error:
        raise SharingError(f"{identifiers}: {error}") from error
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([("account_id", "token"), *((row[0], token) for row, token in zip(rows, made, strict=True))])
    if out is None:
        click.echo(text.getvalue(), nl=False)
    else:
        out.write_text(text.getvalue(), "utf-8")
        output.say(f"{len(made)} tokens in {out}")


def _psi() -> Any:
    return importlib.import_module("stillwatch.sharing.psi")  # an optional extra


def _spelled(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            return [f"dx1|{row['kind']}|{normalise(row['kind'], row['value'])}" for row in csv.DictReader(lines)]
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise SharingError(f"{path}: needs the columns kind and value") from error
    except ValueError as error:
        raise SharingError(f"{path}: {error}") from error


def _playbooks(source: Path | None) -> list[Playbook]:
    """The shipped playbooks, those of a TOML file, or those of a bundle."""
    if source is None:
        return library.shipped()
    if source.suffix != ".toml":
        return library.from_bundle(_read(source).get("objects", []))
    try:
        return library.parse(tomllib.loads(source.read_text("utf-8")), str(source))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SharingError(f"{source}: is no TOML: {error}") from error


def _chosen(names: Sequence[str], source: Path | None) -> list[Playbook]:
    known = {one.name: one for one in _playbooks(source)}
    missing = [name for name in names if name not in known]
    if missing:
        raise SharingError(f"there is no playbook '{missing[0]}'. Known: {', '.join(known)}")
    return [known[name] for name in names]


def _bundle(
    folder: Path,
    campaign: Campaign,
    ruling: Ruling,
    *,
    epoch: str,
    epoch_key: Path,
    benign: Path,
    producer: str,
    tlp: str,
    network_file: Path | None,
    token_file: Path | None,
    key_file: Path | None,
) -> dict[str, Any]:
    try:
        named = Epoch(epoch, Key.from_file(epoch_key))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        measured = Benign(_texts(benign, folder), named)
    except ValueError as error:
        raise SharingError(f"{benign}: {error}") from error
    own = Key.from_file(key_file) if key_file else Key.of_this_machine()
    templates, left = floors.templates(campaign, named, measured)
    forms, other_forms = contracts.contracts(folder / "store", campaign.campaign_id, named.name)
    left += other_forms
    core = _core(folder, campaign.campaign_id) if network_file or token_file else set()
    kept, others = networks.read(network_file, core) if network_file else ([], [])
    blinded = tokens.read(token_file, core) if token_file else []
    for reason in dict.fromkeys(one.reason for one in left):
        recipes = [one.recipe for one in left if one.reason == reason]
        output.say(
            f"left out: {', '.join(recipes[:3])}{f' and {len(recipes) - 3} more recipes' if len(recipes) > 3 else ''}: {reason}"
        )
    for reason in others:
        output.say(f"left out: {reason}")
    publisher = Publisher(producer, own, marking.level_of(tlp))
    return build(Content(campaign, ruling, templates, kept, named.name, blinded, forms), publisher, datetime.now(UTC))


def _document(folder: Path) -> Document:
    path = folder / "campaigns.json"
    try:
        return Document.from_json(path.read_bytes(), str(path))
    except OSError as error:
        raise LogFormatError(f"{path}: cannot be read ({error.strerror}). DIR is what stillwatch scan --out left") from error


def _campaign(folder: Path, campaign_id: str) -> Campaign:
    campaign = _document(folder).campaign(campaign_id)
    if campaign is None:
        raise SharingError(f"{folder}: there is no campaign '{campaign_id}'. See: campaigns.json")
    return campaign


def _core(folder: Path, campaign_id: str) -> set[str]:
    path = folder / "accounts.parquet"
    try:
        table = pq.read_table(path, columns=["account_id", "campaign_id", "membership"])
    except (OSError, pa.ArrowInvalid) as error:
        raise LogFormatError(f"{path}: cannot be read. DIR is what stillwatch scan --out left") from error
    return {r["account_id"] for r in table.to_pylist() if r["campaign_id"] == campaign_id and r["membership"] == "core"}


def _texts(path: Path, folder: Path) -> Iterator[str]:
    """Up to 20,000 requests of a file, from its start; of a log, none of an account or exchange that a campaign is made of."""
    if path.suffix == ".parquet":
        yield from _benign_rows(path, folder)
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for _, line in zip(range(BENIGN_TEXTS), lines, strict=False):
            yield line


def _benign_rows(path: Path, folder: Path) -> list[str]:
    try:
        names = [name for name in ("prompt", "account_id", "exchange_id") if name in pq.read_schema(path).names]
        table = pq.read_table(path, columns=names)
        for name, results in (("account_id", "accounts.parquet"), ("exchange_id", "exchanges.parquet")):
            if name in names and (folder / results).is_file():
                touched = pq.read_table(folder / results, columns=[name])[name].combine_chunks()
                table = table.filter(pc.invert(pc.is_in(table[name], value_set=touched)))
        return [text for text in table["prompt"].drop_null().slice(0, BENIGN_TEXTS).to_pylist() if text]
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError) as error:
        raise SharingError(f"{path}: is no Parquet file with a column prompt") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        told = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise SharingError(f"{path}: is no JSON") from error
    if not isinstance(told, dict):
        raise SharingError(f"{path}: is no bundle")
    return told


def _write(bundle: dict[str, Any], out: Path | None) -> None:
    raw = orjson.dumps(bundle, option=orjson.OPT_INDENT_2) + b"\n"
    if out is None:
        click.echo(raw, nl=False)
        return
    out.write_bytes(raw)
    output.say(f"{len(bundle['objects'])} objects in {out}")
