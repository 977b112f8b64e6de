"""`stillwatch verify`: recompute every published figure from the stored signatures."""

import tempfile
from pathlib import Path

import click

from stillwatch import pipeline
from stillwatch.cli import main, output


@click.command("verify")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
def command(folder: Path) -> int:
    """
    Recompute every published figure of a results folder from its stored signatures.

    Exit codes: 0 all figures agree, 1 some do not, 4 DIR is no results folder.
    """
    with tempfile.TemporaryDirectory(prefix="stillwatch-verify-") as work:
        document, differences = pipeline.verify(folder, Path(work))
    if differences:
        output.table(("figure", "published", "recomputed"), [(d.where, d.published, d.recomputed) for d in differences])
        click.echo(f"{len(differences)} published figures do not follow from the stored signatures.")
        return main.EXIT_ERROR
    n_bits = sum(len(c.evidence) for c in document.campaigns)
    click.echo(
        f"Every figure agrees: {len(document.campaigns)} campaigns, {n_bits} statements of evidence, "
        f"recomputed from the signatures of {document.n_exchanges:,} exchanges."
    )
    return 0
