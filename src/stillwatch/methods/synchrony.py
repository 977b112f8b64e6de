"""
Are accounts busy in the same hours more than their own rhythms make them?

The null rolls every account by whole days, independently: it keeps each account's own daily rhythm and its bursts, and
breaks only what ties accounts to one another. Its mean and variance have a closed form (below), so there is nothing to
draw and nothing that depends on order or names.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

HOURS = 24


@dataclass(frozen=True, slots=True)
class Synchrony:
    """
    Args:
        overlap: Sum over pairs of accounts of the cosine of their busy hours.
        null_mean: Its mean when every account is rolled by whole days.
        null_sd: Its standard deviation under the same null.
    """

    overlap: float
    null_mean: float
    null_sd: float

    @property
    def log_ratio(self) -> float:
        """ln of overlap over its mean under the null; 0 where accounts never could meet."""
        if self.null_mean <= 0:
            return 0.0
        return float(np.log(max(self.overlap, 1e-3 * self.null_mean) / self.null_mean))

    @property
    def se(self) -> float:
        """Standard error of `log_ratio` under the null."""
        return self.null_sd / self.null_mean if self.null_mean > 0 else float("inf")


def day_rolled(account: NDArray[np.int64], hour: NDArray[np.int64], n_days: int) -> Synchrony:
    """
    Overlap of busy hours, with the exact moments of its day-rolled null.

    An account is the set of hours in which it was busy, scaled to length one, so that no heavy account speaks for the
    group. With b_a the busy hours as a (day, hour) grid and Q_ab(s) the overlap of a and b rolled by s days, the null mean
    of a pair is the mean of Q_ab over s, pairs are uncorrelated (only differences of rolls matter), and the sum of the
    variances follows from Parseval over days: sum over a, b of |f_a(k)* f_b(k)|² is the squared Frobenius norm of
    sum_a f_a(k) f_a(k)*, where f_a(k) is the day-frequency k of the grid. Linear in accounts: O(n days 24²).

    Args:
        account: Account of each exchange, `(n,)`, numbered from 0.
        hour: Hour since the window's start of each exchange, `(n,)`, in 0...24 n_days - 1.
        n_days: Days of the window; one day leaves nothing to roll, and the variance is 0.

    >>> busy = np.array([0, 30, 55])                                   # the same three hours of three days for 10 accounts
    >>> s = day_rolled(np.repeat(np.arange(10), 3), np.tile(busy, 10), 3)
    >>> round(s.overlap), round(s.null_mean), bool(s.null_sd > 0)
    (45, 15, True)
    """
    if account.size == 0:
        return Synchrony(0.0, 0.0, 0.0)
    busy = account * (n_days * HOURS) + hour
    if (busy[1:] < busy[:-1]).any():
        busy = np.sort(busy)
    who, when = np.divmod(busy[np.diff(busy, prepend=-1) != 0], n_days * HOURS)
    who = np.cumsum(np.diff(who, prepend=who[:1]) != 0)
    n_hours = np.bincount(who)
    scale = 1 / np.sqrt(n_hours)
    per_hour = np.bincount(when, scale[who], minlength=n_days * HOURS)
    overlap = (per_hour**2).sum() - n_hours.size  # each account's own cosine is 1
    daily = np.bincount(who * HOURS + when % HOURS, scale[who], n_hours.size * HOURS).reshape(-1, HOURS)
    mean = ((daily.sum(0) ** 2).sum() - (daily**2).sum()) / n_days
    variance = _pair_variance(who, when, scale, n_days)
    return Synchrony(float(overlap / 2), float(mean / 2), float(np.sqrt(max(variance, 0.0))))


def _pair_variance(who: NDArray[np.int64], when: NDArray[np.int64], scale: NDArray[np.float64], n_days: int) -> float:
    """Sum over pairs of the variance of their overlap under random rolls."""
    total = 0.0
    frequencies = n_days // 2
    outer = np.zeros((frequencies, HOURS, HOURS), np.complex128)
    alone = np.zeros(frequencies)
    step = max(1, 4_000_000 // (n_days * HOURS))
    for first in range(0, scale.size, step):
        low, high = np.searchsorted(who, [first, first + step])
        size = min(step, scale.size - first)
        # an account is busy in few hours of the day: only these have a wave
        of_day = (who[low:high] - first) * HOURS + when[low:high] % HOURS
        used = np.zeros(size * HOURS, np.bool_)
        used[of_day] = True
        cell, place = np.flatnonzero(used), (np.cumsum(used) - 1)[of_day]
        grid = np.zeros((cell.size, n_days))
        grid[place, when[low:high] // HOURS] = scale[who[low:high]]
        waves = np.fft.rfft(grid, axis=1)[:, 1:]
        starts = np.searchsorted(cell, np.arange(size + 1) * HOURS)
        for k in range(frequencies):
            wave = np.ascontiguousarray(waves[:, k])
            part = np.zeros((HOURS, HOURS), np.complex128)
            _outer(wave, cell % HOURS, starts, part)
            outer[k] += part
            power = np.zeros(size * HOURS)
            power[cell] = wave.real**2 + wave.imag**2
            alone[k] += (power.reshape(size, HOURS).sum(1) ** 2).sum()
    for k in range(frequencies):
        both = 1.0 if 2 * (k + 1) == n_days else 2.0  # a real signal has each frequency twice, but the middle one
        total += both * float((np.abs(outer[k]) ** 2).sum() - alone[k])
    return total / (2 * n_days**2)


@njit(cache=True, nogil=True)
def _outer(
    wave: NDArray[np.complex128], hour: NDArray[np.int64], starts: NDArray[np.int64], total: NDArray[np.complex128]
) -> None:
    """Sum over accounts of conj(f) f* over the hours in which each is busy; too small for BLAS and its threads."""
    for a in range(starts.size - 1):
        for i in range(starts[a], starts[a + 1]):
            for j in range(starts[a], starts[a + 1]):
                x, y = wave[i], wave[j]
                total[hour[i], hour[j]] += complex(x.real * y.real + x.imag * y.imag, x.real * y.imag - x.imag * y.real)
