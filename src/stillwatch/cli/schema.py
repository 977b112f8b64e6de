"""`stillwatch schema`: the JSON Schemas of `campaigns.json` and `lineage.json`."""

import click

from stillwatch.records import campaign, lineage

_SCHEMAS = {"campaigns": campaign.published_schema, "lineage": lineage.published_schema}


@click.command("schema")
@click.argument("which", type=click.Choice(sorted(_SCHEMAS)), default="campaigns")
def command(which: str) -> int:
    """Print the JSON Schema (draft 2020-12) of campaigns.json, or with "lineage" that of lineage.json."""
    click.echo(_SCHEMAS[which](), nl=False)
    return 0
