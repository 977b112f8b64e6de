"""Agentic traces: tasks of many turns with tool results, dealt out over a fleet."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clients import TOOL_SETS
from stillwatch.worlds.dossiers import Trajectory
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.traffic import pieces, work


@dataclass(frozen=True)
class Agentic(Fleet):
    """
    A campaign that harvests work with tools, each task in a session of its own.

    Dials of single requests (samples, pool, paraphrase, contracts, persona, entity, topic_shards) do not apply.

    Args:
        turns: Mean requests of a task, 1 to 100.
        gap_s: Median pause between two, seconds.
    """

    kind: ClassVar[str] = "agentic"
    campaign: ClassVar[bool] = True
    turns: float = 8.0
    gap_s: float = 12.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.turns <= 100:
            raise ValueError("turns must lie in 1 … 100")
        if self.gap_s <= 0:
            raise ValueError("gap_s must be above 0")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal tasks; an account works on each to its end."""
        account, block, counts = self.enrol(draft, rng, part)
        tasks, turns = pieces(rng, counts, self.turns)
        at, owner = self.moments(draft, rng, block, tasks)
        order = np.argsort(owner, kind="stable")
        heads = draft.library.instructions(rng, self.bank(1), "agent", 9.0)
        fills = draft.library.plain(rng, len(at))
        writer = Trajectory(fills.writer, int(rng.integers(0, len(TOOL_SETS))), heads)
        work(draft, rng, fills.through(writer), at[order], account[owner[order]], turns, self.gap_s, harvested=True)
