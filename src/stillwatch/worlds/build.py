"""Build a world: plan, sort, write the log part by part, and the truth beside it."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from stillwatch.records.progress import Observer, Silent
from stillwatch.worlds.cast import Era, People
from stillwatch.worlds.clients import MODELS
from stillwatch.worlds.clock import DAY, SHIPPED
from stillwatch.worlds.corpus_library import CorpusLibrary, prepared
from stillwatch.worlds.draft import Draft, Events
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.grammar_library import GrammarLibrary
from stillwatch.worlds.hashing import tag
from stillwatch.worlds.log import fresh, open_part
from stillwatch.worlds.render import Renderer, created_before_use
from stillwatch.worlds.traces import load as read_traces
from stillwatch.worlds.truth import Truth
from stillwatch.worlds.world import World

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
    corpus: Path | None = None,
    corpus_half: str | None = None,
    traces: Path | None = None,
    form: str = "parquet",
    observer: Observer | None = None,
) -> WorldReport:
    """
    Write a labelled log.

    Cost: about 8 µs an exchange on one core; memory about 100 bytes an exchange while the plan is sorted, and one chunk of text.

    Args:
        world: What is in it.
        seed: The same seed, world, corpus and traces give the same bytes.
        out: `log/part-*.parquet` and `truth/` are written below it.
        corpus: Folder of real text (worlds.corpora); None = the shipped grammars.
        corpus_half: "A" or "B": only this half of the corpus; what is fitted on one is reported on the other.
        traces: Folder of published traces (worlds.traces); None = the shipped fits.
        form: Of the log, "parquet" or "ndjson"; the truth is always Parquet.
        observer: Told of the rows written.

    Returns:
        Where it lies and how much it is.

    Raises:
        SettingsError: the corpus or the traces cannot be used, a pool asks for more prompts than the corpus has, or `out` holds a
            log that is no world's.
        EngineError: the disk is full or may not be written.
    """
    watch = observer or Silent()
    log = fresh(out)
    watch.stage("plan", None)
    plan = planned(world, seed, corpus, corpus_half, traces)
    watch.done()
    renderer = Renderer(plan.draft, grammar(), plan.people, world.answers, world.history)
    truth = Truth(out / "truth", world, plan.people, seed)
    watch.stage("write", len(plan.events))
    for number, first in enumerate(range(0, len(plan.events), PART_ROWS)):
        last = min(first + PART_ROWS, len(plan.events))
        with open_part(log, number, form) as opened:
            for begin in range(first, last, CHUNK_ROWS):
                end = min(begin + CHUNK_ROWS, last)
                table = renderer.render(plan.events, begin, end)
                opened.write(table)
                truth.add(table, plan.events, begin, end)
                watch.advance(end - begin)
    watch.done()
    truth.close(plan.sources)
    planted = tuple(name for name, p in world.named_parts() if p.campaign)
    return WorldReport(log, out / "truth", len(plan.events), len(plan.people), int(plan.events.harvested.sum()), planted)


@dataclass(frozen=True)
class Planned:
    """A world before any text: its draft, all accounts, all events by time, and where its words come from."""

    draft: Draft
    people: People
    events: Events
    sources: dict[str, object]


def planned(world: World, seed: int, corpus: Path | None, corpus_half: str | None, traces: Path | None) -> Planned:
    """Plan all parts in their order."""
    start = int(np.datetime64(world.start, "us").astype(np.int64))
    era = Era(start, world.days, start + int(world.days * world.release * DAY), MODELS)
    shipped = GrammarLibrary(grammar(), seed)
    real = CorpusLibrary(prepared(corpus, corpus_half), shipped, seed) if corpus else None
    draft = Draft(era, real or shipped, read_traces(traces) if traces else SHIPPED, seed)
    for number, (name, one) in enumerate(world.named_parts()):
        one.plan(draft, np.random.default_rng([seed, tag(name)]), number)
    people, events = draft.cast.close(), draft.close()
    created_before_use(people, events)
    sources: dict[str, object] = {"text": "shipped grammars", "rhythms": "clients_rate.parquet" if traces else "shipped fits"}
    if real:
        sources |= {"text": "corpus", "half": corpus_half, "times_each_turn_was_dealt": round(real.passes, 2)}
    return Planned(draft, people, events, sources)


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The shipped languages, compiled once a process."""
    return Grammar()


def digest(folder: Path) -> str:
    """A digest over the bytes of a log, for comparing two builds."""
    whole = hashlib.sha256()
    for part in sorted(folder.glob("part-*.*")):
        whole.update(part.read_bytes())
    return whole.hexdigest()
