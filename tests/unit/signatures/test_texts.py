"""Arrow columns as the kernels read them."""

import pyarrow as pa
import pytest

from stillwatch.privacy import Key
from stillwatch.signatures.build import scanner_of
from stillwatch.signatures.texts import scan_column, set_values, texts_of

SCANNER = scanner_of(Key(b"k" * 32))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_slice_is_read_where_it_lies(kind: pa.DataType) -> None:
    """
    Offsets, bytes and nulls are those of the slice, in both widths.
    """
    texts = texts_of(pa.array(["zero", "one", None, "three"], kind).slice(1))

    found = [bytes(texts.data[a:b]) for a, b in zip(texts.offsets[:-1], texts.offsets[1:], strict=True)]
    assert found == [b"one", b"", b"three"]
    assert texts.present.tolist() == [True, False, True]


def test_an_empty_column_is_a_valid_input() -> None:
    """
    No row, and only nulls, give empty results.
    """
    assert len(scan_column(SCANNER, pa.array([], pa.string()), 32).text) == 0
    assert scan_column(SCANNER, pa.nulls(3, pa.string()), 32).text.tolist() == [0, 0, 0]


def test_texts_beyond_ascii_are_normalised() -> None:
    """
    Full-width letters, ligatures and decomposed accents read as their plain forms, beside ASCII rows.
    """
    column = pa.array(["file cafe one", "ＦＩＬＥ cafe one", "ﬁle cafe one", "cafe\u0301 one", "café one"])

    scanned = scan_column(SCANNER, column, 32)

    assert len({int(v) for v in scanned.text[:3]}) == 1
    assert scanned.text[3] == scanned.text[4] != scanned.text[0]


def test_sets_have_no_order_and_no_text_is_zero() -> None:
    """
    The value of a set of names ignores order; null and empty lists have none.
    """
    lists = pa.array([["skip"], ["a", "b"], ["b", "a"], ["a"], [], None], pa.list_(pa.string())).slice(1)

    told = set_values(lists).tolist()

    assert told[0] == told[1] != told[2] != 0
    assert told[3:] == [0, 0]
