"""
The token service: members send blinded identifiers, it answers with its key and a proof, and learns only how many.

It runs in a process of its own, the only one that can read the keys. Members, their keys and their quotas are those of the
exchange.
"""

import base64
import binascii
import ssl
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import audit, database, quota, strictjson, times
from stillwatch.sharing.taxii.answers import Problem
from stillwatch.sharing.taxii.app import Paths, build
from stillwatch.sharing.taxii.endpoints import metrics
from stillwatch.sharing.taxii.exchange import Exchange, Options, Visit
from stillwatch.sharing.taxii.members import READERS
from stillwatch.sharing.taxii.server import Start, check
from stillwatch.sharing.tokens.epochs import Epochs
from stillwatch.sharing.tokens.group import Group
from stillwatch.sharing.tokens.voprf import MAX_BATCH, Evaluation, Voprf

_MAX_BODY_BYTES = 1024 * 1024


class Service:
    """
    The endpoints.

    Args:
        epochs: Keys.
        group: Backend; must be constant-time, since others can measure it.
    """

    def __init__(self, epochs: Epochs, group: Group) -> None:
        if not group.constant_time:
            raise SharingError(f"the backend {group.name} takes its time from the key. A service needs libsodium")
        self._epochs = epochs
        self._voprf = Voprf(group)

    async def epochs(self, exchange: Exchange, visit: Visit) -> Response:
        """GET /tokens/: live epochs, their public keys and ends."""
        live = await exchange.call(self._epochs.live)
        told = [{"epoch": e.name, "public_key": e.public.hex(), "expires": times.write(e.expires)} for e in live]
        return _json({"epochs": told})

    async def evaluate(self, exchange: Exchange, visit: Visit) -> Response:
        """POST /tokens/EPOCH/: evaluate a batch of blinded elements, with one proof for all."""
        if visit.member.role not in READERS:
            raise Problem(404, "Not found")
        elements = _elements(await _body(visit))
        name = visit.path("epoch")
        epoch = next((e for e in await exchange.call(self._epochs.live) if e.name == name), None)
        if epoch is None:
            raise Problem(404, "Not found", "There is no such epoch, or it has ended")
        try:
            await exchange.call(self._count, exchange, visit, len(elements), name)
            answer: Evaluation = await exchange.call(self._voprf.evaluate, epoch.private, elements)
        except quota.QuotaError as error:
            raise Problem(429, "Too many identifiers", "The day's quota is spent", {"Retry-After": "3600"}) from error
        except ValueError as error:
            raise Problem(422, "Not blinded", "An element is no canonical element of ristretto255") from error
        return _json(
            {"evaluated": [_write(e) for e in answer.elements], "proof": _write(answer.proof), "public_key": epoch.public.hex()}
        )

    @staticmethod
    def _count(exchange: Exchange, visit: Visit, count: int, epoch: str) -> None:
        member = visit.member
        with exchange.database.write() as transaction:
            quota.spend(transaction, member.id, "tokens", count, member.limits.tokens_a_day)
            audit.append(transaction, [audit.Entry(times.now_us(), member.id, "tokens", epoch, f"n={count}")])


def application(store: str, keys: Path, group: Group, options: Options) -> Starlette:
    """The ASGI application of the service."""
    service = Service(Epochs(keys, group), group)
    paths: Paths = (
        ("/metrics", {"GET": metrics}),
        ("/tokens/", {"GET": service.epochs}),
        ("/tokens/{epoch}/", {"POST": service.evaluate}),
    )
    return build(Exchange(database.connect(store), options), paths, ())


def serve(start: Start, keys: Path, group: Group) -> None:
    """
    Serve until told to stop, in one process.

    Raises:
        SharingError: the address, the database or the keys cannot be used.
    """
    check(start)
    listen = start.listen
    uvicorn.run(
        application(start.store, keys, group, start.options),
        host=listen.host,
        port=listen.port,
        ssl_certfile=listen.certificate,
        ssl_keyfile=listen.private_key,
        ssl_ca_certs=str(listen.client_authorities) if listen.client_authorities else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if listen.client_authorities else ssl.CERT_NONE,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
    )


async def _body(visit: Visit) -> object:
    raw = bytearray()
    async for chunk in visit.request.stream():
        raw += chunk
        if len(raw) > _MAX_BODY_BYTES:
            raise Problem(413, "Too large", f"Send at most {MAX_BATCH} elements at once", {"Connection": "close"})
    try:
        return strictjson.loads(bytes(raw))
    except strictjson.StrictJsonError as error:
        raise Problem(422, "Not a batch", str(error)) from error


def _elements(told: object) -> list[bytes]:
    blinded = told.get("blinded") if isinstance(told, dict) else None
    if not isinstance(blinded, list) or not 1 <= len(blinded) <= MAX_BATCH:
        raise Problem(422, "Not a batch", f"Send an object with a list blinded of 1 to {MAX_BATCH} elements")
    try:
        elements = [base64.b64decode(one, altchars=b"-_", validate=True) for one in blinded]
    except (binascii.Error, ValueError, TypeError) as error:
        raise Problem(422, "Not a batch", "An element is not base64url of 32 bytes") from error
    if any(len(element) != 32 for element in elements):
        raise Problem(422, "Not a batch", "An element is not base64url of 32 bytes")
    return elements


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _json(told: object) -> Response:
    return Response(orjson.dumps(told), media_type="application/json", headers={"Cache-Control": "no-store"})
