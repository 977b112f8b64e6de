"""How often a key may ask: token buckets, one a key and kind of request, in the memory of one process."""

import time
from collections import OrderedDict
from collections.abc import Callable

_KNOWN = 10_000  # buckets kept; the least used go first, and a forgotten bucket is a full one


class Buckets:
    """
    Token buckets (RFC 2697 calls the idea a committed burst): a minute's worth may come at once.

    Args:
        share: Part of every limit that this process grants: 1 / workers.
        clock: Seconds that only grow.
    """

    def __init__(self, share: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, a_minute: int) -> float:
        """
        Take one token. Returns 0, or the seconds after which one will be there.

        Args:
            a_minute: Size of the bucket and refill a minute; 0 is no limit.
        """
        if not a_minute:
            return 0.0
        now, full = self._clock(), max(1.0, a_minute * self._share)
        level, seen = self._levels.pop(name, (full, now))
        level = min(full, level + (now - seen) * full / 60)
        granted = level >= 1
        self._levels[name] = (level - 1 if granted else level, now)
        if len(self._levels) > _KNOWN:
            self._levels.popitem(last=False)
        return 0.0 if granted else (1 - level) * 60 / full
