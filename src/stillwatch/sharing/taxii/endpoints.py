"""One handler an endpoint of TAXII 2.1 (OASIS Standard, sections 4 and 5), and two of our own: the audit log and metrics."""

import logging
from typing import Any

import orjson
from starlette.responses import PlainTextResponse, Response

from stillwatch.sharing.taxii import answers, audit, filters, provenance, times
from stillwatch.sharing.taxii.answers import Problem
from stillwatch.sharing.taxii.exchange import Exchange, Visit, asked
from stillwatch.sharing.taxii.members import Shown
from stillwatch.sharing.taxii.objects import ForbiddenError, NotFoundError, Page
from stillwatch.sharing.taxii.quota import QuotaError

LOG = logging.getLogger("stillwatch.exchange")


async def discovery(exchange: Exchange, visit: Visit) -> Response:
    """Section 4.1: Server Discovery."""
    shown = await exchange.call(exchange.members.shown, visit.member)
    base = exchange.options.public_url or f"{visit.request.url.scheme}://{visit.request.url.netloc}"
    roots = [f"{base.rstrip('/')}/{root}/" for root in dict.fromkeys(s.collection.root for s in shown)]
    told = {"title": exchange.options.title, "contact": exchange.options.contact}
    if roots:
        told |= {"default": roots[0], "api_roots": roots}  # type: ignore[dict-item]
    return answers.resource({k: v for k, v in told.items() if v is not None})


async def root(exchange: Exchange, visit: Visit) -> Response:
    """Section 4.2: Get API Root Information."""
    name = visit.path("root")
    shown = await exchange.call(exchange.members.shown, visit.member)
    if all(one.collection.root != name for one in shown):
        raise Problem(404, "Not found", "There is no such API root for you")
    title = f"{exchange.options.title}: {name}"
    return answers.resource(
        {"title": title, "versions": [answers.MEDIA_TYPE], "max_content_length": exchange.options.max_body_bytes}
    )


async def status(exchange: Exchange, visit: Visit) -> Response:
    """Section 4.3: Get Status."""
    try:
        return answers.reply(await exchange.call(exchange.objects.status, visit.path("root"), visit.member, visit.path("status")))
    except NotFoundError as error:
        raise Problem(404, "Not found", "There is no such status for you; it is kept for a week") from error


async def collections(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.1: Get Collections."""
    name = visit.path("root")
    shown = [one for one in await exchange.call(exchange.members.shown, visit.member) if one.collection.root == name]
    if not shown:
        raise Problem(404, "Not found", "There is no such API root for you")
    return answers.resource({"collections": [_collection(one) for one in shown]})


async def collection(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.2: Get a Collection."""
    return answers.resource(_collection(await exchange.collection(visit)))


async def manifest(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.3: Get Object Manifests."""
    got, following = await exchange.page(visit, "manifest", filters.MATCH_ALL)
    lines = [
        orjson.dumps(
            {"id": r.id, "date_added": times.write(r.stamp), "version": r.version, "media_type": answers.STIX_MEDIA_TYPE}
        )
        for r in got.records
    ]
    return pages(got, following, "objects", lines)


async def objects(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.4: Get Objects."""
    got, following = await exchange.page(visit, "objects", filters.MATCH_ALL)
    exchange.metrics.add("objects_served", len(got.records))
    answer = pages(got, following, "objects", [r.body for r in got.records])
    shown = await exchange.collection(visit)
    if (signature := exchange.signer.header(shown.collection.id, bytes(answer.body))) is not None:
        answer.headers[provenance.HEADER] = signature
    return answer


async def add(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.5: Add Objects."""
    answers.check_content_type(visit.request)
    shown = await exchange.collection(visit)
    if not shown.can_write:
        raise Problem(403, "Forbidden", "You may not write to this collection")
    things = await answers.read_envelope(visit.request, exchange.options.max_body_bytes)
    try:
        told = await exchange.call(exchange.objects.post, shown.collection, visit.member, things)
    except QuotaError as error:
        raise Problem(429, "Too many objects", "The day's quota is spent", {"Retry-After": "3600"}) from error
    exchange.metrics.add("objects_stored", told["success_count"])
    for failure in told.get("failures", ()):
        reason = failure["message"].partition(":")[0][:40]
        exchange.metrics.add("objects_refused", reason=reason)
        if reason == "personal data/prompt content":
            LOG.warning("member %s sent personal data or prompt content; it was refused", visit.member.id)
    return answers.resource(told, 202)


async def one(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.6: Get an Object."""
    got, following = await exchange.page(visit, "objects", filters.MATCH_ONE, name=visit.path("object"))
    exchange.metrics.add("objects_served", len(got.records))
    return pages(got, following, "objects", [r.body for r in got.records])


async def delete(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.7: Delete an Object."""
    shown = await exchange.collection(visit)
    if not (shown.can_write and shown.can_read):
        raise Problem(403, "Forbidden", "You may not delete from this collection")
    query = asked(visit, filters.MATCH_ONE, exchange.options.page)
    try:
        await exchange.call(exchange.objects.delete, shown.collection, visit.member, visit.path("object"), query.filters)
    except NotFoundError as error:
        raise Problem(404, "Not found", "There is no such object for you") from error
    except ForbiddenError as error:
        raise Problem(403, "Forbidden", "Only its owner or a moderator may delete this object") from error
    return answers.reply(b"{}")


async def versions(exchange: Exchange, visit: Visit) -> Response:
    """Section 5.8: Get Object Versions."""
    got, following = await exchange.page(visit, "versions", filters.MATCH_VERSIONS, name=visit.path("object"))
    return pages(got, following, "versions", [orjson.dumps(r.version) for r in got.records])


async def audit_log(exchange: Exchange, visit: Visit) -> Response:
    """Ours: the audit log as JSON lines, for auditors and moderators; `?after=SEQ` goes on, `limit` bounds."""
    if visit.member.role not in ("auditor", "moderator"):
        raise Problem(404, "Not found")
    after = visit.request.query_params.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Problem(400, "Bad query", "after is the number of a line")
    await exchange.call(exchange.flush)
    lines = await exchange.call(audit.lines, exchange.database, int(after), 1_000)
    body = b"".join(orjson.dumps(audit.written(line)) + b"\n" for line in lines)
    return Response(body, media_type="application/x-ndjson")


async def metrics(exchange: Exchange, visit: Visit) -> Response:
    """Ours: counters for Prometheus, for auditors and moderators."""
    if visit.member.role not in ("auditor", "moderator"):
        raise Problem(404, "Not found")
    return PlainTextResponse(exchange.metrics.write(), media_type="text/plain; version=0.0.4")


def _collection(shown: Shown) -> dict[str, Any]:
    kept = shown.collection
    told = {
        "id": kept.id,
        "title": kept.title,
        "description": kept.description,
        "alias": kept.alias,
        "can_read": shown.can_read,
        "can_write": shown.can_write,
        "media_types": [answers.STIX_MEDIA_TYPE],
        "x_stillwatch_producer": shown.producer,
    }
    return {k: v for k, v in told.items() if v is not None}


def pages(got: Page, following: str | None, key: str, parts: list[bytes]) -> Response:
    """A page as an envelope, a manifest or a list of versions; an empty list is left out (section 2)."""
    body = b'{"more":true,"next":"' + following.encode() + b'"' if following else b'{"more":false'
    if parts:
        body += b',"' + key.encode() + b'":[' + b",".join(parts) + b"]"
    headers = {}
    if got.records:
        headers["X-TAXII-Date-Added-First"] = times.write(got.records[0].stamp)
        headers["X-TAXII-Date-Added-Last"] = times.write(got.records[-1].stamp)
    return answers.reply(body + b"}", 200, headers)
