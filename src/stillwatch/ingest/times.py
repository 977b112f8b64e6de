"""
Times as logs write them -> microseconds since 1970, UTC.

A number's unit is told by its size: below 1e11 seconds (until the year 5138), then milliseconds (from 1973), microseconds,
nanoseconds. `ingest.time_format` overrules. A time without a zone is UTC.
"""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.records.tables import UTC_TIME

TIME_FORMATS = ("s", "ms", "us", "iso")
_PER_UNIT = {"s": 1e6, "ms": 1e3, "us": 1.0}
_LIMITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e19, 1e-3))  # size below which a number is s, ms, us, ns
_LATEST_US = 7_258_118_400_000_000  # the year 2200: later is no time but an error of unit


def parse_time(value: object, time_format: str | None = None) -> datetime | None:
    """
    One value -> UTC time; None where it is no time.

    >>> parse_time("2026-01-02T03:04:05+02:00").isoformat()
    '2026-01-02T01:04:05+00:00'
    >>> parse_time(1767323045000) == parse_time(1767323045) == parse_time("1767323045.0")
    True
    >>> parse_time("yesterday") is None
    True
    """
    us = _micros(value, time_format)
    if us is None or not 0 <= us <= _LATEST_US:
        return None
    return datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)


def times(array: pa.Array, time_format: str | None = None) -> pa.Array:
    """An Arrow column of any type that can hold a time -> UTC microseconds, null where it is no time."""
    kind = array.type
    if pa.types.is_null(kind):
        return pa.nulls(len(array), UTC_TIME)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if pa.types.is_date(kind):
            array = array.cast(pa.timestamp("s"))
        return _sane(array.cast(UTC_TIME, safe=False))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _from_numbers(array, time_format)
    if (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and time_format in (None, "iso"):
        for unit in ("us", "ns"):
            try:
                return _sane(array.cast(pa.timestamp(unit, "UTC")).cast(UTC_TIME, safe=False))
            except pa.ArrowInvalid:
                continue
    return pa.array([parse_time(v, time_format) for v in array.to_pylist()], UTC_TIME)


def _from_numbers(array: pa.Array, time_format: str | None) -> pa.Array:
    known = array.is_valid().to_numpy(zero_copy_only=False)
    values = array.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)
    if time_format == "iso":
        return pa.nulls(len(array), UTC_TIME)
    scaled = values * (_PER_UNIT[time_format] if time_format else _factors(np.abs(values)))
    good = known & np.isfinite(scaled) & (scaled >= 0) & (scaled <= _LATEST_US)
    micros = np.where(good, np.rint(np.where(good, scaled, 0.0)), 0).astype(np.int64)
    return pa.array(micros, mask=~good).cast(UTC_TIME)


def _factors(sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    factors = np.full(sizes.shape, np.nan)
    for limit, factor in reversed(_LIMITS):
        factors[sizes < limit] = factor
    return factors


def _sane(array: pa.Array) -> pa.Array:
    micros = array.cast(pa.int64())
    good = pc.and_(pc.greater_equal(micros, 0), pc.less_equal(micros, _LATEST_US))
    return pc.if_else(good, array, pa.scalar(None, UTC_TIME))


def _micros(value: object, time_format: str | None) -> int | None:
    if isinstance(value, str):
        number = None if time_format == "iso" else _number(value)
        if number is None:
            return _iso(value) if time_format in (None, "iso") else None
        value = number
    if isinstance(value, datetime):
        return _of(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or time_format == "iso":
        return None
    return _scaled(value, time_format)


def _number(text: str) -> float | None:
    if len(text) == 8 and text.isdigit():  # a date without dashes
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _iso(text: str) -> int | None:
    try:
        return _of(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def _scaled(value: float, time_format: str | None) -> int | None:
    if not abs(value) < _LIMITS[-1][0]:
        return None
    factor = _PER_UNIT[time_format] if time_format else next(f for limit, f in _LIMITS if abs(value) < limit)
    return round(value * factor)


def _of(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.timestamp() // 1)
    return whole * 1_000_000 + moment.microsecond
