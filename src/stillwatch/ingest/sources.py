"""Paths -> files, formats and splits: what is a log is told by content, and what is none is said aloud."""

import contextlib
import difflib
import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stillwatch.errors import BadLineError, LogFormatError, SettingsError
from stillwatch.ingest import files, footer, lake, parquet
from stillwatch.ingest.base import Adapter, Head, LogFile, Skipped, Source, Split
from stillwatch.ingest.objects import lines_of, objects_of
from stillwatch.ingest.times import TIME_FORMATS
from stillwatch.records.tables import EXCHANGES
from stillwatch.settings import IngestSettings

_HEAD = 256 << 10  # bytes looked at; more where the first line is longer
_HEAD_MOST = 64 << 20
_HEAD_OBJECTS = 100
_SPLIT_LEAST, _SPLIT_MOST = 1 << 20, 32 << 20  # bytes of a split of plain lines: enough splits for every core
_SMALL = 4 << 20  # bytes of small files that are read as one split
_DOCUMENT_MOST = 1 << 30
_READS = (
    "Stillwatch reads Parquet or JSON lines with the columns exchange_id, seen_at, account_id and model, request and "
    "response pairs, and gateway payloads: see docs/reference/formats.md"
)


def discover(paths: Sequence[str], settings: IngestSettings, adapters: Sequence[Adapter]) -> Source:
    """
    Find the logs below `paths` (files, folders, globs), tell each one's format by its content, and split them.

    A file that is named and no log is an error; a file found in a folder is left out and listed in `skipped`.

    Raises:
        LogFormatError: a path is missing, or nothing below the paths is a log.
        SettingsError: a setting of ingest has a value that means nothing.
    """
    _check(settings, [a.name for a in adapters])
    found: list[LogFile] = []
    splits: list[Split] = []
    skipped: list[Skipped] = []
    for path, named in _expanded(paths, settings):
        try:
            file, parts = _looked_at(path, settings, adapters)
        except LogFormatError as error:
            if named:
                raise
            skipped.append(Skipped(path, str(error)))
            continue
        found.append(file)
        splits.extend(parts)
    if not found:
        raise LogFormatError(_nothing(paths, skipped))
    n_rows = None if any(f.n_rows is None for f in found) else sum(f.n_rows or 0 for f in found)
    together = _together(splits, {f.path: f.size_bytes for f in found})
    return Source(tuple(found), together, tuple(skipped), n_rows, sum(f.size_bytes for f in found))


def _check(settings: IngestSettings, formats: Sequence[str]) -> None:
    _check_word("format", settings.format, formats)
    _check_word("time_format", settings.time_format, TIME_FORMATS)
    _check_word("on_bad_line", settings.on_bad_line, ("quarantine", "fail"))
    if settings.split_rows < 1 or not 0 <= settings.min_good_share <= 1:
        raise SettingsError("ingest.split_rows must be 1 or more, and ingest.min_good_share between 0 and 1")
    for column in settings.columns:
        if column not in EXCHANGES.names:
            near = difflib.get_close_matches(column, EXCHANGES.names, 1)
            hint = f"Did you mean '{near[0]}'?" if near else "Its keys are columns of the exchanges table"
            raise SettingsError(f"ingest.columns: '{column}' is no column. {hint} The value is the log's own name")


def _check_word(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise SettingsError(f"ingest.{name} '{value}' is unknown. Known: {', '.join(sorted(known))}")


def _nothing(paths: Sequence[str], skipped: Sequence[Skipped]) -> str:
    if skipped:
        return f"{paths[0]}: none of its {len(skipped)} files is a log. The first one: {skipped[0].reason}"
    return f"{paths[0]}: holds no files. Give the folder or file that your gateway writes its logs to"


def _expanded(paths: Sequence[str], settings: IngestSettings) -> Iterator[tuple[str, bool]]:
    """Each file once, in order, and whether it was named by the caller."""
    seen: set[str] = set()
    for path in paths:
        for file, named in _below(path, settings):
            key = os.path.realpath(file)
            if key not in seen:
                seen.add(key)
                yield file, named


def _below(path: str, settings: IngestSettings) -> Iterator[tuple[str, bool]]:
    if os.path.isdir(path):
        yield from ((f, False) for f in _folder(Path(path), settings))
    elif os.path.exists(path):
        yield path, True
    elif matches := sorted(glob.glob(path, recursive=True)):
        for match in matches:
            yield from ((f, False) for f, _ in _below(match, settings))
    else:
        raise LogFormatError(f"{path}: no such file or folder. Check the path; a glob must match at least one file")


def _folder(root: Path, settings: IngestSettings) -> list[str]:
    """
    Files below a folder, sorted; hidden ones and those that data writers put beside tables (`_SUCCESS`) are not logs.

    Of a table of a data lake only the files that are the table now.
    """
    out: list[str] = []
    for folder, folders, names in os.walk(root):
        current = lake.table_files(Path(folder), settings.columns.values())
        if current is not None:
            out.extend(current)
            folders.clear()
            continue
        folders[:] = sorted(d for d in folders if not d.startswith((".", "_")))
        out.extend(os.path.join(folder, n) for n in names if not n.startswith((".", "_")))
    return sorted(out)


def _looked_at(path: str, settings: IngestSettings, adapters: Sequence[Adapter]) -> tuple[LogFile, list[Split]]:
    head = look(path)
    adapter = _adapter(head, settings, adapters)
    splits = _splits(head, adapter, settings)
    n_rows = None if any(s.n_rows is None for s in splits) else sum(s.n_rows or 0 for s in splits)
    mapping = adapter.mapping(head, settings)
    file = LogFile(path, adapter.name, adapter.table, head.container, head.compression, head.size, n_rows, mapping, head.note)
    return file, splits


def look(path: str) -> Head:
    """
    The beginning of a file.

    Raises:
        LogFormatError: it cannot be read, is empty, or holds neither Parquet nor JSON.
    """
    with files.opened(path) as file:
        start = file.read(4)
        size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise LogFormatError(f"{path}: is empty. If the gateway has only just started, try again once it has logged a request")
    if start == footer.MAGIC:
        return _parquet_head(path, size)
    return _json_head(path, size, files.compression_of(start))


def _parquet_head(path: str, size: int) -> Head:
    schema, donor, found = parquet.look(path)
    if found is None:
        return Head(path, size, "parquet", None, schema=schema)
    lent = os.path.basename(donor or "")
    part = "" if found.torn is None else ", the last ones without the columns that came after the cut"
    note = f"cut off: its footer is lost. {found.n_rows:,} rows were recovered by the schema of {lent}{part}"
    return Head(path, size, "cut parquet", None, schema=schema, donor=donor, n_rows=found.n_rows, note=note)


def _json_head(path: str, size: int, compression: str | None) -> Head:
    data, whole = files.head_bytes(path, compression, _HEAD)
    if not data.strip():
        raise LogFormatError(f"{path}: holds no lines. Was it cut off, or is it padding?")
    _refuse_binary(path, data)
    if not whole and b"\n" not in data:
        data, whole = files.head_bytes(path, compression, _HEAD_MOST)
    lines = data if whole else data[: data.rfind(b"\n") + 1] or data
    head = _lines_head(path, size, compression, lines)
    if not head.objects and size <= _DOCUMENT_MOST and data.lstrip()[:1] in (b"{", b"["):
        return _document_head(head)
    return head


def _refuse_binary(path: str, data: bytes) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LogFormatError(f"{path}: is UTF-16 text. Convert it: iconv -f utf-16 -t utf-8")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        raise LogFormatError(f"{path}: {_looks_like(data)}. {_READS}")


def _looks_like(data: bytes) -> str:
    start = data.lstrip()[:64].lower()
    for magic, said in (
        (b"\x89png", "is a picture, not a log"),
        (b"\xff\xd8\xff", "is a picture, not a log"),
        (b"<!doctype", "is a web page, not a log"),
        (b"<html", "is a web page, not a log"),
        (b"<?xml", "is XML, not a log"),
        (b"pk\x03\x04", "is a zip archive. Unpack it first"),
        (b"%pdf", "is a PDF, not a log"),
        (b"sqlite format", "is an SQLite database. Export its table as Parquet first"),
    ):
        if start.startswith(magic):
            return said
    if b"\0" in data[:4096]:
        return "is binary data of a kind that Stillwatch does not read"
    first = data.split(b"\n", 1)[0]
    if first.count(b",") >= 2 or first.count(b"\t") >= 2:
        return "looks like CSV. Convert it to Parquet with the columns' canonical names"
    return "is neither Parquet nor JSON"


def _lines_head(path: str, size: int, compression: str | None, data: bytes) -> Head:
    objects: list[dict[str, object]] = []
    n_tried = n_bytes = 0
    for _, line in lines_of(data):
        n_tried += 1
        n_bytes += len(line) + 1
        with contextlib.suppress(BadLineError):
            objects.extend(p.fields for p in objects_of(line))
        if n_tried >= _HEAD_OBJECTS:
            break
    return Head(path, size, "lines", compression, tuple(objects), n_tried, None, n_bytes / max(n_tried, 1))


def _document_head(head: Head) -> Head:
    """Where no line is an object by itself, the whole file may be one."""
    data, _ = files.head_bytes(head.path, head.compression, _DOCUMENT_MOST)
    try:
        objects = [p.fields for p in objects_of(data)]
    except BadLineError:
        return head
    return Head(head.path, head.size, "document", head.compression, tuple(objects[:_HEAD_OBJECTS]), len(objects))


def _adapter(head: Head, settings: IngestSettings, adapters: Sequence[Adapter]) -> Adapter:
    if head.schema is None and not head.objects:
        raise LogFormatError(f"{head.path}: none of its first {head.n_tried} lines is a JSON object. {_READS}")
    for adapter in adapters:
        if adapter.name == settings.format:
            return adapter
    best = max(adapters, key=lambda a: a.detect(head, settings))
    if best.detect(head, settings) <= 0:
        raise LogFormatError(f"{head.path}: {_strange(head)} {_READS}")
    return best


def _strange(head: Head) -> str:
    names = head.schema.names if head.schema is not None else list(dict.fromkeys(k for o in head.objects for k in o))
    shown = ", ".join(repr(n) for n in names[:8]) + (", …" if len(names) > 8 else "")
    return f"has the columns {shown}, which are of no format Stillwatch knows. Map them with ingest.columns."


def _splits(head: Head, adapter: Adapter, settings: IngestSettings) -> list[Split]:
    if head.container == "parquet":
        return [
            Split(0, head.path, adapter.name, adapter.table, "parquet", begin, end, n_rows=n_rows)
            for begin, end, n_rows in parquet.row_groups(head.path, settings.split_rows)
        ]
    if head.container == "cut parquet":
        return [Split(0, head.path, adapter.name, adapter.table, "cut parquet", 0, 1, n_rows=head.n_rows, donor=head.donor)]
    size = head.size
    step = size
    if head.container == "lines" and head.compression is None:
        step = int(min(max(head.mean_line_bytes * settings.split_rows, _SPLIT_LEAST), _SPLIT_MOST))
    return [
        Split(0, head.path, adapter.name, adapter.table, head.container, at, min(at + step, size), head.compression)
        for at in range(0, size, step)
    ]


def _together(splits: Sequence[Split], sizes: Mapping[str, int]) -> tuple[Split, ...]:
    """Neighbouring small files become one split each few megabytes; then all are numbered."""
    out: list[Split] = []
    n_bytes = 0
    for split in splits:
        size = sizes[split.path] if split.begin == 0 and split.table == "exchanges" else _SMALL
        if out and n_bytes + size < _SMALL and split.format == out[-1].format:
            out[-1] = replace(out[-1], also=(*out[-1].also, split))
            n_bytes += size
        else:
            out.append(split)
            n_bytes = size
    return tuple(replace(s, number=i, n_rows=_rows_of(s)) for i, s in enumerate(out))


def _rows_of(split: Split) -> int | None:
    counts = [split.n_rows, *(s.n_rows for s in split.also)]
    return None if None in counts else sum(c for c in counts if c is not None)
