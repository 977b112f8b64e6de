"""
How the server speaks HTTP: media types (TAXII 2.1 section 1.6.8), the error object (3.6.1), bodies within bounds.

Every answer, errors of the framework included, is a TAXII resource; nothing of a request is ever quoted back.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from stillwatch.sharing.taxii import strictjson

MEDIA_TYPE = "application/taxii+json;version=2.1"
STIX_MEDIA_TYPE = "application/stix+json;version=2.1"
MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_OBJECTS = 5_000
MAX_GZIP_RATIO = 50  # STIX packs some 10 : 1; a bomb some 1,000 : 1


class Problem(Exception):  # noqa: N818 (it is an answer, and raised as one)
    """
    A request that ends in an error object.

    Args:
        status: HTTP status.
        title: What is wrong, in a few words.
        description: What to do about it.
        headers: Headers beside the usual ones.
    """

    def __init__(self, status: int, title: str, description: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.description = description
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The error object."""
        told = {"title": self.title, "description": self.description, "http_status": str(self.status)}
        return reply(orjson.dumps({k: v for k, v in told.items() if v is not None}), self.status, self.headers)


def reply(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A TAXII resource."""
    usual = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, status, {**usual, **(headers or {})}, media_type=MEDIA_TYPE)


def resource(told: Any, status: int = 200) -> Response:
    """A TAXII resource from mappings and lists."""
    return reply(orjson.dumps(told), status)


def check_accept(request: Request) -> None:
    """
    Refuse a client that cannot read what we send; no Accept at all counts as `*/*` (RFC 9110).

    Raises:
        Problem: 406.
    """
    headers = request.headers.getlist("accept")
    if headers and not any(_readable(part) for header in headers for part in header.split(",")):
        raise Problem(406, "Not acceptable", f"This server speaks {MEDIA_TYPE}")


def check_content_type(request: Request) -> None:
    """
    Refuse a body that is not announced as TAXII 2.1; the version may be left out.

    Raises:
        Problem: 415.
    """
    kind, options = _media(request.headers.get("content-type", ""))
    if kind != "application/taxii+json" or options.get("version", "2.1") != "2.1":
        raise Problem(415, "Unsupported media type", f"Send {MEDIA_TYPE}")


async def read_envelope(request: Request, max_bytes: int = MAX_BODY_BYTES) -> list[Any]:
    """
    The objects of an envelope (section 3.7), still unjudged.

    Raises:
        Problem: 413 too large, 415 a coding that is not gzip, 422 no envelope.
    """
    raw = await _read_body(request, max_bytes)
    try:
        envelope = strictjson.loads(raw)
    except strictjson.StrictJsonError as error:
        raise Problem(422, "Not an envelope", f"{error}. Send an object with a list named objects") from error
    if not isinstance(envelope, dict):
        raise Problem(422, "Not an envelope", "Send an object with a list named objects")
    things = envelope.get("objects")
    if not isinstance(things, list) or not things:
        raise Problem(422, "Not an envelope", "Its objects must be a list that is not empty")
    if len(things) > MAX_OBJECTS:
        raise Problem(413, "Too many objects", f"Send at most {MAX_OBJECTS} at once")
    return things


async def _read_body(request: Request, max_bytes: int) -> bytes:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise Problem(415, "Unsupported content coding", "Send the body as it is, or gzip")
    unpack = zlib.decompressobj(wbits=31) if coding == "gzip" else None
    parts: list[bytes] = []
    size = arrived = 0
    async for chunk in request.stream():
        arrived += len(chunk)
        if unpack is not None:
            try:
                chunk = unpack.decompress(chunk, max_bytes - size + 1)
            except zlib.error as error:
                raise Problem(422, "Not an envelope", "The body is announced as gzip and is none") from error
        size += len(chunk)
        if size > max_bytes or arrived > max_bytes:
            raise Problem(413, "Too large", f"Send at most {max_bytes} bytes at once", {"Connection": "close"})
        if unpack is not None and size > 1024 * 1024 and size > MAX_GZIP_RATIO * arrived:
            raise Problem(
                413, "Too large", f"The body unpacks to more than {MAX_GZIP_RATIO} times its size", {"Connection": "close"}
            )
        parts.append(chunk)
    if unpack is not None and not unpack.eof:
        raise Problem(422, "Not an envelope", "The gzip body ends too early")
    return b"".join(parts)


def _readable(part: str) -> bool:
    kind, options = _media(part)
    try:
        if float(options.get("q", "1")) == 0:
            return False
    except ValueError:
        return False
    if kind in ("*/*", "application/*"):
        return True
    return kind == "application/taxii+json" and options.get("version", "2.1") == "2.1"


def _media(text: str) -> tuple[str, dict[str, str]]:
    kind, *rest = text.lower().split(";")
    pairs = (option.partition("=") for option in rest)
    return kind.strip(), {name.strip(): kept.strip().strip('"') for name, _, kept in pairs}
