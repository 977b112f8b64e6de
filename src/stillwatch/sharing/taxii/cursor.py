"""
The value of `next`: where a page ended, and the filters it was made under.

Opaque and URL-safe; nothing is kept at the server, so a cursor outlives restarts and works behind any load balancer. It is
not a secret and grants nothing: what may be seen is decided anew for every page.
"""

import base64
import binascii
import hashlib
from dataclasses import asdict

import orjson

from stillwatch.sharing.taxii.filters import Filters, QueryError

_CHECK_BYTES = 6


def write(scope: str, after_us: int, filters: Filters) -> str:
    """
    A cursor.

    Args:
        scope: Names the endpoint and collection; a cursor of one is refused by every other.
        after_us: Stamp of the last record of the page.
        filters: The filters of the page.
    """
    told = orjson.dumps([scope, after_us, asdict(filters)])
    return base64.urlsafe_b64encode(_check(told) + told).rstrip(b"=").decode()


def read(text: str, scope: str) -> tuple[int, Filters]:
    """
    The stamp and the filters of a cursor.

    Raises:
        QueryError: no cursor of this exchange, or of another endpoint or collection.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        told = orjson.loads(raw[_CHECK_BYTES:])
    except (ValueError, binascii.Error) as error:
        raise QueryError("next is no cursor of this exchange. Begin again without it") from error
    if raw[:_CHECK_BYTES] != _check(raw[_CHECK_BYTES:]) or told[0] != scope:
        raise QueryError("next is a cursor of another request. Begin again without it")
    kept = told[2]
    return told[1], Filters(kept["added_after_us"], *(tuple(kept[n]) for n in ("ids", "types", "versions", "spec_versions")))


def _check(told: bytes) -> bytes:
    return hashlib.blake2b(told, digest_size=_CHECK_BYTES, person=b"swx-cursor").digest()
