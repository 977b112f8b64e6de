"""When accounts are busy: rhythms of people and of machines, fitted to public traces; and the shared queue of a fleet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR

# Requests by local hour of day: the mean over the diurnal clients of ServeGen's published client models, rounded.
HOUR_WEIGHTS = np.array([4, 3, 2, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 7, 8, 8, 8, 7, 6, 6, 6, 6, 6, 5], float)
# UTC offsets in hours of ordinary accounts: shares follow no source, every one is populated so that none is telling
ZONES = np.array([-8, -7, -6, -5, -5, -4, -3, 0, 0, 1, 1, 1, 2, 3, 4, 5, 7, 8, 8, 8, 9, 9, 10], np.int8)


@dataclass(frozen=True)
class Rhythm:
    """
    The rhythm that benign accounts keep.

    Args:
        hour_weights: (24,) requests by local hour.
        burst_mean: Mean number of requests that follow each other closely.
        gap_median_s, gap_sigma: Lognormal pause between requests of one burst, seconds.
    """

    hour_weights: F64
    burst_mean: float = 3.0
    gap_median_s: float = 75.0
    gap_sigma: float = 1.2


def starts(rng: np.random.Generator, zones: npt.NDArray[np.int8], rhythm: Rhythm, start: int, days: float) -> I64:
    """
    One moment an entry, by the local hours of its zone, weekends at three fifths; microseconds since 1970.

    Args:
        zones: UTC offset in hours, one a moment wanted.
    """
    n = len(zones)
    whole = int(np.ceil(days))
    weekday = (start // DAY + 4 + np.arange(whole)) % 7
    weights = np.where((weekday == 0) | (weekday == 6), 0.6, 1.0)
    day = rng.choice(whole, n, p=weights / weights.sum())
    hour = rng.choice(24, n, p=rhythm.hour_weights / rhythm.hour_weights.sum())
    local = day * DAY + hour * HOUR + rng.integers(0, HOUR, n)
    span = int(days * DAY)
    return np.asarray(start + (local - zones.astype(np.int64) * HOUR) % span, np.int64)


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


def spread(weights: F64, total: int) -> I64:
    """
    Whole numbers that sum to `total`, each at least 1 where there is enough, in proportion to `weights`.

    >>> spread(np.array([1.0, 3.0]), 8).tolist()
    [2, 6]
    """
    n = len(weights)
    if n == 0 or total <= 0:
        return np.zeros(n, np.int64)
    base = 1 if total >= n else 0
    exact = weights / weights.sum() * (total - base * n)
    whole = np.floor(exact).astype(np.int64)
    left = total - base * n - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:left]] += 1
    return whole + base


def within(lengths: I64) -> I64:
    """0, 1, … within each run."""
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
