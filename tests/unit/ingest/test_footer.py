"""Schemas taken from footers, and footers written anew."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.ingest.footer import MAGIC, OWN, UNKNOWN_CODEC, donor_of, inner, integer, opened
from stillwatch.ingest.thrift import BINARY, I32, LIST, STRUCT, BrokenError, Typed, written
from stillwatch.records.tables import EXCHANGES


def test_a_donor_tells_fields_leaves_and_compression(tmp_path: Path) -> None:
    """
    A list of structs is one field with two leaves that repeat.
    """
    path = tmp_path / "t.parquet"
    turns = [[{"role": "u", "content": "c"}]]
    pq.write_table(pa.table({"id": ["x"], "messages": turns}), path, compression="zstd")

    donor = donor_of(str(path))

    assert donor.names == ("id", "messages")
    assert [(leaf.top, leaf.repeats, leaf.codec) for leaf in donor.leaves] == [(0, False, 6), (1, True, 6), (1, True, 6)]
    assert donor.n_rows == 1


def test_without_a_file_the_donor_is_exchanges_itself() -> None:
    """
    Its compression is left open.
    """
    donor = donor_of(OWN[0])

    assert donor.names == EXCHANGES.names
    assert {leaf.codec for leaf in donor.leaves} == {UNKNOWN_CODEC}


def test_a_file_behind_a_new_footer_reads_like_any_other(tmp_path: Path) -> None:
    """
    Seeking, telling and closing work as Arrow expects; without groups it is an empty table.
    """
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["x"], "n": [1]}), path)

    with opened(str(path), donor_of(str(path)), [1], []) as file:
        assert file.schema_arrow.names == ["n"]
        assert file.read().num_rows == 0


def test_fields_of_an_unexpected_kind_are_broken() -> None:
    """
    A number where a struct should be is no footer of ours.
    """
    with pytest.raises(BrokenError):
        integer({1: Typed(BINARY, b"x")}, 1)
    with pytest.raises(BrokenError):
        inner({1: Typed(BINARY, b"x")}, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {2: Typed(I32, 1)},
        {2: Typed(LIST, [Typed(STRUCT, {4: Typed(I32, 1)})] * 2, STRUCT), 4: Typed(LIST, [], STRUCT)},
    ],
)
def test_a_footer_that_is_none_is_broken_not_an_accident(tmp_path: Path, fields: dict[int, Typed]) -> None:
    """
    Missing lists, lists that are numbers and names that are none end in the one error that is looked for.
    """
    body = written(fields)
    (tmp_path / "f").write_bytes(MAGIC + body + len(body).to_bytes(4, "little") + MAGIC)

    with pytest.raises(BrokenError):
        donor_of(str(tmp_path / "f"))


def test_a_file_too_short_for_its_footer_is_broken(tmp_path: Path) -> None:
    """
    A length beyond the file is no way out of it.
    """
    (tmp_path / "f").write_bytes(MAGIC + b"\xff\xff\xff\x7f" + MAGIC)

    with pytest.raises(BrokenError):
        donor_of(str(tmp_path / "f"))
