"""Small worlds and corpora for tests: one part at a time, planned and written in memory."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.worlds.build import grammar
from stillwatch.worlds.cast import Era, People
from stillwatch.worlds.clients import MODELS
from stillwatch.worlds.clock import DAY, SHIPPED
from stillwatch.worlds.draft import Draft, Events, Part
from stillwatch.worlds.grammar_library import GrammarLibrary
from stillwatch.worlds.library import Library
from stillwatch.worlds.render import Renderer
from stillwatch.worlds.writing import Rows

START = int(np.datetime64("2026-09-01", "us").astype(np.int64))
ERA = Era(START, 7.0, START + 3 * DAY, MODELS)


def a_library(seed: int = 1) -> GrammarLibrary:
    """The shipped grammars as a library."""
    return GrammarLibrary(grammar(), seed)


def a_draft(seed: int = 1, library: Library | None = None) -> Draft:
    """An empty plan of seven days with a release on the fourth."""
    return Draft(ERA, library or a_library(seed), SHIPPED, seed)


class Planted:
    """One part alone in a world: its accounts, its events, its rows."""

    def __init__(self, part: Part, seed: int = 1, library: Library | None = None) -> None:
        self.draft = a_draft(seed, library)
        part.plan(self.draft, np.random.default_rng(seed), 0)
        self.people: People = self.draft.cast.close()
        self.events: Events = self.draft.close()

    @property
    def table(self) -> pa.Table:
        """The part's log."""
        return Renderer(self.draft, grammar(), self.people, "none", False).render(self.events, 0, len(self.events))

    def column(self, name: str) -> list[Any]:
        """One column of the log."""
        values: list[Any] = self.table[name].to_pylist()
        return values

    @property
    def harvested(self) -> list[str]:
        """Prompts of the harvest."""
        return [p for p, h in zip(self.column("prompt"), self.events.harvested.tolist(), strict=True) if h]


@lru_cache(maxsize=32)
def planted(part: Part, seed: int = 1) -> Planted:
    """One part alone, from the shipped grammars; parts are frozen, so equal ones are planted once."""
    return Planted(part, seed)


def some_rows(n: int, accounts: int = 1) -> Rows:
    """Rows for a writer: items 0 … n-1, every row a conversation of its own."""
    number = np.arange(n)
    return Rows(number % accounts, number.astype(np.uint64), number.astype(np.uint64) + np.uint64(1), np.zeros(n, np.int64))


def some_people(n: int) -> People:
    """Ordinary accounts."""
    draft = a_draft()
    draft.cast.enrol(np.random.default_rng(1), n, 0)
    return draft.cast.close()


def a_corpus(root: Path) -> Path:
    """A corpus in the declared form: 120 conversations, utterances, role prompts, tasks, batches, five harvested sources."""
    topics = ["gardening", "cooking", "astronomy", "plumbing", "chess"]
    talk = [
        {
            "prompt": f"Tell me about {topics[c % 5]} and my project {_project(c)}, turn {t}",
            "conversation_id": f"c{c:03d}",
            "turn": t,
            "task": "chat",
        }
        for c in range(120)
        for t in range(1 + c % 4)
    ]
    a_source(root, "human", "talk", talk)
    a_source(root, "human", "asks", [{"prompt": f"set timer {i}", "task": "timer"} for i in range(40)])
    a_source(
        root,
        "human",
        "roles",
        [{"prompt": f"I want you to act as number {i}. " + "Stay in role. " * 15, "task": "role"} for i in range(12)],
    )
    a_source(root, "automated", "quiz", [{"prompt": f"Question {i}: what is {i} plus {i}?", "task": "quiz:a"} for i in range(60)])
    a_source(
        root,
        "automated",
        "jobs",
        [{"prompt": f"Classify: document {i}", "task": "batch:sort", "system_prompt": "Sort."} for i in range(80)],
    )
    a_source(root, "automated", "more", [{"prompt": f"Summarise: text {i}", "task": "batch:sum"} for i in range(50)])
    a_source(root, "automated", "loops", [{"prompt": f"step {i}", "task": "agent:x"} for i in range(45)])
    a_source(root, "harvest", "open", [{"prompt": f"{i} ways to do {i * 7}", "task": "instruction"} for i in range(300)])
    a_source(root, "harvest", "open2", [{"prompt": f"{i}? say more on {i * 5}", "task": "instruction"} for i in range(100)])
    framed = [{"prompt": f"Rewrite the instruction below so that it is harder: {i}", "task": "evolve:deepen"} for i in range(90)]
    a_source(root, "harvest", "framed", framed)
    a_source(
        root, "harvest", "steps", [{"prompt": f"Problem {i}", "system_prompt": "Think.", "task": "cot:sums"} for i in range(70)]
    )
    a_source(root, "harvest", "marks", [{"prompt": f"Grade answer {i}", "task": "grade:help"} for i in range(60)])
    systems = [{"source": "an-agent", "text": f"You are agent {i}."} for i in range(6)]
    systems += [{"source": "a (teacher-pipeline prompts)", "text": f"Make data, variant {i}."} for i in range(6)]
    pq.write_table(pa.Table.from_pylist(systems), root / "system_prompts.parquet")
    return root


def _project(c: int) -> str:
    """A name of its own, in letters only."""
    return "Zanz" + "abcdefghijkl"[c // 10] + "abcdefghij"[c % 10]


def a_source(root: Path, kind: str, name: str, rows: Sequence[dict[str, Any]]) -> None:
    folder = root / "prompts" / kind
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"source": pa.string(), "task": pa.string(), "system_prompt": pa.string(), "prompt": pa.string()}
    schema = pa.schema({**columns, "conversation_id": pa.string(), "turn": pa.int32(), "response": pa.string()})
    filled = [{c: row.get(c) for c in schema.names} | {"source": name} for row in rows]
    pq.write_table(pa.Table.from_pylist(filled, schema=schema), folder / f"{name}.parquet")
