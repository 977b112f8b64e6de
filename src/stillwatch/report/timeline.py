"""Exchanges over time: bins of a sensible width, and the paths and ticks that draw them. Pure functions of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from stillwatch.records.window import Window
from stillwatch.report.words import MONTHS

HOUR_S = 3_600
DAY_S = 86_400
WIDTHS_S = (HOUR_S, 3 * HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 28 * DAY_S)
MAX_BINS = 240  # at 780 pixels a bin is then at least three pixels wide
TICK_GAPS_DAYS = (1, 2, 7, 14, 28, 84, 182, 364)
MAX_TICKS = 9


@dataclass(frozen=True, slots=True)
class Bins:
    """Equal bins from the midnight before the window's start; the last one may reach past the window's end."""

    start_s: int
    width_s: int
    n: int

    def index(self, moment_s: float) -> int:
        """The bin of an instant, kept inside the bins."""
        return min(max(int((moment_s - self.start_s) // self.width_s), 0), self.n - 1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the time axis."""

    x: float
    label: str


def bins(window: Window) -> Bins:
    """
    Bins of one of WIDTHS_S, the narrowest that needs no more than MAX_BINS.

    >>> bins(Window(datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)))
    Bins(start_s=1793577600, width_s=10800, n=112)
    """
    start_s = int(window.start.timestamp()) // DAY_S * DAY_S
    span_s = max(int(window.end.timestamp()) - start_s, 1)
    width_s = next((w for w in WIDTHS_S if -(-span_s // w) <= MAX_BINS), WIDTHS_S[-1])
    return Bins(start_s, width_s, -(-span_s // width_s))


def width_in_words(width_s: int) -> str:
    """
    >>> width_in_words(3600), width_in_words(10800), width_in_words(86400), width_in_words(604800)
    ('hour', '3 hours', 'day', '7 days')
    """
    n, noun = (width_s // DAY_S, "day") if width_s >= DAY_S else (width_s // HOUR_S, "hour")
    return noun if n == 1 else f"{n} {noun}s"


def steps(values: Sequence[float], x: float, width: float, base: float, height: float, top: float | None = None) -> str:
    """
    The path of a filled step curve over equal bins.

    Args:
        values: One value a bin, at least 0.
        x, width: Left edge and width of the whole curve, pixels.
        base: The y of zero; larger values lie above it.
        height: Pixels of the largest value.
        top: Value drawn at full height; the largest where it is None.

    >>> steps([1, 2], 0, 10, 20, 10)
    'M0 20V15H5V10H10V20Z'
    """
    peak = max(top if top is not None else max(values, default=0.0), 1e-12)
    step = width / max(len(values), 1)
    parts = [f"M{_n(x)} {_n(base)}"]
    for i, value in enumerate(values):
        parts.append(f"V{_n(base - height * min(value / peak, 1.0))}H{_n(x + step * (i + 1))}")
    return "".join(parts) + f"V{_n(base)}Z"


def ticks(window_bins: Bins, x: float, width: float) -> list[Tick]:
    """Marks at midnights, at most MAX_TICKS; the year is named at the first one and where it changes."""
    first = datetime.fromtimestamp(window_bins.start_s, UTC)
    span_s = window_bins.n * window_bins.width_s
    n_days = span_s / DAY_S
    gap = next((g for g in TICK_GAPS_DAYS if n_days / g <= MAX_TICKS), TICK_GAPS_DAYS[-1])
    days = [first + timedelta(days=d) for d in range(0, max(int(n_days), 1), gap)]
    labels = [_day_label(days[0], True)] + [_day_label(b, a.year != b.year) for a, b in pairwise(days)]
    return [Tick(x + width * (d - first).total_seconds() / span_s, label) for d, label in zip(days, labels, strict=True)]


def _day_label(day: datetime, with_year: bool) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}" + (f" {day.year}" if with_year else "")


def _n(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve of a figure: its label, largest value, path and the y of its zero."""

    kind: str
    label: str
    peak: int
    path: str
    base: float


@dataclass(frozen=True, slots=True)
class Release:
    """A model's release: a vertical rule with its name, on one of three rows so that names do not run into each other."""

    model: str
    x: float
    row: int
    anchor: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A timeline, ready to draw."""

    panels: tuple[Panel, ...]
    ticks: tuple[Tick, ...]
    releases: tuple[Release, ...]
    top: float
    floor: float
    height: float


LEFT, PLOT_WIDTH = 150.0, 800.0
_HEIGHTS = {"all": 46.0, "campaign": 92.0, "model": 22.0}
_GAP = 16.0
_RELEASE_ROWS = 3
_MAX_RELEASES = 6
_MAX_MODELS = 5


def figure(
    window_bins: Bins, all_traffic: Sequence[int], series: dict[str, list[int]], releases: Sequence[tuple[str, datetime]]
) -> Figure:
    """
    All traffic, the campaign, and (where it asked more than one) each of its models, over one time axis.

    Args:
        series: Exchanges of the campaign a bin, by model.
        releases: Model and first exchange with it; those outside the bins are left out.
    """
    flags = _releases(window_bins, releases)
    top = 8.0 + 13.0 * len({f.row for f in flags})
    curves = [("all", "all traffic", list(all_traffic)), ("campaign", "this campaign", total(series, window_bins.n))]
    if len(series) > 1:
        curves += [("model", model, series[model]) for model in by_use(series)[:_MAX_MODELS]]
    panels = []
    base = top
    for kind, label, values in curves:
        base += _HEIGHTS[kind] + (_GAP if kind != "model" else _GAP / 2)
        path = steps(values, LEFT, PLOT_WIDTH, base, _HEIGHTS[kind])
        panels.append(Panel(kind, label, max(values, default=0), path, base))
    return Figure(tuple(panels), tuple(ticks(window_bins, LEFT, PLOT_WIDTH)), tuple(flags), top, base, base + 22.0)


def total(series: dict[str, list[int]], n: int) -> list[int]:
    """The sum of all series, bin by bin."""
    return [sum(values) for values in zip(*series.values(), strict=True)] if series else [0] * n


def by_use(series: dict[str, list[int]]) -> list[str]:
    """Models, most used first."""
    return sorted(series, key=lambda model: (-sum(series[model]), model))


def _releases(window_bins: Bins, releases: Sequence[tuple[str, datetime]]) -> list[Release]:
    span_s = window_bins.n * window_bins.width_s
    flags = []
    for i, (model, at) in enumerate(releases[:_MAX_RELEASES]):
        x = LEFT + PLOT_WIDTH * (at.timestamp() - window_bins.start_s) / span_s
        if LEFT <= x <= LEFT + PLOT_WIDTH:
            flags.append(Release(model, round(x, 1), i % _RELEASE_ROWS, "end" if x > LEFT + 0.7 * PLOT_WIDTH else "start"))
    return flags


def daily(window_bins: Bins, values: Sequence[int]) -> list[int]:
    """
    Sums a day, or a bin where bins are longer than a day.

    >>> daily(Bins(0, 43200, 3), [1, 2, 3])
    [3, 3]
    """
    per_row = max(DAY_S // window_bins.width_s, 1)
    return [sum(values[i : i + per_row]) for i in range(0, len(values), per_row)]


def row_starts(window_bins: Bins) -> list[datetime]:
    """The first instant of every row of `daily`."""
    per_row = max(DAY_S // window_bins.width_s, 1)
    firsts = range(0, window_bins.n, per_row)
    return [datetime.fromtimestamp(window_bins.start_s + i * window_bins.width_s, UTC) for i in firsts]
