"""`stillwatch exchange`: run a TAXII 2.1 exchange, and keep its register of members, keys and collections."""

import dataclasses
import uuid
from pathlib import Path
from typing import Any

import click
import orjson

from stillwatch.cli import exchange_peers, exchange_record, exchange_webhooks
from stillwatch.cli.exchange_options import FILE, JSON, STORE, TLP, show, without_password
from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.taxii import audit, database, marking, times
from stillwatch.sharing.taxii.members import EXCHANGE, ROLES, Collection, Limits, Member, Members
from stillwatch.sharing.taxii.objects import NotFoundError, Objects
from stillwatch.sharing.taxii.provenance import Signer

try:
    from stillwatch.cli import exchange_tokens
    from stillwatch.sharing.taxii.exchange import Options
    from stillwatch.sharing.taxii.server import Listen, Start
    from stillwatch.sharing.taxii.server import serve as serve_exchange
except ImportError as missing:
    raise SharingError("an exchange needs its web server. Install it with: pip install 'stillwatch[share]'") from missing


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Run a TAXII 2.1 exchange, and keep its members, keys and collections."""


command.add_command(exchange_tokens.command)
command.add_command(exchange_peers.peer)
command.add_command(exchange_peers.pull)
command.add_command(exchange_webhooks.command)


@command.command()
@STORE
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind; any but loopback needs TLS or a proxy.")
@click.option("--port", default=6100, show_default=True, type=click.IntRange(0, 65_535), help="Port to bind.")
@click.option("--tls-cert", type=FILE, help="Certificate chain, PEM.")
@click.option("--tls-key", type=FILE, help="Private key of the certificate, PEM.")
@click.option("--client-ca", type=FILE, help="Demand client certificates signed by these authorities, PEM.")
@click.option("--trusted-proxy", multiple=True, help="Only this address may connect, and its X-Client-Cert-SHA256 counts.")
@click.option("--public-url", help="How members reach the exchange, such as https://exchange.example.org.")
@click.option("--title", default=Options().title, show_default=True, help="Name of the exchange.")
@click.option("--contact", help="Whom members ask.")
@click.option("--signing-key", "signing_keys", multiple=True, type=FILE, help="Ed25519 key, PEM, that signs pages.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
def serve(
    store: str,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    trusted_proxy: tuple[str, ...],
    public_url: str | None,
    title: str,
    contact: str | None,
    signing_keys: tuple[Path, ...],
    workers: int,
) -> None:
    """Serve until interrupted; requests in flight are finished first."""
    options = Options(
        title=title,
        contact=contact,
        public_url=public_url,
        trusted_proxies=frozenset(trusted_proxy),
        workers=workers,
        signing_keys=tuple(str(one.absolute()) for one in signing_keys),
    )
    listen = Listen(host, port, tls_cert, tls_key, client_ca, workers)
    click.echo(
        f"exchange on {'https' if tls_cert else 'http'}://{host}:{port}/taxii2/ (store: {without_password(store)})", err=True
    )
    serve_exchange(Start(store, listen, options))


@command.command("signing-key")
@click.argument("key_file", metavar="PEM", type=FILE)
def signing_key(key_file: Path) -> None:
    """Print the public half of a signing key (openssl genpkey -algorithm ed25519), for peers to pin."""
    click.echo(Signer([str(key_file)]).public[0])


@command.group()
def member() -> None:
    """Who may use the exchange."""


member.add_command(exchange_record.record)
member.add_command(exchange_record.release)


@member.command("add")
@STORE
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="contributor", show_default=True, help="What the member does.")
@click.option("--clearance", type=TLP, help="Strictest TLP it reads of others; default amber+strict, green for peers.")
@click.option("--trusted", is_flag=True, help="Publish at once; else all it sends waits for a review.")
@click.option("--certificate", help="SHA-256 of the client certificate that must come with its keys.")
def member_add(store: str, name: str, role: str, clearance: str | None, trusted: bool, certificate: str | None) -> None:
    """Register a member; a new one is quarantined unless --trusted."""
    level = marking.level_of(clearance) if clearance else marking.GREEN if role == "peer" else marking.AMBER_STRICT
    quarantined = not trusted and role == "contributor"
    _members(store).add(Member(name, role, level, quarantined=quarantined, certificate=certificate))
    click.echo(
        f"member {name} is registered as {role}{', quarantined' if quarantined else ''}. Give it a key: exchange key add {name}"
    )


@member.command("set")
@STORE
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="New role.")
@click.option("--clearance", type=TLP, help="Strictest TLP it reads of others.")
@click.option("--quarantined/--trusted", default=None, help="Whether what it sends waits for a review.")
@click.option("--disabled/--enabled", default=None, help="Whether its keys work at all.")
@click.option("--certificate", help="SHA-256 of the client certificate that must come with its keys; 'none' for none.")
@click.option("--gets-a-minute", type=click.IntRange(0), help="Reads a minute and key; 0 is no limit.")
@click.option("--posts-a-minute", type=click.IntRange(0), help="Writes a minute and key; 0 is no limit.")
@click.option("--objects-a-day", type=click.IntRange(0), help="Objects a day; 0 is no limit.")
@click.option("--tokens-a-day", type=click.IntRange(0), help="Identifiers to tokenise a day; 0 is no limit.")
def member_set(store: str, name: str, clearance: str | None, certificate: str | None, **given: Any) -> None:
    """Change what is known of a member."""
    members = _members(store)
    known = members.get(name)
    asked = {key: kept for key, kept in given.items() if kept is not None}
    limits = dataclasses.replace(known.limits, **{k: asked.pop(k) for k in list(asked) if k in Limits.__slots__})
    if clearance is not None:
        asked["clearance"] = marking.level_of(clearance)
    if certificate is not None:
        asked["certificate"] = None if certificate == "none" else certificate
    members.change(dataclasses.replace(known, **asked, limits=limits))
    click.echo(f"member {name} is changed")


@member.command("list")
@STORE
@JSON
def member_list(store: str, kind: str) -> None:
    """Every member."""
    rows = [
        {
            "member": m.id,
            "role": m.role,
            "clearance": marking.NAMES[m.clearance],
            "quarantined": m.quarantined,
            "disabled": m.disabled,
            "certificate": m.certificate,
            **dataclasses.asdict(m.limits),
        }
        for m in _members(store).all()
    ]
    show(kind, rows)


@command.group()
def key() -> None:
    """API keys: shown once, stored as a hash, two of a member at most."""


@key.command("add")
@STORE
@click.argument("name")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3_650), help="Days until it expires.")
def key_add(store: str, name: str, days: int) -> None:
    """Make a key and print it, this once."""
    click.echo(_members(store).issue_key(name, days))


@key.command("list")
@STORE
@JSON
@click.argument("name")
def key_list(store: str, name: str, kind: str) -> None:
    """The keys of a member, never the secrets."""
    rows = [
        {
            "prefix": k.prefix,
            "made": times.write(k.made),
            "expires": times.write(k.expires),
            "revoked": times.write(k.revoked) if k.revoked else None,
        }
        for k in _members(store).keys(name)
    ]
    show(kind, rows)


@key.command("revoke")
@STORE
@click.argument("prefix")
def key_revoke(store: str, prefix: str) -> None:
    """End a key now."""
    _members(store).revoke_key(prefix)
    click.echo(f"key {prefix} is revoked")


@command.group()
def collection() -> None:
    """Collections and who may use them."""


@collection.command("add")
@STORE
@click.argument("title")
@click.option("--root", default="api", show_default=True, help="API root: a first part of addresses, one a circle of trust.")
@click.option("--alias", help="A name to use in addresses in place of the id.")
@click.option("--description", help="What belongs into it.")
@click.option("--max-tlp", type=TLP, default="amber+strict", show_default=True, help="Strictest marking it admits.")
@click.option("--listed", is_flag=True, help="Exists only for members that were granted access.")
@click.option("--own-identities", is_flag=True, help="Members publish under identities of their own, not under pseudonyms.")
def collection_add(
    store: str,
    title: str,
    root: str,
    alias: str | None,
    description: str | None,
    max_tlp: str,
    listed: bool,
    own_identities: bool,
) -> None:
    """Make a collection, put in what every bundle refers to (markings, terms, ATLAS), and print its id."""
    wanted = Collection(
        0, str(uuid.uuid4()), root, alias, title, description, marking.level_of(max_tlp), listed, not own_identities
    )
    opened = database.connect(store)
    made = Members(opened).add_collection(wanted)
    Objects(opened).post(made, Member(EXCHANGE, "moderator", clearance=marking.RED), catalogue.everything())
    click.echo(made.id)


@collection.command("list")
@STORE
@JSON
def collection_list(store: str, kind: str) -> None:
    """Every collection, with the identity under which the exchange itself publishes there."""
    members = _members(store)
    rows = [
        {
            "collection": c.id,
            "root": c.root,
            "alias": c.alias,
            "title": c.title,
            "max_tlp": marking.NAMES[c.max_tlp],
            "listed": c.listed,
            "pseudonymous": c.pseudonymous,
            "exchange_identity": members.identity(EXCHANGE, c),
        }
        for c in members.collections()
    ]
    show(kind, rows)


@collection.command("grant")
@STORE
@click.argument("member_name", metavar="MEMBER")
@click.argument("name", metavar="COLLECTION")
@click.option("--read/--no-read", "can_read", default=True, show_default=True, help="May read it.")
@click.option("--write/--no-write", "can_write", default=False, show_default=True, help="May write to it, if its role writes.")
def collection_grant(store: str, member_name: str, name: str, can_read: bool, can_write: bool) -> None:
    """Set what a member may do in a collection."""
    members = _members(store)
    members.grant(member_name, members.collection(name), can_read=can_read, can_write=can_write)
    click.echo(f"member {member_name}: read {'yes' if can_read else 'no'}, write {'yes' if can_write else 'no'}")


@command.group()
def review() -> None:
    """What quarantined members sent."""


@review.command("list")
@STORE
@JSON
def review_list(store: str, kind: str) -> None:
    """Batches that wait, oldest first; -o json shows the objects."""
    opened = database.connect(store)
    titles = {c.n: c.id for c in Members(opened).collections()}
    rows = [
        {
            "status": status,
            "member": sender,
            "collection": titles[n],
            "objects": [orjson.loads(body) for body in bodies] if kind == "json" else len(bodies),
        }
        for status, sender, n, bodies in Objects(opened).waiting()
    ]
    show(kind, rows)


@review.command("accept")
@STORE
@click.argument("status")
def review_accept(store: str, status: str) -> None:
    """Publish a batch, with stamps of now, so that every poller gets it."""
    _review(store, status, accept=True)


@review.command("reject")
@STORE
@click.argument("status")
def review_reject(store: str, status: str) -> None:
    """Send a batch back; its sender sees so in the status."""
    _review(store, status, accept=False)


@command.group(name="audit")
def audit_group() -> None:
    """The hash-chained log of who read or wrote what."""


@audit_group.command("show")
@STORE
@JSON
@click.option("--after", default=0, type=click.IntRange(0), help="Begin after this line.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Lines at most.")
def auditshow(store: str, kind: str, after: int, limit: int) -> None:
    """Lines of the log."""
    show(kind, [audit.written(line) for line in audit.lines(database.connect(store), after, limit)])


@audit_group.command("verify")
@STORE
@click.option("--head", help="A hash noted earlier that the log must contain.")
def audit_verify(store: str, head: str | None) -> None:
    """Compute every hash anew; exit code 1 if a line was altered, dropped or inserted."""
    try:
        noted = bytes.fromhex(head) if head else None
    except ValueError as error:
        raise click.BadParameter("a head is 64 hex digits", param_hint="--head") from error
    finding = audit.verify(database.connect(store), noted)
    if finding.broken_at is not None:
        raise SharingError(
            f"the log is broken at line {finding.broken_at}: it was altered. Keep the file and compare with a backup"
        )
    if not finding.contains:
        raise SharingError("the log holds, but it does not contain the hash you noted: its end was cut or all of it rewritten")
    click.echo(f"{finding.n_lines} lines hold. Head: {finding.head.hex()}")


def _members(store: str) -> Members:
    return Members(database.connect(store))


def _review(store: str, status: str, *, accept: bool) -> None:
    opened = database.connect(store)
    members, objects = Members(opened), Objects(opened)
    found = [(sender, n) for waits, sender, n, _ in objects.waiting() if waits == status]
    if not found:
        raise SharingError(f"nothing waits under status {status}. See: exchange review list")
    sender, n = found[0]
    place = next(c for c in members.collections() if c.n == n)
    try:
        told = objects.review(status, members.get(sender), place, accept=accept, moderator="operator")
    except NotFoundError as error:
        raise SharingError(f"nothing waits under status {status} any more") from error
    click.echo(f"published {told['success_count']}, sent back {told['failure_count']}")
