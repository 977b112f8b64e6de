"""
The order of the stages, and nothing else: logs in, explained campaigns out.

    read (ingest + signatures, one pass) → templates → candidates → evidence → campaigns → attribution → documents

This is the only file that knows it. Every stage reads and writes tables under DIR/store; a finished stage is recorded, and
`--resume` goes on after the last one.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import campaigns, candidates, evidence, ingest, intake, signatures, templates
from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.engine.journal import Journal
from stillwatch.engine.memory import give_back
from stillwatch.engine.opening import opened
from stillwatch.errors import LogFormatError, SettingsError
from stillwatch.ingest import quarantine
from stillwatch.ingest.base import Source, Split
from stillwatch.privacy import Key, digest
from stillwatch.records import campaign, fields, tables
from stillwatch.records.coverage import Coverage
from stillwatch.records.difference import Difference, differences
from stillwatch.records.progress import Observer, Silent
from stillwatch.records.window import Window
from stillwatch.settings import IngestSettings, Settings, from_json

STORE = "store"
RESULTS = ("campaigns.json", "accounts.parquet", "exchanges.parquet", "report.html")
QUARANTINE = "quarantine.ndjson"


class Hunter(Protocol):
    """
    Holds the stored signatures against what peers look for, and writes `peer_hits`; the room sharing/ has one.

    Handed in, because stages meet at tables and this one reads what comes from outside.
    """

    @property
    def digest(self) -> str:
        """Names what is looked for: hits of something else are found anew."""
        ...

    def __call__(self, engine: Engine) -> object:
        """Write the hits; a report of plain JSON values."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scan leaves."""

    document: campaign.Document
    folder: Path

    @property
    def worst(self) -> str | None:
        """The strongest verdict that no entitlement lifts; None where nothing was found."""
        verdicts = [c.verdict for c in self.document.campaigns if not (c.entitlement and c.entitlement.suppressed)]
        return max(verdicts, key=campaign.VERDICTS.index, default=None)


def scan(
    logs: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    observer: Observer | None = None,
    resume: bool = False,
    pseudonymous: bool = False,
    hunter: Hunter | None = None,
    store: Path | None = None,
    keep_days: int | None = None,
) -> Outcome:
    """
    Find the campaigns in a log, and leave `campaigns.json`, `accounts.parquet` and `exchanges.parquet` in `out`.

    Deterministic: the same log, settings and key give the same bytes.

    Args:
        logs: Files, folders or globs, of any format that ingest reads.
        out: Results folder; made if absent.
        settings: All settings of the run.
        observer: Told of stages and rows.
        resume: Go on after the last finished stage of an interrupted run over the same input, settings and key.
        pseudonymous: Write pseudonyms instead of account ids.
        hunter: Finds what peers look for, as one more kind of evidence. With `resume`, what depends on other hits runs again.
        store: A folder that scans add to: what is new in `logs` is read into it, and all that it holds is scored. The results
            are those of one scan over all its logs.
        keep_days: Of `store`, the newest days (UTC) that are kept; None keeps all.

    Raises:
        LogFormatError: nothing in `logs` is a log, or it holds no exchange.
        SettingsError: `out` is not a results folder of ours but is not empty; `store` is none, or was filled under another key
            or setting.
        EngineError: a stage could not run.
    """
    watch = observer or Silent()
    source = ingest.discover(logs, settings.ingest)
    key = Key.from_file(settings.privacy.key_file) if settings.privacy.key_file else Key.of_this_machine()
    with ExitStack() as lock:
        kept = _added(lock, store, keep_days, out, source, settings, key, watch) if store else None
        _prepare(out, resume)
        with opened(out / STORE, settings.engine) as engine:
            digest = _run_digest(kept.digest() if kept else _stamps(source), settings, key)
            journal = Journal(engine.root, digest, resume)
            _keep_inputs(engine.root, settings)
            whole = kept.source(source.skipped) if kept else source
            if "read" not in journal:
                read = _linked(engine, kept, whole, settings) if kept else _read(engine, whole, settings, key, watch)
                journal.finish("read", read)
            lock.close()
            known = campaigns.chosen(settings.campaigns)
            _hunt(engine, hunter, journal, watch)
            analyse(engine, settings, known, journal, watch)
            document = _document(engine, whole, settings, known, key, journal, watch)
            quarantine.gather(engine.root, out / QUARANTINE)
            campaigns.write_results(engine, document, out, pseudonymous)
    return Outcome(document, out)


def _added(
    lock: ExitStack, root: Path, keep_days: int | None, out: Path, source: Source, settings: Settings, key: Key, watch: Observer
) -> intake.Store:
    """The store with what is new in it, locked until `lock` is closed."""
    here, there = root.resolve(), out.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise SettingsError(f"--store {root} and --out {out}: one lies in the other. Give each a folder of its own")
    epoch = epoch_of(settings)
    store = lock.enter_context(intake.Store.opened(root, intake.Bound.of(key, settings.ingest, epoch)))
    _tell_of(source, watch)
    n_read = intake.add(store, source, settings.ingest, key, epoch, lambda: opened(root, settings.engine), watch, keep_days)
    n_dropped = store.keep_days(keep_days) if keep_days else 0
    dropped = f"; {n_dropped:,} older ones were dropped" if n_dropped else ""
    watch.say(f"{root}: {n_read:,} of {len(source.files):,} files were new; it holds {len(store.manifest.days):,} days{dropped}")
    return store


def _linked(engine: Engine, store: intake.Store, whole: Source, settings: Settings) -> dict[str, object]:
    """Show all parts of the store in this scan's folder; duplicates are left out, as in a scan of all the logs at once."""
    _drop_signed(engine)
    store.link(engine.root)
    return _what_was_read(engine, whole, settings, *store.coverage())


def survey(logs: Sequence[str], engine: Engine, settings: Settings, key: Key, watch: Observer) -> None:
    """Read a log and weigh the evidence on every group, but judge nobody: what a reference is made from."""
    source = ingest.discover(logs, settings.ingest)
    _read(engine, source, settings, key, watch)
    _run(_to_evidence(engine, settings), Journal(engine.root, "survey", False), watch)


def analyse(engine: Engine, settings: Settings, known: campaigns.Reference, journal: Journal, watch: Observer) -> None:
    """Templates to attribution, each recorded when it is finished; the same code whatever the signatures came from."""
    judging: tuple[Stage, ...] = (
        ("campaigns", lambda: campaigns.judge(engine, settings.campaigns, known).num_rows),
        ("attribution", lambda: campaigns.attribute(engine, engine.read(tables.CAMPAIGNS), settings.campaigns.min_accounts)),
    )
    _run(_to_evidence(engine, settings) + judging, journal, watch)
    if engine.spilled_bytes >= TOLD_SPILL:
        watch.say(f"{engine.spilled_bytes / 1e9:,.1f} GB were spilled to disk, and are gone again")


TOLD_SPILL = 100_000_000  # bytes on disk for a while that are worth a line

Stage = tuple[str, Callable[[], object]]


def _to_evidence(engine: Engine, settings: Settings) -> tuple[Stage, ...]:
    return (
        ("templates", lambda: templates.mine(engine, settings.templates)),
        ("candidates", lambda: candidates.find(engine, settings.candidates)),
        (
            "evidence",
            lambda: [[s.detector, s.reason] for s in evidence.weigh(engine, window_of(engine), _available(engine))],
        ),
    )


def _hunt(engine: Engine, hunter: Hunter | None, journal: Journal, watch: Observer) -> None:
    """The hits of this hunter and of no other; what was judged by others is judged again."""
    wanted = hunter.digest if hunter else None
    done = journal["peers"]["digest"] if "peers" in journal else None
    if wanted is not None and wanted == done:
        return
    if wanted is not None or done is not None:
        journal.forget("peers", "evidence", "campaigns", "attribution")
    parts.drop(engine.root, tables.PEER_HITS)
    if wanted is None and done is None:
        return
    watch.stage("peers", None)
    journal.finish("peers", {"digest": wanted, "told": hunter(engine) if hunter else None})
    watch.done()


def _run(stages: Sequence[Stage], journal: Journal, watch: Observer) -> None:
    for name, run in stages:
        if name not in journal:
            watch.stage(name, None)
            journal.finish(name, run())
            watch.done()
            give_back()  # a stage's arrays are not the next one's


def window_of(engine: Engine) -> Window:
    """From the first exchange to just after the last."""
    span = engine.query("SELECT min(seen_at) AS first, max(seen_at) AS last FROM signatures")
    first, last = span["first"][0].as_py(), span["last"][0].as_py()
    return Window(first, last + timedelta(microseconds=1))


def _prepare(out: Path, resume: bool) -> None:
    if not out.exists():
        out.mkdir(parents=True)
    ours = {STORE, QUARANTINE, *RESULTS}
    strange = sorted(p.name for p in out.iterdir() if p.name not in ours and p.name != "rulings.json")
    if strange and not (out / STORE).exists():
        raise SettingsError(
            f"{out}: is not empty and no results folder ('{strange[0]}' is in it). Name another folder with --out"
        )
    for name in (*RESULTS, QUARANTINE):
        (out / name).unlink(missing_ok=True)
    # of a run that was killed all that it spilled is left, and what it was writing, and of no use
    shutil.rmtree(out / STORE / "spill" if resume else out / STORE, ignore_errors=True)
    for left in (*out.glob("*.tmp"), *out.glob(f"{STORE}/**/*.tmp")):
        left.unlink(missing_ok=True)


def _stamps(source: Source) -> list[tuple[str, int, int]]:
    return [(f.path, f.size_bytes, os.stat(f.path).st_mtime_ns) for f in source.files]


def _run_digest(read: object, settings: Settings, key: Key) -> str:
    epoch = epoch_of(settings)
    shared = [epoch.name, epoch.key.key_id] if epoch else []
    return hashlib.sha256(orjson.dumps([read, settings.digest, key.key_id, *shared])).hexdigest()[:16]


def _read(engine: Engine, source: Source, settings: Settings, key: Key, watch: Observer) -> dict[str, object]:
    """Read and sign the whole input; duplicates are left out, bad lines kept aside."""
    _drop_signed(engine)
    _tell_of(source, watch)
    watch.stage("read", source.n_rows)
    coverage, n_bad = Coverage(), 0
    for report in engine.map(intake.SignSplit(engine.root, settings.ingest, key, epoch_of(settings)), source.splits):
        coverage = coverage.merge(report.coverage)
        n_bad += report.n_bad
        watch.advance(report.coverage.n_rows)
    watch.done()
    return _what_was_read(engine, source, settings, coverage, n_bad)


def _drop_signed(engine: Engine) -> None:
    for spec in intake.SIGNED_TABLES:
        parts.drop(engine.root, spec)
    quarantine.drop(engine.root)


def _tell_of(source: Source, watch: Observer) -> None:
    for left_out in source.skipped:
        watch.say(f"{left_out.path}: left out: {left_out.reason}")
    for note in (f"{f.path}: {f.note}" for f in source.files if f.note):
        watch.say(note)


def _what_was_read(engine: Engine, source: Source, settings: Settings, coverage: Coverage, n_bad: int) -> dict[str, object]:
    ingest.enough(source, coverage.n_rows, n_bad, settings.ingest)
    if not engine.has(tables.SIGNATURES):
        raise LogFormatError(
            f"{source.files[0].path}: holds no exchange ({n_bad} lines could not be read). Try: stillwatch inspect"
        )
    n_duplicates = _leave_out_duplicates(engine)
    return {"coverage": coverage.to_plain(), "n_bad": n_bad, "n_duplicates": n_duplicates}


_NOT_TOLD = ("row", "exchange_id", "seen_at")  # all other values of an exchange say which of two with one id comes first


def _leave_out_duplicates(engine: Engine) -> int:
    """
    An exchange delivered twice is one exchange. Returns how many rows were left out.

    Of rows with one id the earliest stays, and of equally early ones the first by what they say: whichever file was read first.
    """
    told = ", ".join(f"s.{c.name}" for c in tables.SIGNATURES.columns if not pa.types.is_list(c.type) and c.name not in _NOT_TOLD)
    again = engine.query(
        f"""SELECT row FROM (
          SELECT s.row, row_number() OVER (PARTITION BY s.exchange_id ORDER BY s.seen_at, {told}, s.row) AS place
          FROM signatures s JOIN (SELECT exchange_id FROM signatures GROUP BY exchange_id HAVING count(*) > 1) d
          ON d.exchange_id = s.exchange_id) WHERE place > 1 ORDER BY row"""
    )["row"].to_numpy()
    files = parts.part_files(engine.root, tables.SIGNATURES) if len(again) else ()
    for path in files:  # a part of a store holds the rows of several small files
        if pc.any(pc.is_in(parts.read_file(path, ["row"])["row"], pa.array(again))).as_py():
            table = parts.read_file(path)
            parts.replace_part(path, tables.SIGNATURES, table.filter(pc.invert(pc.is_in(table["row"], pa.array(again)))))
    return len(again)


def epoch_of(settings: Settings) -> signatures.Epoch | None:
    """
    The exchange's epoch and its key, where the settings name both.

    Raises:
        SettingsError: one without the other, a name that is none, or a key that cannot be read.
    """
    name, path = settings.sharing.epoch, settings.sharing.epoch_key_file
    if name is None and path is None:
        return None
    if name is None or path is None:
        raise SettingsError("sharing.epoch and sharing.epoch_key_file go together: one without the other matches nobody")
    try:
        return signatures.Epoch(name, Key.from_file(path))
    except ValueError as error:
        raise SettingsError(f"sharing.epoch: {error}") from error


def _available(engine: Engine) -> frozenset[str]:
    """Columns of `signatures` that hold anything, and `peer_hits` where a hunt has been made."""
    hunted = {tables.PEER_HITS.name} if engine.has(tables.PEER_HITS) else set()
    return parts.columns_with_values(engine.root, tables.SIGNATURES) | hunted


_KEPT_SETTINGS, _KEPT_REFERENCE, _KEPT_ENTITLEMENTS = "settings.json", "reference.parquet", "entitlements.toml"


def _keep_inputs(root: Path, settings: Settings) -> None:
    """Beside the signatures lies all that a third party needs to recompute the results: settings, reference, registry."""
    known = campaigns.chosen(settings.campaigns)
    campaigns.save_reference(known, root / _KEPT_REFERENCE)
    if settings.campaigns.entitlements:
        parts.write_bytes(root / _KEPT_ENTITLEMENTS, settings.campaigns.entitlements.read_bytes())
    parts.write_bytes(root / _KEPT_SETTINGS, settings.to_json())


def kept(root: Path) -> tuple[Settings, campaigns.Reference]:
    """Settings and reference of the scan whose tables lie in `root`."""
    settings = from_json((root / _KEPT_SETTINGS).read_bytes())
    registry = root / _KEPT_ENTITLEMENTS if settings.campaigns.entitlements else None
    known = campaigns.saved_reference(root / _KEPT_REFERENCE)
    return replace(settings, campaigns=replace(settings.campaigns, entitlements=registry)), known


def _document(
    engine: Engine,
    source: Source,
    settings: Settings,
    known: campaigns.Reference,
    key: Key,
    journal: Journal,
    watch: Observer,
) -> campaign.Document:
    read = journal["read"]
    coverage = Coverage.from_plain(read["coverage"])
    watch.stage("wording", None)
    sketches = _sketches(engine, source, settings)
    watch.done()
    has_text = bool(coverage.share("prompt"))
    n_bad = read["n_bad"]
    told = campaign.Coverage(
        tier="T2" if has_text else "T1" if "tokens" in _available(engine) else "T0",
        formats=tuple(sorted({f.format for f in source.files})),
        n_files=len(source.files),
        n_lines=coverage.n_rows + n_bad,
        n_bad_lines=n_bad,
        n_duplicates=read["n_duplicates"],
        quarantine=QUARANTINE if n_bad else None,
        columns=tuple(campaign.ColumnCoverage(c, coverage.share(c)) for c in tables.EXCHANGES.names),
        unknown_columns=tuple(sorted(coverage.unknown)),
        skipped=tuple(campaign.Skipped(detector, reason) for detector, reason in journal["evidence"]),
    )
    return assemble(engine, settings, known, told, key.key_id, sketches)


def assemble(
    engine: Engine,
    settings: Settings,
    known: campaigns.Reference,
    coverage: campaign.Coverage,
    key_id: str,
    sketches: Mapping[int, str],
) -> campaign.Document:
    """The document, every figure of it from the stored tables; `verify` calls it on recomputed ones."""
    totals = engine.query("SELECT count(*) AS n, count(DISTINCT account) AS n_accounts FROM signatures")
    window, available = window_of(engine), _available(engine)
    with ThreadPoolExecutor(1) as pool:  # one core each: neither has work for two
        seen = pool.submit(_frontier, engine, settings, known, window, available) if settings.campaigns.frontier else None
        told = campaigns.campaigns(engine, settings.campaigns, known, sketches)
        frontier = seen.result() if seen else ()
    return campaign.Document(
        schema_version=campaign.SCHEMA_VERSION,
        stillwatch_version=metadata.version("stillwatch"),
        engine=settings.engine.kind,
        window=window,
        n_exchanges=totals["n"][0].as_py(),
        n_accounts=totals["n_accounts"][0].as_py(),
        n_groups=engine.query("SELECT count(*) AS n FROM groups")["n"][0].as_py(),
        coverage=coverage,
        settings_digest=settings.digest,
        key_id=key_id,
        reference=campaign.Reference(known.source, known.n_benign),
        q=settings.campaigns.q,
        watch_q=settings.campaigns.watch_q,
        campaigns=told,
        limits=campaigns.limits(available, window, settings.campaigns),
        frontier=frontier,
    )


_FRONTIER_SEED = 1  # any number will do; the same one plants the same campaigns


def _frontier(
    engine: Engine, settings: Settings, known: campaigns.Reference, window: Window, available: frozenset[str]
) -> tuple[campaign.FrontierPoint, ...]:
    """The smallest campaigns that this log would have shown."""
    with planted_beside(engine, settings, window, _FRONTIER_SEED, available) as (scratch, planted):
        return campaigns.frontier(engine, scratch, settings.campaigns, known, planted)


@contextmanager
def planted_beside(
    engine: Engine,
    settings: Settings,
    window: Window,
    seed: int,
    available: frozenset[str] | None = None,
    wanted: Sequence[candidates.Planted] | None = None,
) -> Iterator[tuple[Engine, tuple[candidates.Planted, ...]]]:
    """Campaigns planted beside a log's groups and weighed as they are; their tables are gone when the block ends."""
    told = _available(engine) if available is None else available
    with (
        tempfile.TemporaryDirectory(prefix="stillwatch-planted-") as folder,
        DuckDBEngine(Path(folder), replace(settings.engine, name="duckdb", workers=1)) as scratch,
    ):
        planted = candidates.plant(engine, scratch, window, seed, wanted)
        if planted:
            evidence.weigh(scratch, window, told - {tables.PEER_HITS.name}, beside=engine)
        yield scratch, planted


_SAMPLE = 200  # exchanges a recipe whose wording is looked at, each of another account; the earliest, to read little of a log
_MAX_SKETCHED = 10  # recipes a campaign


def _sketches(engine: Engine, source: Source, settings: Settings) -> dict[int, str]:
    """A second look at the log: the redacted wording of the main recipes of each campaign, where 20 accounts share it."""
    chosen = engine.query(
        f"""SELECT recipe, account, row FROM (
          SELECT recipe, account, row, row_number() OVER (PARTITION BY recipe ORDER BY seen_at, account) AS place FROM (
            SELECT a.recipe, a.account, a.row, s.seen_at,
                   row_number() OVER (PARTITION BY a.recipe, a.account ORDER BY s.seen_at, a.exchange_id) AS first
            FROM attributed a JOIN recipes r ON r.recipe = a.recipe JOIN signatures s ON s.row = a.row
            WHERE r.kind <> 'contract' AND a.recipe IN (
              SELECT recipe FROM (
                SELECT recipe, row_number() OVER (PARTITION BY campaign_id ORDER BY count(*) DESC, recipe) AS place
                FROM attributed WHERE recipe IS NOT NULL GROUP BY campaign_id, recipe) WHERE place <= {_MAX_SKETCHED})
            ) WHERE first = 1) WHERE place <= {_SAMPLE} ORDER BY row"""
    )
    texts = _texts(engine, source, settings.ingest, chosen["row"].unique().to_numpy())
    by_recipe: dict[int, list[tuple[int, str | None, str | None]]] = {}
    for recipe, account, row in zip(*(chosen[c].to_pylist() for c in ("recipe", "account", "row")), strict=True):
        if row in texts:
            by_recipe.setdefault(recipe, []).append((account, *texts[row]))
    least = settings.privacy.min_accounts_for_wording
    sketched = {recipe: signatures.wording.sketch(sample, least) for recipe, sample in sorted(by_recipe.items())}
    return {recipe: sketch for recipe, sketch in sketched.items() if sketch is not None}


def _texts(
    engine: Engine, source: Source, settings: IngestSettings, rows: npt.NDArray[np.int64]
) -> dict[int, tuple[str | None, str | None]]:
    """System prompt and newest turn of a few rows, ascending; only the splits that hold them are read, up to the last of them."""
    number = rows >> 32
    wanted = [(s, rows[number == s.number]) for s in source.splits if s.table == "exchanges"]
    asked = [(split, mine) for split, mine in wanted if len(mine)]
    look = _Texts(settings)
    said = engine.map(look, asked) if len(asked) >= _MANY_SPLITS else map(look, asked)
    return {row: texts for found in said for row, texts in found.items()}


_MANY_SPLITS = 8  # from which more processes pay: one takes two seconds to start


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of some rows of a split, whichever process reads it."""

    settings: IngestSettings

    def __call__(self, asked: tuple[Split, npt.NDArray[np.int64]]) -> dict[int, tuple[str | None, str | None]]:
        split, rows = asked
        found: dict[int, tuple[str | None, str | None]] = {}
        for piece in ingest.read(split, self.settings):
            first = (split.number << 32) | piece.first_index
            low, high = np.searchsorted(rows, [first, first + piece.n_rows])
            for row in rows[low:high].tolist():
                exchange = piece.exchanges.slice(row - first, 1)
                found[row] = (exchange["system_prompt"][0].as_py(), exchange["prompt"][0].as_py())
            if high == len(rows):
                break
        return found


def verify(out: Path, work: Path) -> tuple[campaign.Document, tuple[Difference, ...]]:
    """
    Recompute every published figure of a results folder from its stored signatures.

    Templates to attribution run again over the signatures; settings, reference and registry are those kept beside them. The
    coverage and the wording shown to people come from the log itself and are taken over.

    Args:
        out: A results folder.
        work: An empty folder for the recomputed tables.

    Raises:
        LogFormatError: `out` is no results folder.
    """
    published = campaign.Document.from_json(_results_file(out / "campaigns.json").read_bytes(), str(out / "campaigns.json"))
    root = out / STORE
    settings, known = kept(root)
    for spec in (tables.SIGNATURES, tables.ACCOUNTS, *((tables.PEER_HITS,) if parts.part_files(root, tables.PEER_HITS) else ())):
        (work / spec.name).symlink_to(parts.folder(root, spec).resolve(), target_is_directory=True)
    with DuckDBEngine(work, settings.engine) as engine:
        analyse(engine, settings, known, Journal(work, published.settings_digest, False), Silent())
        sketches = {digest(r.id): r.sketch for c in published.campaigns for r in c.recipes if r.sketch}
        again = assemble(engine, settings, known, published.coverage, published.key_id, sketches)
        found = list(differences("campaigns.json", fields.plain(published), fields.plain(again)))
        found += campaigns.table_differences(engine, out)
    return again, tuple(found)


def _results_file(path: Path) -> Path:
    if not path.exists():
        raise LogFormatError(f"{path.parent}: is no results folder (no {path.name}). Run: stillwatch scan LOGS --out DIR")
    return path
