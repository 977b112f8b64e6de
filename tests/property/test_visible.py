"""Any string at all, made visible."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.records.visible import csv_cell, visible

ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)


@given(ANYTHING)
def test_nothing_hidden_is_left(text: str) -> None:
    """No control, format, surrogate or separator character survives, and doing it twice changes nothing."""
    shown = visible(text)

    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert visible(shown) == shown


@given(ANYTHING)
def test_no_cell_starts_a_formula(text: str) -> None:
    """Whatever the text, the cell of a spreadsheet is text."""
    assert not csv_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
