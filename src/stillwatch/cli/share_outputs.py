"""`stillwatch share` for other tools: block lists for gateways, findings for data lakes, events from MISP."""

from importlib import metadata
from pathlib import Path

import click
import orjson

from stillwatch.cli import indicators, output
from stillwatch.engine.parts import write_bytes
from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing.export import blocklist as lists
from stillwatch.sharing.export import ocsf as findings
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.hunt import misp
from stillwatch.sharing.taxii import marking, times

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_NEW = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("source", metavar="BUNDLE|URL")
@click.option("--form", type=click.Choice(lists.FORMATS), default="cidr", show_default=True, help="What the gateway reads.")
@click.option("--any", "everything", is_flag=True, help="Also networks that one member alone has named.")
@click.option("--member", help="Your name at the exchange, to read a collection.")
@click.option("--member-key", type=_FILE, help="File with your key at the exchange.")
@click.option("--out", type=_NEW, help="Where the list goes; stdout by default. Replaced whole or not at all.")
def blocklist(source: str, form: str, everything: bool, member: str | None, member_key: Path | None, out: Path | None) -> None:
    """
    Write the networks of a bundle or a TAXII collection as a list for a gateway, each with its end.

    Expired and withdrawn ones are left out, and so are those that are too wide, private, or of everyone. Only networks that two
    members have seen (dx:actionable) are listed, unless --any. Slow or challenge what comes from them; a network is no person.
    """
    now = times.now_us()
    kept = lists.read(indicators.objects(source, member, member_key), now, actionable=not everything)
    indicators.tell_left_out(kept.left_out)
    text = lists.write(kept.lines, form, now)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_bytes(out, text.encode())
    output.say(f"{len(kept.lines)} networks{f' in {out}' if out else ''}")


@click.command()
@click.argument("bundle_files", metavar="BUNDLE...", nargs=-1, required=True, type=_FILE)
@click.option("--out", type=_NEW, help="Where the lines go; stdout by default.")
def ocsf(bundle_files: tuple[Path, ...], out: Path | None) -> None:
    """Write exported bundles (and withdrawals) as OCSF 1.8.0 Detection Findings, one line of JSON a campaign."""
    lines = []
    for path in bundle_files:
        try:
            lines.append(findings.finding(indicators.bundle(path), metadata.version("stillwatch")))
        except SharingError as error:
            raise SharingError(f"{path}: {error}") from error
    text = b"".join(line + b"\n" for line in lines)
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_bytes(text)
    output.say(f"{len(lines)} findings in {out}")


@click.command("from-misp")
@click.argument("places", metavar="FEED|FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--producer", required=True, help="Your identity in the collection (x_stillwatch_producer).")
@click.option(
    "--tlp", type=click.Choice(marking.NAMES[: marking.RED]), default="clear", show_default=True, help="At least this marking."
)
@click.option("--key-file", type=_FILE, help="Your own key, which salts every id; this machine's by default.")
@click.option("--out", required=True, type=_NEW, help="Where the bundle goes, for stillwatch hunt --indicators and share push.")
def from_misp(places: tuple[Path, ...], producer: str, tlp: str, key_file: Path | None, out: Path) -> None:
    """
    Make indicators of MISP events: a feed's folder, or JSON files of events.

    Addresses meant for detection and STIX patterns are taken. All else is counted with its reason.
    """
    own = Key.from_file(key_file) if key_file else Key.of_this_machine()
    publisher = Publisher(producer, own, marking.level_of(tlp))
    made = misp.read((one for place in places for one in misp.events(place)), publisher, times.now_us())
    for why, n in sorted(made.left_out.items()):
        output.say(f"left out: {n}: {why}")
    out.write_bytes(orjson.dumps(misp.bundle(made, publisher), option=orjson.OPT_INDENT_2) + b"\n")
    output.say(f"{len(made.indicators)} indicators of {made.n_events} events in {out}")
