"""Build a world: plan, sort, write the log part by part, and the truth beside it."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.records.progress import Observer, Silent
from stillwatch.records.tables import EXCHANGES
from stillwatch.worlds.cast import Era, People
from stillwatch.worlds.clients import MODELS
from stillwatch.worlds.clock import DAY
from stillwatch.worlds.corpora import Corpora
from stillwatch.worlds.draft import Draft, Events, Part
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.hashing import tag
from stillwatch.worlds.render import Answers, Renderer, account_columns, created_before_use
from stillwatch.worlds.world import World, told

CHUNK_ROWS = 65_536
PART_ROWS = 1_048_576


@dataclass(frozen=True, slots=True)
class WorldReport:
    """What was built."""

    log: Path
    truth: Path
    n_exchanges: int
    n_accounts: int
    n_harvested: int
    campaigns: tuple[str, ...]


def build(
    world: World,
    seed: int,
    out: Path,
    corpora: Corpora | None = None,
    observer: Observer | None = None,
) -> WorldReport:
    """
    Write a labelled log.

    Cost: about 15 µs an exchange on one core; memory about 100 bytes an exchange while the plan is sorted, and one chunk of text.

    Args:
        world: What is in it.
        seed: The same seed, world and corpora give the same bytes.
        out: `log/part-*.parquet` and `truth/` are written below it.
        corpora: Real text; None = the shipped grammars.
        observer: Told of the rows written.

    Returns:
        Where it lies and how much it is.
    """
    watch = observer or Silent()
    watch.stage("plan", None)
    draft, people, events, names = planned(world, seed, corpora)
    watch.done()
    renderer = Renderer(draft.era, draft.grammar, people, draft.writers, seed, Answers(world.answers, world.history))
    truth = _Truth(out / "truth", world, people, names, seed)
    watch.stage("write", len(events))
    log = _fresh(out / "log")
    for number, first in enumerate(range(0, len(events), PART_ROWS)):
        last = min(first + PART_ROWS, len(events))
        with pq.ParquetWriter(
            log / f"part-{number:06d}.parquet", EXCHANGES.schema, compression="zstd", compression_level=1
        ) as writer:
            for begin in range(first, last, CHUNK_ROWS):
                end = min(begin + CHUNK_ROWS, last)
                table = renderer.render(events, begin, end)
                writer.write_table(table)
                truth.add(table, events, begin, end)
                watch.advance(end - begin)
    watch.done()
    truth.close(corpora)
    planted = tuple(name for name, part in names if part.campaign)
    return WorldReport(log, out / "truth", len(events), len(people), int(events.harvested.sum()), planted)


def planned(world: World, seed: int, corpora: Corpora | None) -> tuple[Draft, People, Events, list[tuple[str, Part]]]:
    """All accounts and all events, sorted; no text yet."""
    start = int(np.datetime64(world.start, "us").astype(np.int64))
    era = Era(start, world.days, start + int(world.days * world.release * DAY), MODELS)
    draft = Draft(era, grammar(), corpora, seed)
    names = world.named_parts()
    for number, (name, part) in enumerate(names):
        part.plan(draft, np.random.default_rng([seed, tag(name)]), number)
    people, events = draft.cast.close(), draft.close()
    created_before_use(people, events)
    return draft, people, events, names


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The shipped languages, compiled once a process."""
    return Grammar()


def _fresh(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("part-*.parquet"):
        old.unlink()
    return folder


class _Truth:
    """The labels, in side files; nothing of them is in the log."""

    SCHEMA = pa.schema(
        [("exchange_id", pa.string()), ("account_id", pa.string()), ("campaign", pa.string()), ("harvested", pa.bool_())]
    )

    def __init__(self, folder: Path, world: World, people: People, names: list[tuple[str, Part]], seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._world, self._people, self._names, self._seed = folder, world, people, names, seed
        self._campaign = pa.array([name if part.campaign else None for name, part in names], pa.string())
        self._writer = pq.ParquetWriter(folder / "exchanges.parquet", self.SCHEMA, compression="zstd", compression_level=1)

    def add(self, table: pa.Table, events: Events, first: int, last: int) -> None:
        """Label some rows."""
        part = self._people.part[events.account[first:last]]
        columns = [
            table["exchange_id"],
            table["account_id"],
            self._campaign.take(pa.array(part)),
            pa.array(events.harvested[first:last]),
        ]
        self._writer.write_table(pa.table(columns, schema=self.SCHEMA))

    def close(self, corpora: Corpora | None) -> None:
        """Finish the exchanges; write accounts and the world's own description."""
        self._writer.close()
        columns = account_columns(self._people, self._seed)
        part = pa.array(self._people.part)
        kinds = pa.array([p.kind for _, p in self._names]).take(part)
        group = pa.array([name for name, _ in self._names]).take(part)
        table = pa.table(
            {
                "account_id": columns["account_id"],
                "kind": kinds,
                "campaign": self._campaign.take(part),
                "org_id": columns["org_id"],
                "part": group,
            }
        )
        pq.write_table(table, self._folder / "accounts.parquet", compression="zstd")
        raw = orjson.dumps(told(self._world, self._seed), option=orjson.OPT_INDENT_2)
        (self._folder / "world.json").write_bytes(raw + b"\n")


def digest(folder: Path) -> str:
    """A digest over the bytes of a log, for comparing two builds."""
    whole = hashlib.sha256()
    for part in sorted(folder.glob("part-*.parquet")):
        whole.update(part.read_bytes())
    return whole.hexdigest()
