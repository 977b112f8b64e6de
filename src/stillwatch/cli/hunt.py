"""`stillwatch hunt`: peers' indicators against one's own logs, stores or results."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import ingest
from stillwatch.cli import indicators, output, peers
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import SharingError
from stillwatch.methods.cores import available_cores
from stillwatch.privacy import Key
from stillwatch.records.campaign import Document
from stillwatch.settings import EngineSettings, IngestSettings
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.hunt import store
from stillwatch.sharing.hunt.search import HITS, Search
from stillwatch.sharing.hunt.sightings import MIN_ACCOUNTS, sightings
from stillwatch.sharing.hunt.store import StoreHunt

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_NEW = click.Path(path_type=Path, dir_okay=False)
_COLUMNS = ("indicator_id", "kind", "n_accounts", "n_exchanges", "first_seen", "last_seen", "best_similarity")


@click.command("hunt")
@click.argument("places", metavar="STORE|LOGS|DIR...", nargs=-1, required=True)
@click.option("--indicators", "source", required=True, help="Bundle of peers, or address of a TAXII collection.")
@click.option("--epoch", default="", help="Name of the epoch whose sketches can be compared; a store knows its own.")
@click.option("--epoch-key", type=_FILE, help="That epoch's key; only for logs.")
@peers.options
@click.option("--out", type=_NEW, help="Every hit, as Parquet.")
@click.option("--sightings", "sighting_file", type=_NEW, help="A bundle that tells peers what was seen, in powers of two.")
@click.option("--producer", help="Your identity in the collection, for --sightings.")
@click.option(
    "--key-file", type=_FILE, help="Your own key: of the store's digests, and of the ids of sightings; this machine's by default."
)
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
    Look for what peers have seen, in a STORE of signatures (that of a results folder DIR), in LOGS, or both.

    A store is fast and needs no text: templates, contracts and behaviours with settings where it was scanned with [sharing] in
    the settings, networks, tokens and other behaviours always. A log is read again. In both a template matches where the whole
    wording does; the recipes of a results folder match with the fill taken out. A hit is a reason to look, never enough alone;
    scan --indicators weighs it as evidence.

    Exit codes: 0 nothing found, 3 something found.
    """
    if sighting_file is not None and producer is None:
        raise click.UsageError("--sightings needs --producer: your identity in the collection, from share producer")
    named, objects, own_tokens = (
        peers.epoch(epoch, epoch_key),
        indicators.objects(source, member, member_key, own=False),
        peers.tokens(token_file),
    )
    roots = {p: root for p in places if (root := store.root_of(Path(p))) is not None}
    folders = [Path(p) for p in places if (Path(p) / "campaigns.json").is_file()]
    logs = [p for p in places if p not in roots and Path(p) not in folders]
    epoch = epoch or next((name for root in roots.values() for name in store.epochs(root)), "")
    wanted = peers.wanted(objects, epoch)
    if (logs or (folders and not roots)) and wanted.sketches and named is None:
        output.say(f"left out: {len(wanted.sketches)} sketches, because --epoch-key is missing")
    search = Search(wanted, named, own_tokens)
    recipes = [row for folder in folders for row in search.recipes(_document(folder))]
    writer = _Writer(out)
    with writer:
        for hits in _in_logs(search, logs):
            writer.add(hits)
        own = Key.from_file(key_file) if key_file else Key.of_this_machine() if roots or sighting_file else None
        for root in roots.values():
            indicators.tell_left_out(store.unseen(wanted, root))
            writer.add(_in_store(search, root, StoreHunt(wanted, epoch, own, own_tokens, available_cores()) if own else None))
    output.say(f"{wanted.n} values looked for")
    if recipes:
        output.records(kind, ("campaign_id", "recipe", "indicator_id", "similarity", "n_accounts"), recipes)
    rows = [
        (name, one.kind, len(one.accounts), one.n_exchanges, one.first_seen, one.last_seen, one.best)
        for name, one in sorted(search.found.items(), key=lambda item: -len(item[1].accounts))
    ]
    if rows or not recipes:
        output.records(kind, _COLUMNS, rows)
    if sighting_file is not None and producer is not None and own is not None:
        _tell(search, Publisher(producer, own), sighting_file)
    return 3 if rows or recipes else 0


def _document(folder: Path) -> Document:
    path = folder / "campaigns.json"
    return Document.from_json(path.read_bytes(), str(path))


def _in_logs(search: Search, logs: Sequence[str]) -> Iterator[pa.Table]:
    if not logs:
        return
    settings = IngestSettings()
    source = ingest.discover(logs, settings)
    if "signatures" in source.tables:
        raise SharingError(
            "keyed signatures hold no text and no address to hunt in. Hunt where the log lies, or in what scan made of them"
        )
    for split in source.splits:
        for piece in ingest.read(split, settings):
            yield search.look(piece.exchanges)
    yield search.finish()


def _in_store(search: Search, root: Path, hunt: StoreHunt | None) -> pa.Table:
    """The hits in one store, a row of HITS each; they are added to what the search has found."""
    if hunt is None:
        return HITS.empty_table()
    with DuckDBEngine(root, EngineSettings()) as engine:
        store.check_key(engine, hunt.key)
        hits = hunt.hits(engine)
        search.add(store.found(engine, hits))
        return store.told(engine, hits)


class _Writer:
    """Hits go to a file as they are found, or nowhere."""

    def __init__(self, out: Path | None) -> None:
        self._file = pq.ParquetWriter(out, HITS, compression="zstd") if out is not None else None

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, hits: pa.Table) -> None:
        """Write some."""
        if self._file is not None and hits.num_rows:
            self._file.write_table(hits)


def _tell(search: Search, publisher: Publisher, path: Path) -> None:
    bundle: dict[str, Any] = sightings(search.found, publisher, datetime.now(UTC))
    path.write_bytes(orjson.dumps(bundle, option=orjson.OPT_INDENT_2) + b"\n")
    crowds = sum(one.kind == "collision" for one in search.found.values())
    few = len(search.found) - len(bundle["objects"]) - crowds
    output.say(
        f"{len(bundle['objects'])} sightings in {path}; {few} stay here: fewer than {MIN_ACCOUNTS} accounts; "
        f"{crowds}: crowds on a card, device or client, which say nothing of one campaign"
    )
