"""`stillwatch demo`: a seeded world with planted campaigns, scanned and scored."""

from pathlib import Path

import click

from stillwatch import pipeline, report, worlds
from stillwatch.cli import output, progress
from stillwatch.cli.scan import summary
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import Found, Grade, Share, grade

# The demo's log is made up, so its key need not be secret, and everybody's demo gives the same bytes.
_KEY = b"stillwatch demo: not a secret key"


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("stillwatch-demo"),
    show_default=True,
    help="Folder for the log, the truth and the results.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same world, to the byte.")
@click.option("--quiet", is_flag=True, help="Print results only.")
def command(out: Path, seed: int, quiet: bool) -> None:
    """
    Make a seeded world with planted campaigns among look-alikes, scan it, and score the scan against the truth.

    Leaves the log in OUT/log, the truth in OUT/truth, and the results in OUT/results.
    """
    with progress.shown(quiet) as observer:
        built = worlds.build(worlds.preset("demo"), seed, out, observer=observer)
        key_file = out / "key"
        key_file.write_bytes(_KEY)
        registry = out / "entitlements.toml"
        registry.write_text(_registry(built.truth))
        chosen = with_changes(Settings(), privacy={"key_file": key_file}, campaigns={"entitlements": registry})
        results = out / "results"
        outcome = pipeline.scan([str(built.log)], results, chosen, observer=observer)
        with DuckDBEngine(results / pipeline.STORE, chosen.engine) as engine:
            page = report.write(engine, outcome.document, results, account_names=True)
    summary(outcome.document, page)
    found = Found.all_of(outcome.document)
    print_grade(grade(built.truth, results, found))


def _registry(truth: Path) -> str:
    """The licensed distiller of the world is in the registry, as an operator would have entered it."""
    return "".join(
        f'[[entitlement]]\norg = "{org}"\nholder = "A licensed distiller"\npurpose = "distil a model of its own, by contract"\n'
        for org in worlds.organisations_of(truth, "licensed")
    )


def print_grade(graded: Grade) -> None:
    """How the scan of a world fared against its truth."""
    click.echo("\nAgainst the truth of this world:")
    output.table(("planted campaign", "found as"), [(name, found or "not found") for name, found in graded.planted.items()])
    output.table(
        ("measure", "value"),
        [
            ("false campaigns", str(len(graded.false_campaigns))),
            ("account precision at core", _share(graded.core_precision)),
            ("account recall at core", _share(graded.core_recall)),
            ("account recall at core + probable", _share(graded.recall)),
            ("attributed exchanges that were harvest", _share(graded.exchange_precision)),
        ],
    )
    output.table(
        ("benign kind", "accused at core", "95 % interval"),
        [
            (kind, f"{share.hits} of {share.n:,}", f"{share.interval[0]:.4f} to {share.interval[1]:.4f}")
            for kind, share in graded.false_positives.items()
        ],
    )


def _share(share: Share) -> str:
    return "none" if share.value is None else f"{share.value:.3f} ({share.hits:,} of {share.n:,})"
