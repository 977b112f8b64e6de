"""An Arrow table of anyone's types -> `exchanges`: types cast, rows without what is required set aside, the rest derived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ingest import derive
from stillwatch.ingest.cells import READERS
from stillwatch.ingest.times import parse_time, times
from stillwatch.records.tables import EXCHANGES, MESSAGE, UTC_TIME, Column

REQUIRED: tuple[str, ...] = tuple(c.name for c in EXCHANGES.columns if not c.nullable)
_MAY_BE_EMPTY = frozenset({"response"})
_NO_TIME = "'seen_at' is missing or not a time Stillwatch knows. Set ingest.time_format, or ingest.columns"


@dataclass(frozen=True, slots=True)
class Conformed:
    """
    Rows that are exchanges, and what became of the others.

    Args:
        batch: Exactly `EXCHANGES.schema`.
        kept: For each row of the input, whether it is in the batch.
        reasons: Row of the input -> why it is not.
        unfit: Column -> values that did not fit and became null.
        n_mended: Rows whose invalid UTF-8 was replaced.
    """

    batch: pa.RecordBatch
    kept: npt.NDArray[np.bool_]
    reasons: Mapping[int, str]
    unfit: Mapping[str, int]
    n_mended: int


def conform(given: Mapping[str, pa.Array], n_rows: int, time_format: str | None = None) -> Conformed:
    """
    Make `exchanges` of columns that already bear canonical names; missing ones are null.

    Args:
        given: Column -> Arrow array of `n_rows` values, of any type.
        time_format: "s", "ms", "us", "iso", or None to tell by the values.
    """
    arrays: dict[str, pa.Array] = {}
    unfit: dict[str, int] = {}
    mended = np.zeros(n_rows, bool)
    for column in EXCHANGES.columns:
        array = given.get(column.name)
        if array is None:
            arrays[column.name] = pa.nulls(n_rows, column.type)
            continue
        arrays[column.name] = fitted = _tidy(_mend(_fit(array, column, time_format), mended), column)
        lost = fitted.null_count - array.null_count
        if lost > 0 and column.type not in (pa.string(),) and column.name not in REQUIRED:
            unfit[column.name] = lost
    return _finished(arrays, n_rows, unfit, int(mended.sum()))


def from_rows(rows: Sequence[Mapping[str, object]], time_format: str | None = None) -> Conformed:
    """Make `exchanges` of parsed objects, one a row; keys are canonical names, values whatever JSON held."""
    arrays: dict[str, pa.Array] = {}
    unfit: dict[str, int] = {}
    there: set[str] = set().union(*rows)
    for column in EXCHANGES.columns:
        if column.name not in there:
            arrays[column.name] = pa.nulls(len(rows), column.type)
            continue
        values = [row.get(column.name) for row in rows]
        arrays[column.name] = array = _tidy(_array(values, column, time_format), column)
        lost = array.null_count - values.count(None)
        if lost > 0 and column.type not in (pa.string(),) and column.name not in REQUIRED:
            unfit[column.name] = lost
    return _finished(arrays, len(rows), unfit, 0)


def _finished(arrays: dict[str, pa.Array], n_rows: int, unfit: Mapping[str, int], n_mended: int) -> Conformed:
    arrays["prompt"], arrays["system_prompt"] = derive.prompts(arrays["messages"], arrays["prompt"], arrays["system_prompt"])
    reasons: dict[int, str] = {}
    kept = np.ones(n_rows, bool)
    for name in REQUIRED:
        missing = arrays[name].is_null().to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(missing & kept):
            reasons[int(row)] = _NO_TIME if name == "seen_at" else f"'{name}' is missing"
        kept &= ~missing
    batch = pa.RecordBatch.from_arrays([arrays[c.name] for c in EXCHANGES.columns], schema=EXCHANGES.schema)
    return Conformed(batch if kept.all() else batch.filter(pa.array(kept)), kept, reasons, unfit, n_mended)


def _array(values: list[object], column: Column, time_format: str | None) -> pa.Array:
    if column.type == UTC_TIME:
        return pa.array([None if v is None else parse_time(v, time_format) for v in values], UTC_TIME)
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values), column.type)
    if kinds <= _PLAIN.get(column.type, frozenset()):
        try:
            return pa.array(values, column.type)
        except (pa.ArrowInvalid, OverflowError):
            pass  # a whole number wider than its column
    read = READERS[column.name]
    return pa.array([None if v is None else read(v) for v in values], column.type)


_PLAIN: Mapping[pa.DataType, frozenset[type]] = {
    pa.string(): frozenset({str}),
    pa.float64(): frozenset({float}),
    pa.int32(): frozenset({int}),
    pa.int64(): frozenset({int}),
    pa.bool_(): frozenset({bool}),
}


def _fit(array: pa.Array, column: Column, time_format: str | None) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if column.type == UTC_TIME:
        return times(array, time_format)
    if array.type == column.type and not _has_holes(array):
        return array
    if column.type == pa.list_(MESSAGE):
        return _messages(array, column)
    if pa.types.is_list(array.type):
        return _one_by_one(array, column)
    if _binary(array.type) and column.type == pa.string():
        return _as_text(array.cast(pa.binary()))
    if pa.types.is_floating(array.type) and column.type == pa.string():
        return _one_by_one(array, column)
    try:
        return array.cast(column.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _one_by_one(array, column)


def _has_holes(array: pa.Array) -> bool:
    """Nulls inside a list: Arrow's readers leave them there even where the type forbids them."""
    if not pa.types.is_list(array.type):
        return False
    values = array.values
    fields = values.flatten() if pa.types.is_struct(values.type) else ()
    return bool(values.null_count or any(f.null_count for f in fields))


def _binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _as_text(array: pa.Array) -> pa.Array:
    valid, offsets, data = array.buffers()
    return pa.StringArray.from_buffers(len(array), offsets, data, valid, array.null_count, array.offset)


def _one_by_one(array: pa.Array, column: Column) -> pa.Array:
    read = READERS[column.name]
    return pa.array([None if v is None else read(v) for v in array.to_pylist()], column.type)


def _messages(array: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_large_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    if not pa.types.is_list(array.type) or not pa.types.is_struct(array.type.value_type):
        return _one_by_one(array, column)
    names = [f.name for f in array.type.value_type]
    if not {"role", "content"} <= set(names):
        return _one_by_one(array, column)
    turns = array.values
    fields = [turns.field("role"), turns.field("content")]
    if turns.null_count or not all(pa.types.is_string(f.type) or pa.types.is_large_string(f.type) for f in fields):
        return _one_by_one(array, column)
    whole = pa.StructArray.from_arrays([f.cast(pa.string()).fill_null("") for f in fields], fields=list(MESSAGE))
    offsets = pa.array(array.offsets.to_numpy())  # a copy: Arrow refuses a null mask beside a slice
    return pa.ListArray.from_arrays(offsets, whole, type=column.type, mask=array.is_null() if array.null_count else None)


def _mend(array: pa.Array, mended: npt.NDArray[np.bool_]) -> pa.Array:
    """Replace invalid UTF-8; Parquet and the fast JSON reader pass it on unchecked."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return array
    whole, touched = derive.mended(array)
    mended |= touched
    return whole


def _tidy(array: pa.Array, column: Column) -> pa.Array:
    """NaN and, but for answers, the empty string mean absent."""
    if column.type == pa.float64():
        return pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))
    if column.type == pa.string() and column.name not in _MAY_BE_EMPTY:
        empty = pc.equal(pc.binary_length(array), 0)
        return pc.if_else(pc.fill_null(empty, False), pa.scalar(None, pa.string()), array) if pc.any(empty).as_py() else array
    return array
