"""
The exchange on a socket: uvicorn, with the refusals that keep a careless start from publishing anything.

It binds to 127.0.0.1 unless told otherwise. Any other address needs TLS here, or a proxy named as the only one who may
connect; keys are always needed.
"""

import ipaddress
import os
import signal
import ssl
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import database
from stillwatch.sharing.taxii.app import build
from stillwatch.sharing.taxii.exchange import Exchange, Options
from stillwatch.sharing.taxii.filters import PageSize
from stillwatch.sharing.taxii.provenance import Signer

_PASSED_ON = "STILLWATCH_EXCHANGE_OPTIONS"  # how the options reach uvicorn's worker processes
_GRACE_S = 20


@dataclass(frozen=True, slots=True)
class Listen:
    """
    Where to listen, and how the connection is secured.

    Args:
        host: Address to bind.
        port: Port to bind; 0 picks one.
        certificate: TLS certificate chain, PEM.
        private_key: Its key, PEM.
        client_authorities: PEM of the authorities whose client certificates are demanded (mTLS).
        workers: Processes.
    """

    host: str = "127.0.0.1"
    port: int = 6100
    certificate: Path | None = None
    private_key: Path | None = None
    client_authorities: Path | None = None
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Start:
    """All that one run needs."""

    store: str
    listen: Listen = field(default_factory=Listen)
    options: Options = field(default_factory=Options)


def check(start: Start) -> None:
    """
    Refuse to listen where keys could be overheard.

    Raises:
        SharingError: with what to add.
    """
    listen = start.listen
    if (listen.certificate is None) != (listen.private_key is None):
        raise SharingError("TLS needs both --tls-cert and --tls-key")
    for path in (listen.certificate, listen.private_key, listen.client_authorities):
        if path is not None and not path.is_file():
            raise SharingError(f"{path}: is no file")
    if listen.client_authorities is not None and listen.certificate is None:
        raise SharingError("--client-ca asks for client certificates, which needs --tls-cert and --tls-key")
    if not _loopback(listen.host) and listen.certificate is None and not start.options.trusted_proxies:
        raise SharingError(
            f"{listen.host}: keys would cross the network in clear. Add --tls-cert and --tls-key, "
            "or name the TLS proxy in front with --trusted-proxy, or bind to 127.0.0.1"
        )


def serve(start: Start) -> None:
    """
    Serve until told to stop; requests in flight are finished first.

    Raises:
        SharingError: the address or the database cannot be used.
    """
    check(start)
    Signer(start.options.signing_keys)
    database.connect(start.store).close()
    os.environ[_PASSED_ON] = orjson.dumps(asdict(start), default=_plain).decode()
    listen = start.listen
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again after a clean stop; that is not a failure
    uvicorn.run(
        "stillwatch.sharing.taxii.server:from_environment",
        factory=True,
        host=listen.host,
        port=listen.port,
        workers=listen.workers,
        ssl_certfile=listen.certificate,
        ssl_keyfile=listen.private_key,
        ssl_ca_certs=str(listen.client_authorities) if listen.client_authorities else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if listen.client_authorities else ssl.CERT_NONE,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=64 * 1024,
    )


def from_environment() -> Starlette:
    """What each worker process runs."""
    told = orjson.loads(os.environ[_PASSED_ON])
    options = told["options"]
    page, proxies = PageSize(**options.pop("page")), frozenset(options.pop("trusted_proxies"))
    options["signing_keys"] = tuple(options["signing_keys"])
    return build(Exchange(database.connect(told["store"]), Options(**options, page=page, trusted_proxies=proxies)))


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
