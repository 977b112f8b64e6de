"""Bins, paths and ticks of a timeline."""

import doctest
from datetime import UTC, datetime, timedelta

import pytest

from stillwatch.records.window import Window
from stillwatch.report import timeline
from stillwatch.report.timeline import MAX_BINS, Bins

START = datetime(2026, 11, 2, 5, tzinfo=UTC)


def test_the_examples_in_the_docstrings_run() -> None:
    """What the docstrings show is what happens."""
    assert doctest.testmod(timeline).failed == 0


@pytest.mark.parametrize("days", [0.1, 1, 9, 14, 45, 200, 1_000, 6_000])
def test_bins_cover_the_window_and_are_few(days: float) -> None:
    """Whatever the window, every instant has a bin, and there are at most MAX_BINS of them."""
    window = Window(START, START + timedelta(days=days))

    found = timeline.bins(window)

    assert found.n <= MAX_BINS
    assert found.start_s <= window.start.timestamp()
    assert found.start_s + found.n * found.width_s >= window.end.timestamp()
    assert found.start_s % timeline.DAY_S == 0


def test_an_instant_outside_goes_to_the_nearest_bin() -> None:
    """`index` never leaves the bins."""
    found = Bins(0, 10, 3)

    assert [found.index(s) for s in (-5, 0, 9.9, 10, 29, 400)] == [0, 0, 0, 1, 2, 2]


def test_steps_scale_to_the_given_top() -> None:
    """With a top, a value of half of it is drawn at half height; an empty curve stays on its base."""
    assert timeline.steps([1], 0, 10, 20, 10, top=2) == "M0 20V15H10V20Z"
    assert timeline.steps([0, 0], 0, 10, 20, 10) == "M0 20V20H5V20H10V20Z"
    assert timeline.steps([], 0, 10, 20, 10) == "M0 20V20Z"


@pytest.mark.parametrize("days", [1, 5, 14, 60, 365, 900])
def test_ticks_are_few_and_inside(days: int) -> None:
    """At most nine marks, all on the axis, the first one with its year."""
    found = timeline.bins(Window(START, START + timedelta(days=days)))

    marks = timeline.ticks(found, 100, 800)

    assert 1 <= len(marks) <= timeline.MAX_TICKS + 1
    assert all(100 <= m.x <= 900 for m in marks)
    assert marks[0].label == "2 Nov 2026"


def test_a_tick_in_a_new_year_names_it() -> None:
    """Where the year changes, the tick says so."""
    found = timeline.bins(Window(datetime(2026, 12, 28, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)))

    labels = [m.label for m in timeline.ticks(found, 0, 1)]

    assert "1 Jan 2027" in labels
    assert "2 Jan" in labels


def test_a_figure_has_a_panel_for_each_model_that_matters() -> None:
    """All traffic, the campaign, then its models by use; one model alone needs no panel of its own."""
    found = Bins(0, timeline.DAY_S, 4)

    two = timeline.figure(found, [9, 9, 9, 9], {"b": [1, 0, 0, 0], "a": [0, 3, 0, 0]}, [])
    one = timeline.figure(found, [9, 9, 9, 9], {"a": [0, 3, 0, 0]}, [])

    assert [(p.kind, p.label, p.peak) for p in two.panels] == [
        ("all", "all traffic", 9),
        ("campaign", "this campaign", 3),
        ("model", "a", 3),
        ("model", "b", 1),
    ]
    assert [p.kind for p in one.panels] == ["all", "campaign"]


def test_releases_outside_the_window_are_not_drawn() -> None:
    """A rule stands at its time; labels near the right edge are written to the left of it."""
    found = Bins(0, timeline.DAY_S, 10)
    days = [datetime.fromtimestamp(timeline.DAY_S * d, UTC) for d in (1, 9, 40)]

    drawn = timeline.figure(found, [1] * 10, {}, [("m1", days[0]), ("m2", days[1]), ("m3", days[2])]).releases

    assert [(r.model, r.anchor) for r in drawn] == [("m1", "start"), ("m2", "end")]
    assert drawn[0].x == timeline.LEFT + 0.1 * timeline.PLOT_WIDTH


def test_rows_by_day_add_up() -> None:
    """The table twin sums to the curve, and has a start for each row."""
    found = Bins(0, 6 * timeline.HOUR_S, 10)
    values = list(range(10))

    sums = timeline.daily(found, values)

    assert sum(sums) == sum(values)
    assert len(timeline.row_starts(found)) == len(sums) == 3
