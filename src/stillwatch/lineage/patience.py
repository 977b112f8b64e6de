"""When to try again, and how fast to ask: back-off with full jitter, `Retry-After`, and a pace shared by all threads."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

PASSING_STATUSES = frozenset(
    {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
)  # RFC 9110, RFC 6585; 52x as proxies use them


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How often and how long to try.

    Args:
        attempts: Tries of one question, at least 1.
        first_wait_s: Longest wait before the second try; it doubles with each.
        longest_wait_s: No single wait is longer; a server that asks for more is left alone until the next run.
        per_minute: Questions a minute over all threads; None for as fast as answers come.

    References:
        "Full jitter": Brooker, "Exponential backoff and jitter", 2015.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    per_minute: float | None = None

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.first_wait_s < 0 or self.longest_wait_s < self.first_wait_s:
            raise ValueError("attempts must be at least 1 and longest_wait_s at least first_wait_s")
        if self.per_minute is not None and self.per_minute <= 0:
            raise ValueError("per_minute must be above 0")

    def wait_s(self, tries: int, asked_s: float | None, luck: random.Random) -> float:
        """Seconds to wait after `tries` failed tries; never less than the server asked for."""
        drawn = luck.uniform(0.0, min(self.longest_wait_s, self.first_wait_s * 2.0 ** (tries - 1)))
        return drawn if asked_s is None else asked_s + min(drawn, 1.0)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """
    Seconds that a `Retry-After` header asks for; None where it is missing or no time.

    >>> retry_after_s("7", datetime.now(UTC))
    7.0
    """
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now.timestamp())


class Pace:
    """One clock for all threads that ask one endpoint: a pause that one was told to make is made by all."""

    def __init__(
        self,
        per_minute: float | None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap_s = 60.0 / per_minute if per_minute else 0.0
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take_turn(self) -> None:
        """Wait until the next question may be asked."""
        with self._lock:
            start = max(self._now(), self._free_at)
            self._free_at = start + self._gap_s
        wait_s = start - self._now()
        if wait_s > 0:
            self._sleep(wait_s)

    def pause(self, seconds: float) -> None:
        """Nobody asks for so long from now."""
        with self._lock:
            self._free_at = max(self._free_at, self._now() + seconds)

    def wait(self, seconds: float) -> None:
        """The caller alone waits."""
        self._sleep(seconds)
