"""`stillwatch share`: rule on a campaign, see what would leave, export, withdraw, send."""

import csv
import importlib
import io
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stillwatch.cli import bundles, output, share_export, share_opinion, share_outputs
from stillwatch.cli.bundles import FILE, FOLDER, NEW, OUT, TLP
from stillwatch.errors import SharingError
from stillwatch.records.visible import visible
from stillwatch.sharing.export import misp, rulings
from stillwatch.sharing.export.bundle import withdraw as withdraw_bundle
from stillwatch.sharing.export.rulings import DECISIONS, Ruling
from stillwatch.sharing.playbooks import library
from stillwatch.sharing.playbooks.library import Playbook
from stillwatch.sharing.taxii import times
from stillwatch.sharing.taxii.remote import Remote
from stillwatch.sharing.tokens import group
from stillwatch.sharing.tokens.client import Tokenizer, normalise


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Share what lets others find a campaign: no prompt, customer, price or volume."""


command.add_command(share_export.export)
command.add_command(share_export.sigma_command)
command.add_command(share_opinion.opinion)
command.add_command(share_outputs.blocklist)
command.add_command(share_outputs.from_misp)
command.add_command(share_outputs.ocsf)


@command.command()
@FOLDER
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
    rulings.rule(folder, bundles.document(folder), ruling)
    output.say(f"{campaign_id} is {decision} by {by}")


@command.command()
@click.argument("bundle_file", metavar="BUNDLE", type=FILE)
@OUT
def withdraw(bundle_file: Path, out: Path | None) -> None:
    """Make new versions, marked revoked, of all that an exported bundle holds of yours; send them as you sent it."""
    bundles.write(withdraw_bundle(bundles.read(bundle_file), datetime.now(UTC)), out)


@command.group()
def playbook() -> None:
    """Graduated responses: bounded, approved, expiring, open to appeal."""


@playbook.command("list")
@click.option("--from", "source", type=FILE, help="A bundle of peers; else the shipped playbooks.")
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
@click.option("--from", "source", type=FILE, help="A bundle of peers; else the shipped playbooks.")
def playbook_show(names: tuple[str, ...], source: Path | None) -> None:
    """Playbooks as pages of Markdown."""
    for line in "\n".join(library.page(one) for one in _chosen(names, source)).splitlines():
        click.echo(visible(line))  # a peer's playbook may hold anything


@playbook.command("export")
@click.argument("names", metavar="PLAYBOOK...", nargs=-1, required=True)
@click.option("--mine", type=FILE, help="A TOML file of your own playbooks; else the shipped ones.")
@click.option("--producer", required=True, help="Your identity in the collection (x_stillwatch_producer).")
@click.option("--tlp", type=TLP, default="amber", show_default=True, help="How far they may travel.")
@bundles.KEY_FILE
@OUT
def playbook_export(
    names: tuple[str, ...], mine: Path | None, producer: str, tlp: str, key_file: Path | None, out: Path | None
) -> None:
    """Make course-of-action objects of playbooks, to share as any other bundle."""
    publisher = bundles.publisher(producer, tlp, key_file)
    bundles.write(library.bundle(_chosen(names, mine), publisher, datetime.now(UTC)), out)


@command.group("psi")
def psi_group() -> None:
    """Ask one other member which of your identifiers it has too, without showing it any."""


@psi_group.command("ask")
@click.argument("identifiers", metavar="CSV", type=FILE)
@click.option("--keep", required=True, type=NEW, help="File that opens the answer; stays with you.")
@click.option("--out", required=True, type=NEW, help="Message to send to the other member.")
def psi_ask(identifiers: Path, keep: Path, out: Path) -> None:
    """Begin: CSV has the columns kind (acct-email, acct-phone, pay-par, device) and value."""
    psi = _psi()
    asked, message = psi.ask(_spelled(identifiers))
    asked.save(keep)
    out.write_bytes(message)
    output.say(f"{len(asked.items)} identifiers asked about in {out}; open the answer with {keep}")


@psi_group.command("answer")
@click.argument("message", metavar="ASK", type=FILE)
@click.argument("identifiers", metavar="CSV", type=FILE)
@click.option("--at-most", default=10_000, show_default=True, type=click.IntRange(1), help="Refuse to answer more than this.")
@click.option("--out", required=True, type=NEW, help="Message to send back.")
def psi_answer(message: Path, identifiers: Path, at_most: int, out: Path) -> None:
    """Answer once: the other learns which of its own items you have too, and how many you have."""
    psi = _psi()
    raw = message.read_bytes()
    out.write_bytes(psi.answer(raw, _spelled(identifiers), at_most))
    output.say(f"{psi.n_asked(raw)} identifiers answered in {out}")


@psi_group.command("open")
@click.argument("message", metavar="ANSWER", type=FILE)
@click.option("--keep", required=True, type=FILE, help="The file that share psi ask left.")
def psi_open(message: Path, keep: Path) -> None:
    """Print the identifiers that both have, as CSV."""
    psi = _psi()
    both = psi.reveal(psi.Asked.load(keep), message.read_bytes())
    output.records("csv", ("kind", "value"), [tuple(one.split("|", 2)[1:]) for one in both])
    output.say(f"{len(both)} in common")


@command.command("misp-feed")
@click.argument("bundle_files", metavar="BUNDLE...", nargs=-1, required=True, type=FILE)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the feed; made if absent."
)
def misp_feed(bundle_files: tuple[Path, ...], out: Path) -> None:
    """Put exported bundles (and withdrawals) into a folder that MISP pulls as a feed of JSON events."""
    for bundle_file in bundle_files:
        name = misp.write(bundles.read(bundle_file), out, times.now_us())
        output.say(f"{out}/{name}.json")


@command.command()
@click.argument("bundle_file", metavar="BUNDLE", type=FILE)
@click.option("--collection", required=True, help="Address of the collection, https://…/collections/ID/.")
@click.option("--member", required=True, help="Your name at the exchange.")
@click.option("--member-key", required=True, type=FILE, help="File with your key at the exchange.")
def push(bundle_file: Path, collection: str, member: str, member_key: Path) -> int:
    """Send a bundle to a TAXII 2.1 collection; exit code 1 if anything was refused."""
    objects = bundles.read(bundle_file).get("objects", [])
    sent = Remote(collection, member, member_key.read_text("utf-8").strip()).send(objects)
    waiting = f", {sent.waiting} wait for a moderator" if sent.waiting else ""
    output.say(f"{sent.taken} of {len(objects)} objects taken{waiting}")
    for reason in sent.refused:
        output.say(reason)
    return 1 if sent.refused else 0


@command.command()
@click.option("--collection", required=True, help="Address of the collection, https://…/collections/ID/.")
@click.option("--member", required=True, help="Your name at the exchange.")
@click.option("--member-key", required=True, type=FILE, help="File with your key at the exchange.")
def producer(collection: str, member: str, member_key: Path) -> None:
    """Print the identity under which you publish in a collection."""
    click.echo(Remote(collection, member, member_key.read_text("utf-8").strip()).producer())


@command.command()
@click.argument("identifiers", metavar="CSV", type=FILE)
@click.option("--service", required=True, help="Address of the token service, https://…/tokens/.")
@click.option("--member", required=True, help="Your name at the exchange.")
@click.option("--member-key", required=True, type=FILE, help="File with your key at the exchange.")
@click.option("--epoch", required=True, help="Name of the epoch, for example 2026q4.")
@click.option("--public-key", required=True, help="The epoch's public key in hex, as the exchange's operator publishes it.")
@click.option("--out", type=NEW, help="Where the table goes; stdout by default.")
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
        return library.from_bundle(bundles.read(source).get("objects", []))
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
