"""What `hunt` and `scan` have in common: what can be looked for, the epoch's key, one's own tokens."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stillwatch.cli import indicators
from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.hunt.indicators import Wanted, read
from stillwatch.sharing.taxii import times

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    click.option("--tokens", "token_file", type=_FILE, help="Your own accounts, from share tokenise: account_id and token."),
    click.option("--member", help="Your name at the exchange, to read a collection."),
    click.option("--member-key", type=_FILE, help="File with your key at the exchange."),
)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of what is one's own."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted(objects: list[Any], epoch: str) -> Wanted:
    """What can be looked for now; what cannot is told on stderr by its reason."""
    found = read(objects, epoch, times.now_us())
    indicators.tell_left_out(found.unread)
    return found


def epoch(name: str, key: Path | None) -> Epoch | None:
    """The epoch of the sketches, where there is a key."""
    if key is None:
        return None
    try:
        return Epoch(name, Key.from_file(key))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def tokens(path: Path | None) -> dict[str, list[str]]:
    """One's own accounts by token: several accounts may have one identifier."""
    found: dict[str, list[str]] = {}
    if path is None:
        return found
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                found.setdefault(row["token"], []).append(row["account_id"])
            return found
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise SharingError(f"{path}: needs the columns account_id and token, as stillwatch share tokenise writes them") from error
