"""What the commands of `share` have in common: results folders, bundles in files, the options of whoever publishes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson

from stillwatch.cli import output
from stillwatch.errors import LogFormatError, SharingError
from stillwatch.privacy import Key
from stillwatch.records.campaign import Campaign, Document
from stillwatch.sharing.export import reasons
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.taxii import marking

FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW = click.Path(path_type=Path, dir_okay=False)
TLP = click.Choice(marking.NAMES[: marking.RED])
KEY_FILE = click.option("--key-file", type=FILE, help="Your own key, which salts every id; this machine's by default.")
OUT = click.option("--out", type=NEW, help="Where the bundle goes; stdout by default.")


def publishing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options --producer, --tlp and --key-file."""
    options = (
        click.option("--producer", required=True, help="Your identity in the collection (x_stillwatch_producer)."),
        click.option("--tlp", type=TLP, default="amber+strict", show_default=True, help="How far it may travel."),
        KEY_FILE,
    )
    for option in reversed(options):
        command = option(command)
    return command


def publisher(producer: str, tlp: str, key_file: Path | None) -> Publisher:
    """Who publishes, by those options."""
    return Publisher(producer, own_key(key_file), marking.level_of(tlp))


def own_key(key_file: Path | None) -> Key:
    """One's own key."""
    return Key.from_file(key_file) if key_file else Key.of_this_machine()


def document(folder: Path) -> Document:
    """
    The results in a folder.

    Raises:
        LogFormatError: there are none.
    """
    path = folder / "campaigns.json"
    try:
        return Document.from_json(path.read_bytes(), str(path))
    except OSError as error:
        raise LogFormatError(f"{path}: cannot be read ({error.strerror}). DIR is what stillwatch scan --out left") from error


def campaign(folder: Path, campaign_id: str) -> Campaign:
    """
    A campaign of a results folder.

    Raises:
        SharingError: there is none of that id.
    """
    found = document(folder).campaign(campaign_id)
    if found is None:
        raise SharingError(f"{folder}: there is no campaign '{campaign_id}'. See: campaigns.json")
    return found


def read(path: Path) -> dict[str, Any]:
    """
    A bundle's file.

    Raises:
        SharingError: it is no JSON object.
    """
    try:
        told = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise SharingError(f"{path}: is no JSON") from error
    if not isinstance(told, dict):
        raise SharingError(f"{path}: is no bundle")
    return told


def write(bundle: dict[str, Any], out: Path | None) -> None:
    """A bundle to a file, or to stdout."""
    raw = orjson.dumps(bundle, option=orjson.OPT_INDENT_2) + b"\n"
    if out is None:
        click.echo(raw, nl=False)
        return
    out.write_bytes(raw)
    n = len(bundle["objects"])
    output.say(f"{n} object{'' if n == 1 else 's'} in {out}")


def preview(bundle: dict[str, Any]) -> None:
    """Every value that would leave, with the reason why it may."""
    told = reasons.explain(bundle)
    output.table(("object", "property", "value", "why it may leave"), [(r.object_id, r.path, r.value, r.why) for r in told])
    output.say(f"{len(told)} values, {len(orjson.dumps(bundle))} bytes would leave. Nothing was written")
