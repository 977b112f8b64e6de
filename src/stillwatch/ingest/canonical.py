"""
The canonical input: the `exchanges` table as Parquet or as one JSON object a line, and other people's tables by mapping.

`ingest.columns` maps a canonical column to the log's own name. JSON goes through Arrow's reader block by block; a part of a
block that it refuses, for one line or one cell, is read again line by line, which is slower and forgives more.

Why Arrow's JSON reader and not Polars or DuckDB: it reads a block of memory under a declared schema, is strict (so that what it
accepts is what the forgiving reader would give), and is there anyway; benchmarks/speed/ingest.py holds it against DuckDB.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson
import pyarrow as pa

from stillwatch.ingest import parquet
from stillwatch.ingest.at_once import table_of
from stillwatch.ingest.base import Head, Piece, Split
from stillwatch.ingest.conform import REQUIRED, Conformed, conform
from stillwatch.ingest.files import Block
from stillwatch.ingest.lines import Fields, Format, as_columns, read_lines
from stillwatch.ingest.objects import lines_of
from stillwatch.records.tables import EXCHANGES, UTC_TIME
from stillwatch.settings import IngestSettings


@dataclass(frozen=True)
class Canonical:
    """Tables and JSON lines with the columns of `exchanges`, under those or mapped names."""

    name: str = "exchanges"
    table: str = "exchanges"

    def detect(self, head: Head, settings: IngestSettings) -> float:
        """1.0 where every required column is there; 0.0 otherwise."""
        wanted = {settings.columns.get(c, c) for c in REQUIRED}
        if head.schema is not None:
            return float(wanted <= set(head.schema.names))
        return float(any(wanted <= o.keys() for o in head.objects))

    def mapping(self, head: Head, settings: IngestSettings) -> Mapping[str, str]:
        """The canonical columns that the file has."""
        there = set(head.schema.names) if head.schema is not None else {k for o in head.objects for k in o}
        found = {c: own for c, own in own_names(settings).items() if own in there}
        if "messages" in found:
            found = {"system_prompt": "messages, first system turn", "prompt": "messages, newest user turn"} | found
        return {c: found[c] for c in EXCHANGES.names if c in found}

    def read(self, split: Split, settings: IngestSettings) -> Iterator[Piece]:
        """The pieces of one split."""
        own = own_names(settings)
        if split.container == "parquet":
            return parquet.read_exchanges(split, settings, own)
        if split.container == "cut parquet":
            return parquet.read_salvaged(split, settings, own)

        as_it_is = all(c == n for c, n in own.items())

        def convert(fields: dict[str, object]) -> Fields:
            return fields if as_it_is else {c: fields[n] for c, n in own.items() if n in fields}

        def fast(block: Block) -> Conformed | None:
            return _fast(block, own, settings.time_format)

        return read_lines(split, settings, Format(convert, frozenset(own.values()), fast))


def own_names(settings: IngestSettings) -> dict[str, str]:
    """Canonical column -> the log's own name."""
    return {c: settings.columns.get(c, c) for c in EXCHANGES.names}


def _fast(block: Block, own: Mapping[str, str], time_format: str | None) -> Conformed | None:
    table = table_of(block, _schema(block.data, own))
    if table is None:
        return None
    columns = as_columns(table)
    done = conform({c: columns[n] for c, n in own.items() if n in columns}, table.num_rows, time_format)
    return done if done.kept.all() and not done.n_mended else None


def _schema(data: bytes, own: Mapping[str, str]) -> pa.Schema:
    """Declared types; times as the first line writes them, because Arrow wants one type for a column."""
    first = _first_object(data)
    fields = {}
    for column in EXCHANGES.columns:
        name = own[column.name]
        fields[name] = pa.field(name, _json_time(first.get(name)) if column.type == UTC_TIME else column.type)
    return pa.schema(list(fields.values()))


def _json_time(example: object) -> pa.DataType:
    if isinstance(example, int) and not isinstance(example, bool):
        return pa.int64()
    return pa.float64() if isinstance(example, float) else pa.string()


def _first_object(data: bytes) -> dict[str, object]:
    for _, line in lines_of(data[: data.find(b"\n")] if b"\n" in data else data):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}
    return {}


CANONICAL = Canonical()
