"""`stillwatch schema`: the JSON Schema of `campaigns.json`."""

import click

from stillwatch.records.campaign import published_schema


@click.command("schema")
def command() -> int:
    """Print the JSON Schema (draft 2020-12) of campaigns.json."""
    click.echo(published_schema(), nl=False)
    return 0
