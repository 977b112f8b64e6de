"""The ASGI application: addresses, and what every request goes through before and after its handler."""

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stillwatch.sharing.taxii import answers, endpoints
from stillwatch.sharing.taxii.answers import Problem
from stillwatch.sharing.taxii.database import Database, DatabaseLostError
from stillwatch.sharing.taxii.exchange import Exchange, Visit
from stillwatch.sharing.taxii.filters import QueryError

LOG = logging.getLogger("stillwatch.exchange")
Handler = Callable[[Exchange, Visit], Awaitable[Response]]

Paths = Sequence[tuple[str, dict[str, Handler]]]

# path, then the handler of each method; the slash at the end may be left out
TAXII_PATHS: Paths = (
    ("/taxii2/", {"GET": endpoints.discovery}),
    ("/{root}/", {"GET": endpoints.root}),
    ("/{root}/status/{status}/", {"GET": endpoints.status}),
    ("/{root}/collections/", {"GET": endpoints.collections}),
    ("/{root}/collections/{collection}/", {"GET": endpoints.collection}),
    ("/{root}/collections/{collection}/manifest/", {"GET": endpoints.manifest}),
    ("/{root}/collections/{collection}/objects/", {"GET": endpoints.objects, "POST": endpoints.add}),
    ("/{root}/collections/{collection}/objects/{object}/", {"GET": endpoints.one, "DELETE": endpoints.delete}),
    ("/{root}/collections/{collection}/objects/{object}/versions/", {"GET": endpoints.versions}),
)
OWN_PATHS: Paths = (("/audit/", {"GET": endpoints.audit_log}), ("/metrics", {"GET": endpoints.metrics}))
_METHODS = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"]


def build(exchange: Exchange, own: Paths = OWN_PATHS, taxii: Paths = TAXII_PATHS) -> Starlette:
    """
    The ASGI application of a service with the members of an exchange.

    Args:
        own: Addresses of ours, which are not bound to TAXII's media types; they come first.
        taxii: Addresses that are.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = [asyncio.create_task(exchange.run()), asyncio.create_task(exchange.tell())]
        yield
        for task in running:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await exchange.stop()

    routes = [Route("/healthz", partial(_health, exchange), methods=["GET"])]
    routes += [
        Route(form, partial(_serve, exchange, handlers, paths is taxii), methods=_METHODS)
        for paths in (own, taxii)
        for path, handlers in paths
        for form in dict.fromkeys((path, path.rstrip("/")))
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _framework_error})


async def _health(exchange: Exchange, request: Request) -> Response:
    """Ours: is the database there? Needs no key and tells nothing else."""
    try:
        await exchange.call(_ping, exchange.database)
    except DatabaseLostError:
        return PlainTextResponse("the database cannot be reached\n", 503)
    return PlainTextResponse("ok\n")


def _ping(database: Database) -> None:
    with database.read() as transaction:
        transaction.one("SELECT 1")


async def _serve(exchange: Exchange, handlers: dict[str, Handler], taxii: bool, request: Request) -> Response:
    began = time.perf_counter()
    method = "GET" if request.method == "HEAD" else request.method
    handler = handlers.get(method)
    try:
        response = await _answer(exchange, handlers, handler, taxii, request)
    except Problem as problem:
        response = problem.response()
    except QueryError as error:
        response = Problem(400, "Bad query", str(error)).response()
    except ClientDisconnect:
        response = Problem(400, "The request ended early").response()
    except DatabaseLostError as error:
        response = Problem(503, "The database cannot be reached", str(error), {"Retry-After": "5"}).response()
    except Exception as error:  # the edge of a request: say where, never what
        LOG.error("%s at %s", type(error).__name__, traceback.extract_tb(error.__traceback__)[-1:])
        response = Problem(500, "Internal error", "The fault is ours. It was logged, without your data").response()
    kind = f"{method} {handler.__name__}" if handler is not None else "other"
    exchange.metrics.add("requests", kind=kind, status=str(response.status_code))
    exchange.metrics.add("request_seconds", time.perf_counter() - began, kind=kind)
    return response


async def _answer(
    exchange: Exchange, handlers: dict[str, Handler], handler: Handler | None, taxii: bool, request: Request
) -> Response:
    member = await exchange.admit(request)
    if handler is None:
        raise Problem(405, "Method not allowed", None, {"Allow": ", ".join(handlers)})
    if taxii:
        answers.check_accept(request)
    return await handler(exchange, Visit(request, member))


async def _framework_error(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    return Problem(code, "Not found" if code == 404 else "Refused").response()
