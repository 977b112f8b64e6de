"""`stillwatch exchange webhook`: members' servers that are told which objects are new, updated or revoked."""

from pathlib import Path

import click

from stillwatch.cli.exchange_options import FILE, JSON, STORE, show
from stillwatch.sharing.taxii import database, times
from stillwatch.sharing.taxii.members import Members
from stillwatch.sharing.taxii.webhook import Hook, Webhooks, new_secret


@click.group("webhook")
def command() -> None:
    """Members' servers that are told ids of objects, signed and never lost."""


@command.command("secret")
def webhook_secret() -> None:
    """Print a new secret; keep it in a file, one a line, and give it to the member."""
    click.echo(new_secret())


@command.command("add")
@STORE
@click.argument("name")
@click.option("--url", required=True, help="Address that is called, https://…")
@click.option("--member", "member_name", required=True, help="Whose view decides which ids are named.")
@click.option("--collection", "collection_name", required=True, help="Collection, by id or alias.")
@click.option("--secret-file", required=True, type=FILE, help="File with the secrets, newest first; read at each call.")
@click.option("--allow-private", is_flag=True, help="The address may be private, or on this machine.")
def webhook_add(
    store: str, name: str, url: str, member_name: str, collection_name: str, secret_file: Path, allow_private: bool
) -> None:
    """Register a server; it is told what comes from now on, while the exchange is served."""
    opened = database.connect(store)
    place = Members(opened).collection(collection_name)
    Webhooks(opened).add(Hook(name, member_name, place.n, url, str(secret_file.absolute()), allow_private))
    click.echo(f"webhook {name} is registered")


@command.command("list")
@STORE
@JSON
def webhook_list(store: str, kind: str) -> None:
    """Webhooks, up to when each was told, and why the last call failed."""
    rows = [
        {
            "webhook": one.name,
            "member": one.member,
            "url": one.url,
            "told_until": times.write(one.told_us) if one.told_us > 0 else None,
            "failures": one.attempts,
            "next_try": times.write(one.next_us) if one.attempts else None,
            "last_error": one.last_error,
        }
        for one in Webhooks(database.connect(store)).all()
    ]
    show(kind, rows)


@command.command("remove")
@STORE
@click.argument("name")
def webhook_remove(store: str, name: str) -> None:
    """Forget a webhook."""
    Webhooks(database.connect(store)).remove(name)
    click.echo(f"webhook {name} is removed")
