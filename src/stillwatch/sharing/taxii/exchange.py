"""
The server without its socket: who is let in, what a page is, what runs beside the requests.

Statements on the database run in threads, so that a large page never keeps a small one waiting.
"""

import asyncio
import base64
import binascii
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request

from stillwatch.sharing.taxii import answers, audit, cursor, filters, times
from stillwatch.sharing.taxii.answers import Problem
from stillwatch.sharing.taxii.database import Database, DatabaseLostError
from stillwatch.sharing.taxii.limits import Buckets
from stillwatch.sharing.taxii.members import Member, Members, Shown
from stillwatch.sharing.taxii.metrics import Metrics
from stillwatch.sharing.taxii.objects import Objects, Page
from stillwatch.sharing.taxii.provenance import Signer
from stillwatch.sharing.taxii.webhook import Webhooks

LOG = logging.getLogger("stillwatch.exchange")
_THREADS = 8
_AUDIT_S = 1.0
_JANITOR_S = 60.0
_FAILED_SIGN_INS_A_MINUTE = 60
_BAD_KEY = {"WWW-Authenticate": 'Basic realm="exchange", Bearer'}
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Options:
    """
    How an exchange presents itself.

    Args:
        title: Name in the discovery resource.
        contact: Whom to ask.
        public_url: Scheme and host by which members reach it; None takes them from each request.
        page: Bounds of a page.
        max_body_bytes: `max_content_length` of every API root.
        certificate_header: Header in which a trusted proxy passes the SHA-256 of the client's certificate.
        trusted_proxies: Addresses that may connect at all and whose header counts; empty: everyone may connect, no header counts.
        workers: Processes that serve; each grants its part of every limit.
        signing_keys: PEM files of Ed25519 keys that sign the pages of objects, newest first.
    """

    title: str = "Stillwatch exchange"
    contact: str | None = None
    public_url: str | None = None
    page: filters.PageSize = field(default_factory=filters.PageSize)
    max_body_bytes: int = answers.MAX_BODY_BYTES
    certificate_header: str = "x-client-cert-sha256"
    trusted_proxies: frozenset[str] = frozenset()
    workers: int = 1
    signing_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """One request after it has been let in."""

    request: Request
    member: Member

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])


class Exchange:
    """
    The server, without its socket.

    Args:
        database: Where everything lies.
        options: How it presents itself.
    """

    def __init__(self, database: Database, options: Options) -> None:
        self.options = options
        self.members = Members(database)
        self.objects = Objects(database)
        self.metrics = Metrics()
        self.database = database
        self._buckets = Buckets(1 / options.workers)
        self._reads: deque[audit.Entry] = deque()
        self._flushing = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, "exchange")
        self._webhooks = Webhooks(database)
        self.signer = Signer(options.signing_keys)
        self._calling = ThreadPoolExecutor(1, "webhook")  # of its own: a slow receiver keeps no request waiting

    async def call(self, work: Callable[..., Result], *values: Any, **named: Any) -> Result:
        """Run blocking work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *values, **named))

    def note(self, member: Member, target: str, detail: str) -> None:
        """Remember a read for the audit log."""
        self._reads.append(audit.Entry(times.now_us(), member.id, "read", target, detail))

    def flush(self) -> None:
        """Write the remembered reads to the audit log; what comes meanwhile waits for the next time."""
        with self._flushing:
            entries = [self._reads.popleft() for _ in range(len(self._reads))]
            if not entries:
                return
            try:
                with self.database.write() as transaction:
                    audit.append(transaction, entries)
            except DatabaseLostError:
                self._reads.extendleft(reversed(entries))
                LOG.warning("the audit log cannot be written now; %d reads wait", len(self._reads))

    async def admit(self, request: Request) -> Member:
        """
        The member who asks.

        Raises:
            Problem: 401 without a valid key, 403 from a stranger's address or without the certificate, 429 over a limit.
        """
        host = request.client.host if request.client else ""
        if self.options.trusted_proxies and host not in self.options.trusted_proxies:
            raise Problem(403, "Forbidden", "This server is reached through its proxy only")
        known = await self.call(self._sign_in, request.headers.get("authorization", ""))
        if known is None:
            self.metrics.add("signed_in_not")
            wait = self._buckets.take(f"stranger {host}", _FAILED_SIGN_INS_A_MINUTE)
            if wait:
                raise self._too_often(wait)
            raise Problem(401, "Unauthorized", "Send a valid key by HTTP Basic (member : key) or Bearer", _BAD_KEY)
        member, prefix = known
        if member.certificate is not None and not self._certified(request, member.certificate):
            raise Problem(403, "Forbidden", "This member's keys are valid only with its client certificate")
        reading = request.method in ("GET", "HEAD")
        limit = member.limits.gets_a_minute if reading else member.limits.posts_a_minute
        wait = self._buckets.take(f"{prefix} {'get' if reading else 'post'}", limit)
        if wait:
            raise self._too_often(wait)
        return member

    def _sign_in(self, header: str) -> tuple[Member, str] | None:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "bearer":
            return self.members.authenticate(rest.strip())
        if scheme.lower() != "basic":
            return None
        try:
            name, _, key = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        known = self.members.authenticate(key)
        return known if known is not None and known[0].id == name else None

    def _certified(self, request: Request, wanted: str) -> bool:
        if not self.options.trusted_proxies:
            return False
        return request.headers.getlist(self.options.certificate_header) == [wanted]

    def _too_often(self, wait: float) -> Problem:
        self.metrics.add("limited")
        return Problem(429, "Too many requests", "Slow down", {"Retry-After": str(int(wait) + 1)})

    async def collection(self, visit: Visit) -> Shown:
        """
        The collection of the address, by id or alias (section 5.2).

        Raises:
            Problem: 404 if the member may not know of it.
        """
        wanted, root = visit.path("collection"), visit.path("root")
        for shown in await self.call(self.members.shown, visit.member):
            if shown.collection.root == root and wanted in (shown.collection.id, shown.collection.alias):
                return shown
        raise Problem(404, "Not found", "There is no such collection for you")

    async def readable(self, visit: Visit) -> Shown:
        """The collection, if the member may read it; 403 else."""
        shown = await self.collection(visit)
        if not shown.can_read:
            raise Problem(403, "Forbidden", "You may not read this collection")
        return shown

    async def page(self, visit: Visit, kind: str, fields: frozenset[str], *, name: str | None = None) -> tuple[Page, str | None]:
        """
        One page of a collection and the cursor of the next.

        Args:
            kind: `objects`, `manifest` or `versions`; cursors of one are refused by the others.
            fields: Match fields that the endpoint knows.
            name: The one object that is asked for, if it is one.
        """
        shown = await self.readable(visit)
        collection = shown.collection
        query = asked(visit, fields, self.options.page)
        scope = " ".join((kind, collection.id, name or ""))
        wanted, after = query.filters, -1
        if query.cursor is not None:
            after, wanted = cursor.read(query.cursor, scope)
            if not filters.agree(query.filters, wanted):
                raise filters.QueryError(
                    "next was made under other filters. Repeat them, leave them out, or begin again without it"
                )
        own = replace(wanted, ids=(name,)) if name is not None else wanted
        if kind == "versions":
            own = replace(own, versions=("all",))
        got = await self.call(self.objects.page, collection, visit.member, own, after, query.limit, bodies=kind == "objects")
        if not got.records and name is not None and not await self.call(self.objects.knows, collection, visit.member, name):
            raise Problem(404, "Not found", "There is no such object for you")
        self.note(visit.member, collection.id, f"{kind} n={len(got.records)}" + (f" {name}" if name else ""))
        return got, cursor.write(scope, got.records[-1].stamp, wanted) if got.more else None

    async def run(self) -> None:
        """Flush the audit log every second, expire every minute; until cancelled."""
        due = time.monotonic()
        while True:
            await asyncio.sleep(_AUDIT_S)
            await self.call(self.flush)
            if time.monotonic() >= due:
                due = time.monotonic() + _JANITOR_S
                with contextlib.suppress(DatabaseLostError):
                    await self.call(self.objects.expire, times.now_us())

    async def tell(self) -> None:
        """Call the members' webhooks that are due, every second; until cancelled. What is not told now is told later."""
        while True:
            await asyncio.sleep(_AUDIT_S)
            try:
                counts = await asyncio.get_running_loop().run_in_executor(self._calling, self._webhooks.deliver, times.now_us())
            except DatabaseLostError:
                continue
            for outcome, n in counts.items():
                if n:
                    self.metrics.add("webhooks", n, outcome=outcome)

    async def stop(self) -> None:
        """Write what is left to write."""
        await asyncio.get_running_loop().run_in_executor(None, partial(self._calling.shutdown, wait=True))
        await self.call(self.flush)
        self._threads.shutdown(wait=True)


def asked(visit: Visit, fields: frozenset[str], size: filters.PageSize) -> filters.Query:
    """The query of a request."""
    return filters.parse(visit.request.query_params.multi_items(), fields, size)
