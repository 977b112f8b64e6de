"""Tables on disk: one folder a table, one Parquet file a part, every file written whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import EngineError
from stillwatch.records.tables import TableSpec
from stillwatch.records.whole import whole

ROW_GROUP = 131_072
_UNIQUE = frozenset({"row", "exchange_id", "exact", "seen_at", "session", "semantic_hi", "semantic_lo"})  # as a rule in each row
_REPEATING_LISTS = frozenset({"tokens", "elicitation"})  # words of a language, and logits of five classes
_DIGESTS = frozenset({"exact", "semantic_hi", "semantic_lo", "fragments", "fill", "tokens", "elicitation"})
_DICTIONARY_BYTES = 4 << 20  # a million words; beyond it a column is written without its dictionary


def folder(root: Path, spec: TableSpec) -> Path:
    """Where a table's parts lie."""
    return root / spec.name


def part_name(number: int, label: str | None = None) -> str:
    """
    What a part is called; a label tells apart several parts of one number.

    >>> part_name(12), part_name(12, "2026-11-24")
    ('part-000012.parquet', 'part-000012-2026-11-24.parquet')
    """
    return f"part-{number:06d}{'-' + label if label else ''}.parquet"


def part_files(root: Path, spec: TableSpec) -> list[Path]:
    """The parts of a table in order; empty where there is none."""
    where = folder(root, spec)
    try:
        names = os.listdir(where)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [where / name for name in sorted(names) if name.startswith("part-") and name.endswith(".parquet")]


def conform(spec: TableSpec, table: pa.Table) -> pa.Table:
    """
    The table with the declared columns in the declared order and types.

    Raises:
        EngineError: a declared column is missing, or holds nulls or values that its type does not admit.
    """
    missing = [n for n in spec.names if n not in table.column_names]
    if missing:
        raise EngineError(f"table {spec.name}: the stage '{spec.writer}' left out {', '.join(missing)}")
    try:
        cast = table.select(list(spec.names)).cast(spec.schema)
    except (pa.ArrowInvalid, ValueError) as error:
        raise EngineError(f"table {spec.name}: a column does not fit its declared type") from error
    return cast.replace_schema_metadata(spec.schema.metadata)


def write_part(root: Path, spec: TableSpec, number: int, tables: pa.Table | Iterable[pa.Table], label: str | None = None) -> int:
    """
    Write one part atomically; writing it again replaces it. Returns the number of rows.

    Raises:
        EngineError: the disk is full or may not be written.
    """
    return replace_part(folder(root, spec) / part_name(number, label), spec, tables)


def replace_part(target: Path, spec: TableSpec, tables: pa.Table | Iterable[pa.Table]) -> int:
    """
    Write one part in place of the file of that name; whoever holds the old file by another name keeps it as it was.

    Raises:
        EngineError: the disk is full or may not be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    n_rows = 0
    try:
        with (
            whole(target) as beside,
            pq.ParquetWriter(beside, spec.schema, **_storage(spec)) as writer,
        ):
            for table in [tables] if isinstance(tables, pa.Table) else tables:
                checked = conform(spec, table)
                writer.write_table(checked, row_group_size=ROW_GROUP)
                n_rows += checked.num_rows
    except OSError as error:
        raise told(error, target.parent) from error
    return n_rows


def _storage(spec: TableSpec) -> dict[str, Any]:
    """
    How a table is laid out in its parts: dictionaries where values repeat, no compression of digests.

    What hardly ever repeats is looked up in vain, and digests are random bytes: zstd takes a fifth off lists of them, for more
    time than all else takes, and every reader adds to it.
    """
    leaves = {path: field.name for field in spec.schema for path in _leaves(field)}
    return {
        "use_dictionary": [path for path, name in leaves.items() if _repeats(spec, name)],
        "compression": {path: "none" if name in _DIGESTS else "zstd" for path, name in leaves.items()},
        "compression_level": {path: 1 for path, name in leaves.items() if name not in _DIGESTS},
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
    }


def _repeats(spec: TableSpec, name: str) -> bool:
    nested = pa.types.is_nested(spec.schema.field(name).type)
    return name in _REPEATING_LISTS if nested else name not in _UNIQUE


def _leaves(field: pa.Field, above: str = "") -> Iterator[str]:
    """The paths of a column's values as Parquet names them."""
    path = above + field.name
    if pa.types.is_list(field.type):
        yield from _leaves(field.type.value_field.with_name("element"), path + ".list.")
    elif pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _leaves(inner, path + ".")
    else:
        yield path


def write_file(path: Path, table: pa.Table) -> None:
    """One Parquet file, whole or not at all."""
    with pa.BufferOutputStream() as buffer:
        pq.write_table(table, buffer, compression="zstd")
        write_bytes(path, buffer.getvalue().to_pybytes())


def write_bytes(path: Path, content: bytes, durable: bool = False) -> None:
    """
    One file, whole or not at all, and nothing beside it, also where Ctrl-C comes in the middle.

    Args:
        path: Replaced if it is there.
        content: All of it.
        durable: On disk before this returns.

    Raises:
        EngineError: the disk is full or may not be written.
    """
    try:
        with whole(path) as beside, open(beside, "wb") as out:
            out.write(content)
            if durable:
                out.flush()
                os.fsync(out.fileno())
    except OSError as error:
        raise told(error, path) from error


def told(error: OSError, where: Path) -> EngineError:
    """What to do about a file that could not be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    what = "the disk is full. Free some space and run again with --resume" if full else str(error.strerror)
    return EngineError(f"{where}: cannot write: {what}")


def read_file(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """One part, or some columns of it."""
    return pq.read_table(path, columns=list(columns) if columns is not None else None)


def read_table(root: Path, spec: TableSpec, columns: Sequence[str] | None = None) -> pa.Table:
    """
    A whole stored table, part by part in order.

    Raises:
        EngineError: the table is missing.
    """
    files = part_files(root, spec)
    if not files:
        raise EngineError(f"{root}: table '{spec.name}' is missing. Run the stage '{spec.writer}' first")
    wanted = list(columns) if columns is not None else None
    return pa.concat_tables(pq.read_table(f, columns=wanted) for f in files)


def read_between(root: Path, spec: TableSpec, by: str, low: int, high: int, columns: Sequence[str]) -> pa.Table:
    """
    The rows whose integer column `by` lies in low…high, of some columns, in stored order; other row groups are not read.

    For the tasks of a map: it decodes on the calling thread alone.
    """
    found = [spec.schema.empty_table().select(list(columns))]
    for path in part_files(root, spec):
        with pq.ParquetFile(path) as file:
            place = file.schema_arrow.get_field_index(by)
            spans = [file.metadata.row_group(n).column(place).statistics for n in range(file.num_row_groups)]
            near = [n for n, s in enumerate(spans) if s is None or not s.has_min_max or (s.min <= high and s.max >= low)]
            if near:
                read = file.read_row_groups(near, columns=list(dict.fromkeys([by, *columns])), use_threads=False)
                inside = pc.and_(pc.greater_equal(read[by], low), pc.less_equal(read[by], high))
                found.append((read if pc.all(inside).as_py() else read.filter(inside)).select(list(columns)))
    return pa.concat_tables(found)


def columns_with_values(root: Path, spec: TableSpec) -> frozenset[str]:
    """Columns of a stored table that hold anything, by the footers alone; of lists, any element."""
    found: set[str] = set()
    for path in part_files(root, spec):
        footer = pq.read_metadata(path)
        for group in (footer.row_group(n) for n in range(footer.num_row_groups)):
            for column in (group.column(n) for n in range(group.num_columns)):
                told = column.statistics
                if column.num_values and (told is None or not told.has_null_count or told.null_count < column.num_values):
                    found.add(column.path_in_schema.split(".")[0])
    return frozenset(found)


def write_table(root: Path, spec: TableSpec, table: pa.Table) -> None:
    """Replace a stored table by one part."""
    drop(root, spec)
    write_part(root, spec, 0, table)


def drop(root: Path, spec: TableSpec) -> None:
    """Remove a table."""
    shutil.rmtree(folder(root, spec), ignore_errors=True)
