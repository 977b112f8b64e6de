"""
Timestamps of STIX 2.1 (section 3.2) and TAXII 2.1 (section 2), kept as whole microseconds since 1970.

Why not `datetime.fromisoformat`: it admits offsets, missing seconds and lower-case letters, which both standards forbid.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_FORM = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def now_us() -> int:
    """The clock, in microseconds."""
    return time.time_ns() // 1_000


@lru_cache(8_192)  # the objects of one envelope share most of their times
def parse(text: str) -> int:
    """
    Microseconds of an RFC 3339 time that ends in `Z`; digits beyond the sixth are cut off.

    Raises:
        ValueError: the text is no such time.

    >>> parse("1970-01-01T00:00:01.5Z")
    1500000
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("not a time of the form 2026-11-24T03:00:00.000Z")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    if second > 60:
        raise ValueError("not a time of the form 2026-11-24T03:00:00.000Z")
    fraction = int((found[7] or "0")[:6].ljust(6, "0"))
    return (moment - _EPOCH) // timedelta(microseconds=1) + (second - min(second, 59)) * SECOND_US + fraction


def write(moment_us: int) -> str:
    """
    A time as TAXII writes it: exactly six digits after the second, `Z`.

    >>> write(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    return (_EPOCH + timedelta(microseconds=moment_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write_ms(moment_us: int) -> str:
    """
    A time as STIX objects of ours carry it: three digits after the second, `Z`.

    >>> write_ms(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    return write(moment_us)[:-4] + "Z"
