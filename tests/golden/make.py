"""
Rewrites the golden data: `make golden`. A person reads the difference before it is committed.

A table that is stored already is never rewritten: its version is read for ever. Only new tables and versions are added.
"""

import contextlib
import io
import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tests.golden.logs import rewrite

from stillwatch import worlds
from stillwatch.cli.main import main
from stillwatch.records import tables
from stillwatch.worlds.shapes.hydra import Hydra

HERE = Path(__file__).parent
TABLES = HERE / "tables"
WORLD = HERE / "worlds" / "small"
LOG = WORLD / "log.ndjson.zst"
PLANTED = WORLD / "planted.txt"
SEED = 11
KEY = b"a key for tests, not a secret..."
MOVING = ("settings_digest", "stillwatch_version")  # fields of campaigns.json that a release moves and a scan does not


def world() -> worlds.World:
    """The look-alikes of the preset `small`, fewer of its ordinary people, and one campaign of sixty accounts at half cover."""
    small = worlds.preset("small")
    parts = {name: part for name, part in small.parts.items() if not part.campaign}
    fleet = Hydra(accounts=60, exchanges=2400, days=6.0, cover=0.5, infra_reuse=0.6)
    return replace(small, parts={**parts, "hydra": fleet}).sized(4800, None)


def outputs(folder: Path) -> dict[str, bytes]:
    """
    Scan the golden log in `folder`, and give every output that is compared, by the name of its file.

    Each file is text: a scan's tables become JSON lines, so that a difference can be read.
    """
    (folder / "key").write_bytes(KEY)
    terminal = _said(folder, "scan", str(LOG), "--out", "results", "--key-file", "key", "--workers", "1", "--quiet")
    results = folder / "results"
    document = orjson.loads((results / "campaigns.json").read_bytes())
    explained = [_said(folder, "explain", "results", c["campaign_id"]) for c in document["campaigns"]]
    kept = {k: v for k, v in document.items() if k not in MOVING}
    return {
        "campaigns.json": orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE),
        "accounts.jsonl": _lines(results / "accounts.parquet"),
        "exchanges.jsonl": _lines(results / "exchanges.parquet", 200),
        "terminal.txt": terminal,
        "explain.txt": b"\n".join(explained),
    }


def example(spec: tables.TableSpec) -> pa.Table:
    """Two rows of a table: every column filled, and every column null that may be."""
    full = {c.name: _value(c.type) for c in spec.columns}
    bare = {c.name: None if c.nullable else full[c.name] for c in spec.columns}
    return pa.Table.from_pylist([full, bare], spec.schema)


def table_file(spec: tables.TableSpec) -> Path:
    """Where one version of a table is kept."""
    return TABLES / f"{spec.name}.v{spec.version}.parquet"


def _value(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return [_value(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type) for field in kind}
    if pa.types.is_timestamp(kind):
        return datetime(2026, 9, 1, 12, 30, tzinfo=UTC)
    if pa.types.is_fixed_size_binary(kind):
        return b"x" * kind.byte_width
    if pa.types.is_boolean(kind):
        return True
    if pa.types.is_floating(kind):
        return 0.5
    return 7 if pa.types.is_integer(kind) else "x"


def _said(folder: Path, *arguments: str) -> bytes:
    """What a command prints, run in `folder`, so that no path of this machine is in it."""
    printed = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main(arguments)
    printed.flush()
    raw = printed.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue()


def _lines(table: Path, most: int | None = None) -> bytes:
    """Floats have nine significant digits, as in campaigns.json: the last ones differ between processors."""
    rows = [{k: _short(v) for k, v in row.items()} for row in pq.read_table(table).slice(0, most).to_pylist()]
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _short(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _write_world(folder: Path) -> None:
    built = worlds.build(world(), SEED, folder, form="ndjson")
    raw = b"".join(part.read_bytes() for part in sorted(built.log.iterdir()))
    if not LOG.exists() or zstandard.ZstdDecompressor().stream_reader(LOG.read_bytes()).read() != raw:
        LOG.write_bytes(zstandard.ZstdCompressor(level=19).compress(raw))
    accounts = pq.read_table(built.truth / "accounts.parquet").to_pylist()
    PLANTED.write_text("".join(f"{a['account_id']}\n" for a in accounts if a["campaign"]))


def rewrite_all() -> None:
    """Logs, tables, world."""
    rewrite.main()
    for spec in tables.ALL:
        if not table_file(spec).exists():
            pq.write_table(example(spec), table_file(spec))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CONFIG_HOME"] = scratch
        _write_world(Path(scratch) / "world")
        for name, content in outputs(Path(scratch)).items():
            (WORLD / name).write_bytes(content)


if __name__ == "__main__":
    rewrite_all()
