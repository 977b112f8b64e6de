"""
What commands print: tables for people, JSON, NDJSON, CSV and Parquet for programs. Data goes to stdout, all else to stderr.

A string from a log may hold terminal escapes, bidirectional overrides or a spreadsheet's formula: nothing is printed here before
`visible` has seen it. `NO_COLOR` is honoured (https://no-color.org).
"""

import csv
import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeVar

import click
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from stillwatch.records.fields import TIME_FORMAT
from stillwatch.records.visible import csv_cell, json_escaped, visible

FORMATS = ("table", "json", "ndjson", "csv", "parquet")
MAX_CELL = 400  # characters of one cell of a table for people
MAX_WORD = 40  # characters of one word that are never torn: longer than any id of ours
PIPED_WIDTH = 10_000  # columns: a table that is piped is as wide as its contents, never cut at 80

_NUMBER = re.compile(r"(< )?[+−-]?(0|[1-9]\d{0,2}(,\d{3})*|[1-9]\d{0,8})(\.\d+)?( %|e[+-]\d+)?")
Command = TypeVar("Command", bound=Callable[..., Any])
Rows = Sequence[Sequence[object]]


def output_option(*formats: str) -> Callable[[Command], Command]:
    """The option `-o`, for the formats that a command has; the first one is the default."""
    return click.option(
        "-o",
        "--output",
        "kind",
        type=click.Choice(formats or FORMATS),
        default=(formats or FORMATS)[0],
        show_default=True,
        help="What is printed on stdout.",
    )


def console(stderr: bool = False) -> Console:
    """A terminal that takes no markup from data; as wide as it must be where it is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False, width=None if stream.isatty() else PIPED_WIDTH
    )


def say(sentence: str) -> None:
    """A sentence for the person at the terminal, on stderr."""
    click.echo(visible(sentence), err=True)


def table(columns: Sequence[str], rows: Rows) -> None:
    """
    A table for people, on stdout; numbers stand to the right. Nothing where there are no rows.

    On a narrow terminal sentences fold and headers stack, but an id is never torn: better a line too long than a name that
    cannot be copied.
    """
    if not rows:
        return
    cells = [[visible(spoken(value), MAX_CELL) for value in row] for row in rows]
    told = [_Told.of(column, [row[i] for row in cells]) for i, column in enumerate(columns)]
    screen = console()
    narrow = sum(t.natural for t in told) + 2 * len(told) > screen.width
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for i, t in enumerate(told):
        right = all(_is_number(row[i]) for row in rows)
        header = t.header.replace(" ", "\n") if narrow and not t.folds else t.header
        drawn.add_column(header, justify="right" if right else "left", no_wrap=not t.folds, overflow="fold")
    for row in cells:
        drawn.add_row(*row)
    screen.width = max(screen.width, sum(t.least for t in told) + 2 * len(told))
    with screen.capture() as captured:
        screen.print(drawn)
    text = captured.get()
    click.echo(text if screen.is_terminal else "\n".join(line.rstrip() for line in text.splitlines()))


@dataclass(frozen=True, slots=True)
class _Told:
    """One column of a table for people: may its cells fold, and how wide is it at best and at least, characters."""

    header: str
    folds: bool
    natural: int
    least: int

    @classmethod
    def of(cls, header: str, cells: Sequence[str]) -> Self:
        longest = max(cell_len(c) for c in cells)
        folds = longest > MAX_WORD or any(" " in c.strip() for c in cells)
        words = max((cell_len(w) for text in (header, *(cells if folds else ())) for w in text.split()), default=0)
        least = max(min(words, MAX_WORD), 0 if folds else longest)
        return cls(header, folds, max(longest, cell_len(header)), least)


def records(kind: str, columns: Sequence[str], data: Rows) -> None:
    """
    The same rows in one of FORMATS, on stdout.

    Raises:
        UsageError: Parquet was asked for on a terminal.
    """
    if kind == "table":
        table(columns, data)
    elif kind == "json":
        document([dict(zip(columns, row, strict=True)) for row in data])
    elif kind == "ndjson":
        lines = (orjson.dumps(_plain(dict(zip(columns, row, strict=True)))) + b"\n" for row in data)
        json_text(b"".join(lines))
    elif kind == "csv":
        _bytes(as_csv(columns, data))
    else:
        _bytes(_as_parquet(columns, data))


def document(tree: object) -> None:
    """One JSON value, keys in their order, indented by two."""
    json_text(orjson.dumps(_plain(tree), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def json_text(raw: bytes) -> None:
    """JSON that is ready, on stdout; a string in it drives no terminal."""
    _bytes(json_escaped(raw))


def as_csv(columns: Sequence[str], data: Rows) -> bytes:
    """CSV (RFC 4180) in UTF-8; no cell of text is a formula."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow(columns)
    for row in data:
        writer.writerow([csv_cell(value) if isinstance(value, str) else "" if value is None else _plain(value) for value in row])
    return sheet.getvalue().encode("utf-8", "replace")


def spoken(value: object) -> str:
    """A value as a person reads it in a table."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _is_number(value: object) -> bool:
    if value is None or isinstance(value, int | float):
        return not isinstance(value, bool)
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _as_parquet(columns: Sequence[str], data: Rows) -> bytes:
    if sys.stdout.isatty():
        raise click.UsageError("parquet is not for a terminal. Send it to a file: … -o parquet > rows.parquet")
    sink = io.BytesIO()
    pq.write_table(pa.table({c: [row[i] for row in data] for i, c in enumerate(columns)}), sink)
    return sink.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.strftime(TIME_FORMAT) if isinstance(value, datetime) else value


def _bytes(raw: bytes) -> None:
    click.echo(raw, nl=False)
