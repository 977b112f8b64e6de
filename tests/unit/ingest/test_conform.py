"""Tables of anyone's types into exchanges."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.ingest.conform import Conformed, conform, from_rows
from stillwatch.records.tables import EXCHANGES

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROW: dict[str, object] = {"exchange_id": "x", "seen_at": NOON, "account_id": "a", "model": "m"}


def table(**columns: pa.Array) -> Conformed:
    n = len(next(iter(columns.values())))
    given = {"exchange_id": pa.array([f"x{i}" for i in range(n)]), "seen_at": pa.array([NOON] * n)}
    given |= {"account_id": pa.array(["a"] * n), "model": pa.array(["m"] * n)}
    return conform(given | columns, n)


def test_the_batch_is_exactly_the_declared_table() -> None:
    """
    Missing columns are null; names, types, order and metadata are those of `exchanges`.
    """
    done = table(ip=pa.array(["203.0.113.7"]))

    assert done.batch.schema.equals(EXCHANGES.schema, check_metadata=True)
    assert done.batch["ip"].to_pylist() == ["203.0.113.7"]
    assert done.batch["payment_id"].null_count == 1
    done.batch.validate(full=True)


@pytest.mark.parametrize(
    ("column", "given", "cells"),
    [
        ("ip", pa.array(["a", None]).dictionary_encode(), ["a", None]),
        ("ip", pa.array(["a", None], pa.large_string()), ["a", None]),
        ("ip", pa.array([b"a", None], pa.binary()), ["a", None]),
        ("session_id", pa.array([7, None]), ["7", None]),
        ("session_id", pa.array([1.5, None]), ["1.5", None]),
        ("asn", pa.array(["64500", "AS64501"]), [64500, 64501]),
        ("temperature", pa.array([float("nan"), 0.5]), [None, 0.5]),
        ("temperature", pa.array(["0.5", "hot"]), [0.5, None]),
        ("max_tokens", pa.array([1.0, 2.0]), [1, 2]),
        ("max_tokens", pa.array([2**40, 2]), [None, 2]),
        ("logprobs", pa.array([5, 0]), [True, False]),
        ("stream", pa.nulls(2), [None, None]),
        ("tools", pa.array([["f"], None], pa.large_list(pa.string())), [["f"], None]),
        ("tools", pa.array(['["f"]', "[]"]), [["f"], []]),
        ("org_id", pa.array(["", "o"]), [None, "o"]),
        ("response", pa.array(["", "o"]), ["", "o"]),
    ],
)
def test_types_that_hold_the_same_are_cast(column: str, given: pa.Array, cells: list[object]) -> None:
    """
    What a column says is kept whatever type the log stores it in; what does not fit is null.
    """
    assert table(**{column: given}).batch[column].to_pylist() == cells


def test_cells_that_do_not_fit_are_counted() -> None:
    """
    A value that had to be dropped is told, column by column.
    """
    assert table(max_tokens=pa.array([2**40, 2])).unfit == {"max_tokens": 1}
    assert from_rows([ROW | {"n": "many", "temperature": 1}]).unfit == {"n": 1}
    assert from_rows([ROW | {"n": 2**40}]).unfit == {"n": 1}


TURN = pa.struct([("content", pa.large_string()), ("role", pa.string()), ("name", pa.string())])


@pytest.mark.parametrize("kind", [pa.list_(TURN), pa.large_list(TURN)])
def test_messages_with_other_fields_in_another_order_are_read(kind: pa.DataType) -> None:
    """
    Role and content are taken by name; a null content is an empty one; slices keep their place.
    """
    turns = [
        [{"role": "user", "content": "a", "name": "n"}, {"role": "assistant", "content": None}],
        None,
        [],
        [{"role": "user", "content": "z"}],
    ]
    given = pa.array([None, *turns], kind)[1:]

    done = table(messages=given)

    assert done.batch["messages"].to_pylist() == [
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}],
        None,
        [],
        [{"role": "user", "content": "z"}],
    ]
    assert done.batch["prompt"].to_pylist() == ["a", None, None, "z"]


@pytest.mark.parametrize(
    "given",
    [
        pa.array(['[{"role": "user", "content": "a"}]']),
        pa.array([[{"role": "user", "content": [{"type": "text", "text": "a"}]}]]),
        pa.array([[{"role": "user", "content": "a"}, None]]),
        pa.array([[{"role": "user", "text": "b"}]]),
    ],
)
def test_messages_of_other_shapes_are_read_one_by_one(given: pa.Array) -> None:
    """
    JSON in a string, content in blocks and null turns are understood.
    """
    (turns,) = table(messages=given).batch["messages"].to_pylist()

    assert turns[0]["role"] == "user"
    assert turns[0]["content"] in ("a", "")


def test_rows_without_what_is_required_are_set_aside_with_a_reason() -> None:
    """
    The first thing missing is named; the others are kept in order.
    """
    rows = [ROW, ROW | {"account_id": ""}, ROW | {"seen_at": "soon"}, ROW | {"model": None}, ROW | {"exchange_id": "y"}]

    done = from_rows(rows)

    assert done.batch["exchange_id"].to_pylist() == ["x", "y"]
    assert done.kept.tolist() == [True, False, False, False, True]
    assert done.reasons[1] == "'account_id' is missing"
    assert "not a time Stillwatch knows" in done.reasons[2]
    assert done.reasons[3] == "'model' is missing"


def test_invalid_text_is_mended_wherever_it_stands() -> None:
    """
    Parquet passes on bytes that are no UTF-8; strings, names of tools and turns are mended, and rows counted once.
    """
    broken = pa.array([b"a\xff", b"b"], pa.binary())
    as_text = pa.StringArray.from_buffers(2, broken.buffers()[1], broken.buffers()[2])
    offsets = pa.array([0, 1, 2], pa.int32())
    turns = pa.StructArray.from_arrays([pa.array(["user", "user"]), as_text], names=["role", "content"])

    done = table(
        user_agent=as_text,
        tier=broken,
        tools=pa.ListArray.from_arrays(offsets, as_text),
        messages=pa.ListArray.from_arrays(offsets, turns),
    )

    assert done.batch["user_agent"].to_pylist() == ["a\ufffd", "b"]
    assert done.batch["tier"].to_pylist() == ["a\ufffd", "b"]
    assert done.batch["tools"].to_pylist() == [["a\ufffd"], ["b"]]
    assert done.batch["prompt"].to_pylist() == ["a\ufffd", "b"]
    assert done.n_mended == 1
    done.batch.validate(full=True)


def test_no_rows_are_no_trouble() -> None:
    """
    An empty input gives an empty batch.
    """
    assert from_rows([]).batch.num_rows == 0
    assert conform({}, 0).batch.num_rows == 0
    assert from_rows([]).kept.dtype == np.bool_


def test_an_unreadable_type_is_null_not_an_error() -> None:
    """
    A column of a type that means nothing here costs its cells only.
    """
    assert table(ip=pa.array([[1]])).batch["ip"].to_pylist() == ["[1]"]
    assert table(temperature=pa.array([[1.0]])).batch["temperature"].to_pylist() == [None]
    assert table(messages=pa.array([1])).batch["messages"].to_pylist() == [None]
