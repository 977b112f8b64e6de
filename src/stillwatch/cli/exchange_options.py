"""What the commands of `stillwatch exchange` have in common: options, and how rows are shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from stillwatch.cli import output
from stillwatch.sharing.taxii import marking

STORE = click.option(
    "--store",
    default="exchange.db",
    show_default=True,
    envvar="STILLWATCH_EXCHANGE_STORE",
    help="SQLite file, or postgresql://… with the extra stillwatch[postgres].",
)
JSON = output.output_option("table", "json")
TLP = click.Choice(marking.NAMES)
FILE = click.Path(path_type=Path, dir_okay=False)


def show(form: str, rows: Sequence[dict[str, Any]]) -> None:
    """Rows as a table for people or as JSON."""
    if form == "json":
        output.document(list(rows))
    elif rows:
        output.table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        output.say("nothing yet")


def without_password(store: str) -> str:
    """A store as it may stand in a log."""
    scheme, mark, rest = store.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else store
