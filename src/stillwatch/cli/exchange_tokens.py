"""`stillwatch exchange tokens`: the token service and its keys."""

from pathlib import Path

import click

from stillwatch.cli.exchange_options import FILE, JSON, STORE, show, without_password
from stillwatch.sharing.taxii import times
from stillwatch.sharing.taxii.exchange import Options
from stillwatch.sharing.taxii.server import Listen, Start
from stillwatch.sharing.tokens import group
from stillwatch.sharing.tokens import service as token_service
from stillwatch.sharing.tokens.epochs import Epochs


@click.group("tokens")
def command() -> None:
    """The token service: its keys lie in a folder of its own, and it runs in a process of its own."""


_KEYS = click.option(
    "--keys", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the epochs' keys."
)


@command.command("add")
@_KEYS
@click.argument("epoch")
@click.option("--days", default=184, show_default=True, type=click.IntRange(1, 400), help="Days until the key is destroyed.")
def tokens_add(keys: Path, epoch: str, days: int) -> None:
    """Make the key of an epoch and print its public key; publish that to members by another way than the service."""
    click.echo(Epochs(keys, group.best()).add(epoch, days).public.hex())


@command.command("list")
@_KEYS
@JSON
def tokens_list(keys: Path, kind: str) -> None:
    """Live epochs and their public keys."""
    live = Epochs(keys, group.best()).live()
    show(kind, [{"epoch": e.name, "public_key": e.public.hex(), "expires": times.write(e.expires)} for e in live])


@command.command("destroy")
@_KEYS
@click.argument("epoch")
def tokens_destroy(keys: Path, epoch: str) -> None:
    """Destroy a key now; its tokens can never be made again."""
    Epochs(keys, group.best()).destroy(epoch)
    click.echo(f"the key of {epoch} is destroyed")


@command.command("serve")
@STORE
@_KEYS
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind; any but loopback needs TLS or a proxy.")
@click.option("--port", default=6101, show_default=True, type=click.IntRange(0, 65_535), help="Port to bind.")
@click.option("--tls-cert", type=FILE, help="Certificate chain, PEM.")
@click.option("--tls-key", type=FILE, help="Private key of the certificate, PEM.")
@click.option("--client-ca", type=FILE, help="Demand client certificates signed by these authorities, PEM.")
@click.option("--trusted-proxy", multiple=True, help="Only this address may connect, and its X-Client-Cert-SHA256 counts.")
def tokens_serve(
    store: str,
    keys: Path,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    trusted_proxy: tuple[str, ...],
) -> None:
    """Serve until interrupted; run it as another user than the exchange, so that only it can read the keys."""
    click.echo(
        f"tokens on {'https' if tls_cert else 'http'}://{host}:{port}/tokens/ (store: {without_password(store)})", err=True
    )
    listen = Listen(host, port, tls_cert, tls_key, client_ca)
    options = Options(trusted_proxies=frozenset(trusted_proxy))
    token_service.serve(Start(store, listen, options), keys, group.best())
