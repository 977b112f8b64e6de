"""Where the marks of a lineage picture stand: histograms with the observed value, strips, matrices; in pixels of their box."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.records.lineage import PictureRecord

WIDTH, HEIGHT = 640, 150
_LEFT, _RIGHT, _TOP, _BASE = 8, 632, 14, 118
_MOST_BINS = 40
_MOST_PRINTED = 300  # cells; a larger matrix shows shades only
_CELL_LABEL = 150  # pixels for the names of rows
_WIDEST_BAR = 48.0  # two layers are two bars, not two walls
_PAGE = 832.0  # a drawing at least as wide as the page is not blown up


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: left edge, top, width, height, and what it says."""

    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A number below the axis."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Draws from the null, and where the observed value stands."""

    title: str
    columns: tuple[Column, ...]
    observed_x: float
    observed: str
    observed_anchor: str
    ticks: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One bar a layer, probe or tenth."""

    title: str
    columns: tuple[Column, ...]
    labels: tuple[Tick, ...]
    top_y: float | None
    top: str
    zero_y: float
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: place, shade 0…1, and its number."""

    x: float
    y: float
    shade: float
    text: str
    told: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """Shaded cells with names of rows and columns."""

    title: str
    cells: tuple[Cell, ...]
    row_names: tuple[Tick, ...]
    column_names: tuple[Tick, ...]
    cell_width: float
    cell_height: float
    width: float
    height: float
    printed: bool
    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


Drawing = Histogram | Strip | Matrix


def draw(picture: PictureRecord) -> Drawing | None:
    """The drawing of a picture; None where it has no values."""
    if picture.kind == "null":
        return _histogram(picture) if picture.values and picture.observed is not None else None
    if picture.kind == "strip":
        return _strip(picture) if picture.values else None
    return _matrix(picture) if picture.rows and picture.labels else None


def figure(value: float) -> str:
    """
    A number as it stands at an axis.

    >>> figure(0.000123), figure(46080.0), figure(-0.5)
    ('0.000123', '46,080', '−0.5')
    """
    if value == 0:
        return "0"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def _histogram(picture: PictureRecord) -> Histogram:
    observed = picture.observed or 0.0
    low, high = min(*picture.values, observed), max(*picture.values, observed)
    span = high - low or max(abs(high), 1.0)
    n_bins = min(_MOST_BINS, max(8, math.isqrt(len(picture.values)) * 2))
    counts = [0] * n_bins
    for value in picture.values:
        counts[min(int((value - low) / span * n_bins), n_bins - 1)] += 1
    wide, tallest = (_RIGHT - _LEFT) / n_bins, max(counts)
    columns = tuple(
        Column(
            _LEFT + i * wide,
            _BASE - (_BASE - _TOP) * n / tallest,
            max(wide - 1.0, 1.5),
            (_BASE - _TOP) * n / tallest,
            f"{n:,} draws from {figure(low + i * span / n_bins)} to {figure(low + (i + 1) * span / n_bins)}",
        )
        for i, n in enumerate(counts)
        if n
    )
    x = _LEFT + (observed - low) / span * (_RIGHT - _LEFT)
    unit = f" {picture.unit}" if picture.unit else ""
    beyond = sum(value >= observed for value in picture.values)
    return Histogram(
        picture.title,
        columns,
        x,
        f"observed {figure(observed)}",
        "end" if x > WIDTH / 2 else "start",
        (Tick(_LEFT, figure(low), "start"), Tick(_RIGHT, figure(low + span) + unit, "end")),
        f"{len(picture.values):,} values of the null from {figure(min(picture.values))} to {figure(max(picture.values))}{unit};"
        f" observed {figure(observed)}{unit}; {beyond:,} of them are at least as large.",
    )


def _strip(picture: PictureRecord) -> Strip:
    top = picture.top
    low = min(0.0, *picture.values)
    high = max(0.0, *picture.values, *(() if top is None else (top,)))
    span = high - low or 1.0
    wide = min((_RIGHT - _LEFT) / len(picture.values), _WIDEST_BAR)

    def y(value: float) -> float:
        return _BASE - (value - low) / span * (_BASE - _TOP)

    columns = tuple(
        Column(_LEFT + i * wide, min(y(v), y(0.0)), max(wide - 1.5, 1.0), max(abs(y(v) - y(0.0)), 1.0), f"{name}: {figure(v)}")
        for i, (name, v) in enumerate(zip(picture.labels, picture.values, strict=True))
    )
    step = max(1, -(-len(picture.values) // 12))
    labels = tuple(Tick(_LEFT + (i + 0.5) * wide, name, "middle") for i, name in enumerate(picture.labels) if i % step == 0)
    rows = tuple((name, figure(v)) for name, v in zip(picture.labels, picture.values, strict=True))
    return Strip(
        picture.title, columns, labels, None if top is None else y(top), "" if top is None else figure(top), y(0.0), rows
    )


def _matrix(picture: PictureRecord) -> Matrix:
    n_columns = len(picture.labels)
    wide = max(min((900 - _CELL_LABEL) / n_columns, 60.0), 5.0)
    tall = 22.0 if len(picture.rows) <= 30 else 8.0
    printed = n_columns * len(picture.rows) <= _MOST_PRINTED and wide >= 24.0
    scales = _scales([row.values for row in picture.rows])
    cells = tuple(
        Cell(
            _CELL_LABEL + c * wide,
            _TOP + r * tall,
            (value - scales[c][0]) / (scales[c][1] - scales[c][0] or 1.0),
            figure(value),
            f"{row.label}, {picture.labels[c]}: {figure(value)}",
        )
        for r, row in enumerate(picture.rows)
        for c, value in enumerate(row.values)
    )
    bottom = _TOP + tall * len(picture.rows)
    step = max(1, int(14 // wide))
    return Matrix(
        picture.title,
        cells,
        tuple(Tick(_CELL_LABEL - 6, _cut(row.label), "end") for row in picture.rows),
        tuple(Tick(_CELL_LABEL + (c + 0.5) * wide, _cut(name), "end") for c, name in enumerate(picture.labels) if c % step == 0),
        wide,
        tall,
        max(_CELL_LABEL + wide * n_columns + 8, _PAGE),
        bottom + 96,
        printed,
        picture.labels,
        tuple((row.label, tuple(figure(v) for v in row.values)) for row in picture.rows),
    )


def _scales(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """What is white and what is full, a column: one scale for shares, else each column its own."""
    flat = [value for row in rows for value in row]
    if min(flat) >= 0.0 and max(flat) <= 1.0:
        return [(0.0, 1.0)] * len(rows[0])
    return [(min(column), max(column)) for column in zip(*rows, strict=True)]


def _cut(name: str) -> str:
    return name if len(name) <= 22 else "…" + name[-21:]
