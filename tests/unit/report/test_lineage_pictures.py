"""Where the marks of a lineage picture stand."""

import pytest

from stillwatch.records.lineage import PictureRecord, RowRecord
from stillwatch.report.lineage_pictures import Histogram, Matrix, Strip, draw, figure


def null(values: tuple[float, ...], observed: float | None) -> PictureRecord:
    """A null with an observed value."""
    return PictureRecord("null", "t", "nats", (), values, observed, None, ())


def test_a_histogram_holds_every_draw_and_marks_the_observed() -> None:
    """The tallest bar reaches the top, the observed value far right stands far right."""
    drawn = draw(null(tuple(float(i % 10) for i in range(100)), 30.0))

    assert isinstance(drawn, Histogram)
    assert sum(int(c.told.split()[0]) for c in drawn.columns) == 100
    assert max(c.height for c in drawn.columns) == pytest.approx(104)
    assert drawn.observed_x == pytest.approx(632)
    assert drawn.observed_anchor == "end"
    assert "0 of them are at least as large" in drawn.summary


def test_a_null_of_one_value_is_drawn_too() -> None:
    """No width is no division by zero."""
    drawn = draw(null((0.0, 0.0), 0.0))

    assert isinstance(drawn, Histogram)
    assert len(drawn.columns) == 1
    assert drawn.observed_anchor == "start"


def test_a_strip_stands_on_zero_and_hangs_below_it() -> None:
    """Negative values hang; the value of full agreement is a line."""
    drawn = draw(PictureRecord("strip", "t", "", ("a", "b"), (-1.0, 2.0), None, 2.0, ()))

    assert isinstance(drawn, Strip)
    assert drawn.columns[0].y == pytest.approx(drawn.zero_y)
    assert drawn.columns[1].y + drawn.columns[1].height == pytest.approx(drawn.zero_y)
    assert drawn.top_y == pytest.approx(14)
    assert drawn.rows == (("a", "−1"), ("b", "2"))


def test_long_strips_are_labelled_sparsely() -> None:
    """Sixty layers have at most twelve labels, and all values in the table."""
    drawn = draw(PictureRecord("strip", "t", "", tuple(map(str, range(60))), (0.5,) * 60, None, None, ()))

    assert isinstance(drawn, Strip)
    assert len(drawn.labels) <= 12
    assert len(drawn.rows) == 60
    assert drawn.top_y is None


def test_shares_have_one_scale_and_counts_one_a_column() -> None:
    """Shades of a matrix of shares compare across columns; of counts within one."""
    shares = draw(PictureRecord("matrix", "t", "", ("c", "d"), (), None, None, (RowRecord("r", (0.5, 1.0)),)))
    counts = draw(
        PictureRecord(
            "matrix", "t", "", ("c", "d"), (), None, None, (RowRecord("r", (5.0, 70.0)), RowRecord("s" * 40, (9.0, 90.0)))
        )
    )

    assert isinstance(shares, Matrix)
    assert [c.shade for c in shares.cells] == [0.5, 1.0]
    assert isinstance(counts, Matrix)
    assert [c.shade for c in counts.cells] == [0.0, 0.0, 1.0, 1.0]
    assert counts.printed
    assert counts.row_names[1].text.startswith("…")


def test_few_values_are_not_blown_up() -> None:
    """Two layers are two slim bars, and a matrix of one cell is one cell."""
    strip = draw(PictureRecord("strip", "t", "", ("0", "1"), (1.0, 0.5), None, 1.0, ()))
    matrix = draw(PictureRecord("matrix", "t", "", ("c",), (), None, None, (RowRecord("r", (0.5,)),)))

    assert isinstance(strip, Strip)
    assert isinstance(matrix, Matrix)
    assert max(column.width for column in strip.columns) < 50
    assert (matrix.width, matrix.cell_width) == (832.0, 60.0)


def test_large_matrices_show_shades_only() -> None:
    """Sixty by sixty cells have no room for numbers; the table has them."""
    rows = tuple(RowRecord(str(i), (0.1,) * 60) for i in range(60))

    drawn = draw(PictureRecord("matrix", "t", "", tuple(map(str, range(60))), (), None, None, rows))

    assert isinstance(drawn, Matrix)
    assert not drawn.printed
    assert len(drawn.rows[0][1]) == 60


def test_pictures_without_values_are_not_drawn() -> None:
    """An empty null, strip or matrix is left out."""
    assert draw(null((), 1.0)) is None
    assert draw(null((1.0,), None)) is None
    assert draw(PictureRecord("strip", "t", "", (), (), None, None, ())) is None
    assert draw(PictureRecord("matrix", "t", "", (), (), None, None, ())) is None
    assert figure(0.0) == "0"
