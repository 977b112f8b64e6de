"""`stillwatch exchange peer` and `pull`: other exchanges that this one pulls from."""

from pathlib import Path

import click

from stillwatch.cli import output
from stillwatch.cli.exchange_options import FILE, JSON, STORE, TLP, show
from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import database, marking, times
from stillwatch.sharing.taxii.federation import Federation, Peer
from stillwatch.sharing.taxii.members import Members
from stillwatch.sharing.taxii.provenance import POLICIES


@click.group()
def peer() -> None:
    """Other exchanges that this one pulls from."""


@peer.command("add")
@STORE
@click.argument("name")
@click.option("--url", required=True, help="Address of the peer's collection, https://…/collections/ID/.")
@click.option("--member", "member_name", required=True, help="Your name there.")
@click.option("--member-key", required=True, type=FILE, help="File with your key there; it is read at each pull, not stored.")
@click.option("--into", required=True, help="Collection of yours that takes it, by id or alias.")
@click.option("--max-tlp", type=TLP, default="green", show_default=True, help="Strictest marking that is taken.")
@click.option("--type", "types", multiple=True, help="A type that is taken; again for more. All by default.")
def peer_add(
    store: str, name: str, url: str, member_name: str, member_key: Path, into: str, max_tlp: str, types: tuple[str, ...]
) -> None:
    """Register a peer; give it the role peer here if it pulls from you in turn."""
    opened = database.connect(store)
    place = Members(opened).collection(into)
    wanted = Peer(name, url, member_name, str(member_key.absolute()), place.n, marking.level_of(max_tlp), types)
    Federation(opened).add(wanted)
    click.echo(f"peer {name} is registered. Pull with: exchange pull")


@peer.command("list")
@STORE
@JSON
def peer_list(store: str, kind: str) -> None:
    """Peers, their policy, and up to when they were pulled."""
    rows = [
        {
            "peer": one.name,
            "url": one.url,
            "max_tlp": marking.NAMES[one.max_tlp],
            "types": ", ".join(one.types) or "all",
            "signatures": f"{one.policy}, {len(one.keys)} keys",
            "pulled_until": times.write(one.after_us) if one.after_us is not None else None,
        }
        for one in Federation(database.connect(store)).all()
    ]
    show(kind, rows)


@peer.command("trust")
@STORE
@click.argument("name")
@click.option("--signatures", type=click.Choice(POLICIES), required=True, help="Whether a page must be signed by a pinned key.")
@click.option("--key", "keys", multiple=True, help="A public key in hex, from the peer's operator.")
def peer_trust(store: str, name: str, signatures: str, keys: tuple[str, ...]) -> None:
    """Pin a peer's signing keys; they replace those pinned before."""
    Federation(database.connect(store)).trust(name, signatures, keys)
    click.echo(f"peer {name}: signatures {signatures}, {len(keys)} keys pinned")


@peer.command("held")
@STORE
@JSON
@click.option("--drop", help="Throw away what is held of this peer; what is good comes again.")
def peer_held(store: str, kind: str, drop: str | None) -> None:
    """Pages that were not let in, and why."""
    federation = Federation(database.connect(store))
    if drop is not None:
        output.say(f"{federation.drop(drop)} pages thrown away")
        return
    show(
        kind,
        [
            {"peer": name, "received": times.write(received), "bytes": len(raw), "why": why}
            for name, received, why, raw in federation.held()
        ],
    )


@peer.command("remove")
@STORE
@click.argument("name")
def peer_remove(store: str, name: str) -> None:
    """Forget a peer; what came from it stays until it expires."""
    Federation(database.connect(store)).remove(name)
    click.echo(f"peer {name} is removed")


@click.command()
@STORE
@click.argument("names", metavar="[PEER]...", nargs=-1)
def pull(store: str, names: tuple[str, ...]) -> int:
    """
    Take what is new from peers (all of them by default). Run it from a timer; several at once do no harm.

    Exit codes: 0, 1 where a peer could not be pulled from, or a page of it is held.
    """
    federation = Federation(database.connect(store))
    known = {one.name: one for one in federation.all()}
    missing = [name for name in names if name not in known]
    if missing:
        raise SharingError(f"there is no peer '{missing[0]}'. See: exchange peer list")
    failed = False
    for name in names or known:
        try:
            told = federation.pull(known[name])
        except SharingError as error:
            output.say(f"{name}: {error}")
            failed = True
            continue
        output.say(f"{name}: {told.seen} seen, {told.taken} taken or known, {told.passed_over} outside the policy")
        if told.held is not None:
            output.say(f"{name}: held: {told.held}. See: exchange peer held")
            failed = True
        for reason, n in sorted(told.refused.items()):
            output.say(f"{name}: {n} refused: {reason}")
    return int(failed)
