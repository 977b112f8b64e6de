"""`stillwatch share opinion`: agree with a peer's object, or not."""

from datetime import UTC, datetime
from pathlib import Path

import click

from stillwatch.cli import bundles
from stillwatch.cli.bundles import OUT
from stillwatch.sharing.export.opinion import opinions
from stillwatch.sharing.taxii.admission import OPINIONS


@click.command()
@click.argument("word", metavar="OPINION", type=click.Choice(OPINIONS))
@click.argument("names", metavar="ID...", nargs=-1, required=True)
@bundles.publishing
@click.option("--preview", is_flag=True, help="Show every value that would leave and why; write nothing.")
@OUT
def opinion(
    word: str, names: tuple[str, ...], producer: str, tlp: str, key_file: Path | None, preview: bool, out: Path | None
) -> None:
    """
    Make opinions on peers' objects by their ids; send them with share push.

    OPINION is one of strongly-disagree, disagree, neutral, agree, strongly-agree. Agreement counts towards dx:actionable,
    disagreement against it, and both towards the publisher's track record. An opinion must be marked at least as strictly as
    what it is on.
    """
    made = opinions(word, names, bundles.publisher(producer, tlp, key_file), datetime.now(UTC))
    if preview:
        bundles.preview(made)
    else:
        bundles.write(made, out)
