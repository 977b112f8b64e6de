"""`stillwatch sign`: keyed signatures of a log, to be scanned where the text may not go."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import ingest, settings, signatures
from stillwatch.cli import progress
from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import LogFormatError
from stillwatch.ingest import Source, Split
from stillwatch.privacy import Key
from stillwatch.records.progress import Observer
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import EngineSettings, IngestSettings


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign one split into its part of the table; returns how many rows and bad lines it had."""

    root: Path
    settings: IngestSettings
    key: Key

    def __call__(self, split: Split) -> tuple[int, int]:
        told: Counter[str] = Counter()
        n_rows = parts.write_part(self.root, SIGNATURES, split.number, self._tables(split, told))
        return n_rows, told["bad"]

    def _tables(self, split: Split, told: Counter[str]) -> Iterator[pa.Table]:
        for piece in ingest.read(split, self.settings):
            told["bad"] += len(piece.bad)
            if piece.n_rows:
                yield signatures.sign(piece.exchanges, (split.number << 32) | piece.first_index, self.key)


@click.command("sign")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="FILE.parquet, or a folder of one file a split.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (stillwatch.toml).")
@click.option(
    "--key-file", type=click.Path(path_type=Path, dir_okay=False), help="Key of the digests; default: this machine's own."
)
@click.option("--on-bad-line", type=click.Choice(["quarantine", "fail"]), help="Leave bad lines out (default), or stop at one.")
@click.option("--workers", type=click.IntRange(1), help="Processes; default: the cores this process may use.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def command(
    logs: tuple[str, ...],
    out: Path,
    config: Path | None,
    key_file: Path | None,
    on_bad_line: str | None,
    workers: int | None,
    quiet: bool,
) -> None:
    """
    Write the keyed signatures of LOGS: no text, no account ids, only exchange ids as they are in the log.

    `stillwatch scan` reads the table in place of the log and finds the same campaigns; it names accounts by
    pseudonym. Keep the key: tables signed under different keys cannot be compared.
    """
    chosen = settings.with_changes(
        settings.load(config), ingest={"on_bad_line": on_bad_line}, engine={"workers": workers}, privacy={"key_file": key_file}
    )
    named = chosen.privacy.key_file
    key = Key.from_file(named) if named else Key.of_this_machine()
    source = ingest.discover(logs, chosen.ingest)
    if source.tables != {"exchanges"}:
        raise LogFormatError(
            f"{source.files[0].path}: is signed already. Give the log that it was made from, or scan it as it is"
        )
    with progress.shown(quiet) as observer, _folder(out) as root:
        n_rows, n_bad = _signed(source, Sign(root, chosen.ingest, key), chosen.engine, observer)
        if out.suffix == ".parquet":
            _joined(root, out)
    if not quiet:
        click.echo(f"{n_rows:,} exchanges signed under key {key.key_id}, {n_bad:,} bad lines left out: {out}", err=True)


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """Where the parts are written: `out` itself, or a temporary folder beside the one file they become."""
    if out.suffix != ".parquet":
        parts.drop(out, SIGNATURES)
        yield out
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        yield Path(folder)


def _signed(source: Source, task: Sign, engine: EngineSettings, observer: Observer) -> tuple[int, int]:
    observer.stage("sign", source.n_rows)
    n_rows, n_bad = 0, 0
    with tempfile.TemporaryDirectory() as scratch, DuckDBEngine(Path(scratch), engine) as runner:
        for rows, bad in runner.map(task, source.splits):
            n_rows, n_bad = n_rows + rows, n_bad + bad
            observer.advance(rows)
    observer.done()
    if n_rows == 0:
        raise LogFormatError(
            f"{source.files[0].path}: holds no exchange ({n_bad} lines could not be read). Try: stillwatch inspect"
        )
    return n_rows, n_bad


def _joined(root: Path, out: Path) -> None:
    """All parts as one file, in order, put in place whole."""
    whole = root / "whole"
    with pq.ParquetWriter(whole, SIGNATURES.schema, compression="zstd", compression_level=1) as writer:
        for part in parts.part_files(root, SIGNATURES):
            file = pq.ParquetFile(part)
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group))
    os.replace(whole, out)
