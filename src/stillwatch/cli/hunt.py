"""`stillwatch hunt`: peers' indicators against one's own logs or results."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import ingest
from stillwatch.cli import indicators, output
from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.records.campaign import Document
from stillwatch.settings import IngestSettings
from stillwatch.sharing.export.bundle import Publisher
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.hunt.indicators import read
from stillwatch.sharing.hunt.search import HITS, Search
from stillwatch.sharing.hunt.sightings import MIN_ACCOUNTS, sightings
from stillwatch.sharing.taxii import times

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_NEW = click.Path(path_type=Path, dir_okay=False)
_COLUMNS = ("indicator_id", "kind", "n_accounts", "n_exchanges", "first_seen", "last_seen", "best_similarity")


@click.command("hunt")
@click.argument("places", metavar="LOGS|DIR...", nargs=-1, required=True)
@click.option("--indicators", "source", required=True, help="Bundle of peers, or address of a TAXII collection.")
@click.option("--epoch", default="", help="Name of the epoch whose sketches can be compared, for example 2026q4.")
@click.option("--epoch-key", type=_FILE, help="That epoch's key.")
@click.option("--tokens", "token_file", type=_FILE, help="Your own accounts, from share tokenise: account_id and token.")
@click.option("--member", help="Your name at the exchange, to read a collection.")
@click.option("--member-key", type=_FILE, help="File with your key at the exchange.")
@click.option("--out", type=_NEW, help="Every hit, as Parquet.")
@click.option("--sightings", "sighting_file", type=_NEW, help="A bundle that tells peers what was seen, in powers of two.")
@click.option("--producer", help="Your identity in the collection, for --sightings.")
@click.option("--key-file", type=_FILE, help="Your own key, which salts the ids of sightings; this machine's by default.")
@output.output_option("table", "json", "ndjson", "csv")
def command(
    places: tuple[str, ...],
    source: str,
    epoch: str,
    epoch_key: Path | None,
    token_file: Path | None,
    member: str | None,
    member_key: Path | None,
    out: Path | None,
    sighting_file: Path | None,
    producer: str | None,
    key_file: Path | None,
    kind: str,
) -> int:
    """
    Look for what peers have seen, in LOGS or in a results folder DIR.

    Templates match where the whole wording does, so a log finds requests with little of their own in them, and a results
    folder finds recipes with the fill taken out. Networks and tokens need the columns ip and account_id. A hit is a reason to
    look, never enough alone.

    Exit codes: 0 nothing found, 3 something found.
    """
    if sighting_file is not None and producer is None:
        raise click.UsageError("--sightings needs --producer: your identity in the collection, from share producer")
    named = _epoch(epoch, epoch_key)
    wanted = read(indicators.objects(source, member, member_key), epoch, times.now_us())
    indicators.tell_left_out(wanted.unread)
    if wanted.sketches and named is None:
        output.say(f"left out: {len(wanted.sketches)} sketches, because --epoch-key is missing")
    search = Search(wanted, named, _tokens(token_file))
    folders = [Path(p) for p in places if (Path(p) / "campaigns.json").is_file()]
    logs = [p for p in places if Path(p) not in folders]
    recipes = [row for folder in folders for row in search.recipes(_document(folder))]
    _through(search, logs, out)
    output.say(f"{wanted.n} values looked for")
    if recipes:
        output.records(kind, ("campaign_id", "recipe", "indicator_id", "similarity", "n_accounts"), recipes)
    rows = [
        (name, one.kind, len(one.accounts), one.n_exchanges, one.first_seen, one.last_seen, one.best)
        for name, one in sorted(search.found.items(), key=lambda item: -len(item[1].accounts))
    ]
    if rows or not recipes:
        output.records(kind, _COLUMNS, rows)
    if sighting_file is not None and producer is not None:
        _tell(search, Publisher(producer, Key.from_file(key_file) if key_file else Key.of_this_machine()), sighting_file)
    return 3 if rows or recipes else 0


def _epoch(name: str, key: Path | None) -> Epoch | None:
    if key is None:
        return None
    try:
        return Epoch(name, Key.from_file(key))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _tokens(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            return {row["token"]: row["account_id"] for row in csv.DictReader(lines)}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise SharingError(f"{path}: needs the columns account_id and token, as stillwatch share tokenise writes them") from error


def _document(folder: Path) -> Document:
    path = folder / "campaigns.json"
    return Document.from_json(path.read_bytes(), str(path))


def _batches(logs: Sequence[str]) -> Iterator[pa.RecordBatch]:
    settings = IngestSettings()
    source = ingest.discover(logs, settings)
    if "signatures" in source.tables:
        raise SharingError(
            "keyed signatures hold no text and no address to hunt in. Hunt where the log lies, or in a results folder"
        )
    for split in source.splits:
        for piece in ingest.read(split, settings):
            yield piece.exchanges


def _through(search: Search, logs: Sequence[str], out: Path | None) -> None:
    """Look through all logs; hits go to `out` as they are found."""
    writer = pq.ParquetWriter(out, HITS, compression="zstd") if out is not None else None
    try:
        for batch in _batches(logs) if logs else ():
            hits = search.look(batch)
            if writer is not None and hits.num_rows:
                writer.write_table(hits)
    finally:
        if writer is not None:
            writer.close()


def _tell(search: Search, publisher: Publisher, path: Path) -> None:
    bundle = sightings(search.found, publisher, datetime.now(UTC))
    path.write_bytes(orjson.dumps(bundle, option=orjson.OPT_INDENT_2) + b"\n")
    few = len(search.found) - len(bundle["objects"])
    output.say(f"{len(bundle['objects'])} sightings in {path}; {few} stay here: fewer than {MIN_ACCOUNTS} accounts")
