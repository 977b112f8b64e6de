"""When accounts are busy: rhythms of people and of machines, fitted to public traces; and the shared queue of a fleet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR

# UTC offsets in hours of ordinary accounts: shares follow no source, every one is populated so that none is telling
ZONES = np.array([-8, -7, -6, -5, -5, -4, -3, 0, 0, 1, 1, 1, 2, 3, 4, 5, 7, 8, 8, 8, 9, 9, 10], np.int8)
_BYTE = 256


@dataclass(frozen=True)
class Rhythms:
    """
    The rhythms that accounts keep, k of them; an account has one.

    Args:
        hours: (k, 256) local hours; a random byte picks one.
        burst_mean: (k,) mean number of requests that follow each other closely.
        gap_median_s: (k,) median pause inside a burst, seconds; pauses are lognormal.
        share: (k,) of accounts.
        gap_sigma: Spread of log pauses.
    """

    hours: npt.NDArray[np.int8]
    burst_mean: F64
    gap_median_s: F64
    share: F64
    gap_sigma: float = 1.2


def rhythms(weights: F64, burst_mean: F64, gap_median_s: F64, share: F64) -> Rhythms:
    """
    Rhythms from requests by local hour.

    Args:
        weights: (k, 24), not all zero in any row.
    """
    cumulative = np.cumsum(weights, 1) / weights.sum(1, keepdims=True)
    at = (np.arange(_BYTE) + 0.5) / _BYTE
    hours = np.stack([np.searchsorted(row, at) for row in cumulative]).astype(np.int8)
    return Rhythms(hours, burst_mean, gap_median_s, share / share.sum())


# A person's waking day. No trace tells people apart; trough to peak of the 43 clients of ServeGen's m-small is 2.8 : 6.1,
# sharpened here because one person sleeps and a sum over time zones does not.
WAKING = np.array([2, 1, 1, 0.5, 0.5, 1, 2, 4, 6, 7, 7, 7, 6, 6.5, 7, 7, 7, 6.5, 6, 6, 6, 6, 5, 3.5])
_OFFICE = np.array([0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 1, 3, 7, 9, 9, 8, 5, 7, 9, 9, 8, 5, 2, 1, 1, 0.8, 0.5, 0.3])
_EVENING = np.array([4, 2, 1, 0.5, 0.3, 0.3, 0.5, 1, 1.5, 2, 2, 2.5, 3, 3, 3, 3.5, 4, 5, 6, 7, 9, 9, 8, 6])
_ALWAYS = np.ones(24)
# Burst sizes: the inter-arrival coefficient of variation of ServeGen's m-large clients has quartiles 1.0, 1.45, 2.2 and ninth
# decile 5.6; read as clustered arrivals, CV² is about 2 × burst - 1. Some of those clients are busy nearly all the time.
SHIPPED = rhythms(
    np.stack([WAKING, _OFFICE, _EVENING, _ALWAYS, _ALWAYS]),
    np.array([3.0, 3.0, 4.0, 1.6, 16.0]),
    np.array([75.0, 90.0, 60.0, 30.0, 8.0]),
    np.array([0.35, 0.25, 0.15, 0.15, 0.10]),
)
WEEKEND = 0.6  # requests on a weekend day, of those on a weekday; no source, the same for all


def starts(
    rng: np.random.Generator, zones: npt.NDArray[np.int8], which: npt.NDArray[np.int16], known: Rhythms, start: int, days: float
) -> I64:
    """
    One moment an entry, by the local hours of its rhythm and zone; microseconds since 1970.

    Args:
        zones: UTC offset in hours, one a moment wanted.
        which: Place of its rhythm in `known`.
    """
    n = len(zones)
    weekday = (start // DAY + 4 + np.arange(int(np.ceil(days)))) % 7
    weights = np.where((weekday == 0) | (weekday == 6), WEEKEND, 1.0)
    weights[-1] *= days - (len(weights) - 1)
    day = rng.choice(len(weights), n, p=weights / weights.sum()).astype(np.int64)
    hour = known.hours[which, rng.integers(0, _BYTE, n)].astype(np.int64)
    local = day * DAY + hour * HOUR + rng.integers(0, HOUR, n) - zones.astype(np.int64) * HOUR
    return np.asarray(start + local % int(days * DAY), np.int64)


def queue(rng: np.random.Generator, n: int, start: int, days: float, busy_share: float = 0.6) -> I64:
    """
    The moments at which one queue hands out work, sorted: hours on and off, and a load that differs from hour to hour.

    Args:
        busy_share: Share of the hours in which the dispatcher runs.
    """
    hours = max(1, int(days * 24))
    load = rng.gamma(1.5, 1.0, hours) * (rng.random(hours) < busy_share)
    if load.sum() == 0:
        load[:] = 1.0
    hour = rng.choice(hours, n, p=load / load.sum())
    moments = start + hour * HOUR + rng.integers(0, HOUR, n)
    return np.sort(np.minimum(moments, start + int(days * DAY) - 1))
