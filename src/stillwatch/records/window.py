"""A half-open interval of UTC time: what a scan looks at, and what every rate is a rate of."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """
    Half-open interval `[start, end)` of UTC time.

    Args:
        start: First instant inside.
        end: First instant after it.

    Raises:
        ValueError: a bound has no time zone, or the window is empty.

    >>> week = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
    >>> week.n_days
    7
    >>> week.holds(datetime(2026, 3, 9, tzinfo=UTC))
    False
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window's bounds need a time zone: use datetime(..., tzinfo=UTC)")
        if self.end <= self.start:
            raise ValueError(f"a window ends after it starts, not {self.start.isoformat()} to {self.end.isoformat()}")

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    @property
    def n_days(self) -> int:
        """Days it touches, counted from its start; a part of a day is a day."""
        return -(-self.length // timedelta(days=1))

    @property
    def start_us(self) -> int:
        """Its start in microseconds since 1970, as tables store time."""
        return (self.start - _EPOCH) // timedelta(microseconds=1)

    @property
    def end_us(self) -> int:
        """Its end in microseconds since 1970."""
        return (self.end - _EPOCH) // timedelta(microseconds=1)

    def holds(self, when: datetime) -> bool:
        """Is this instant inside?"""
        return self.start <= when < self.end
