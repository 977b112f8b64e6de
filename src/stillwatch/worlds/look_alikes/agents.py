"""Honest agents: programs of single accounts that work with tools, many turns long, each on its own business."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clients import TOOL_SETS
from stillwatch.worlds.clock import starts
from stillwatch.worlds.dossiers import Trajectory
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.library import Pool
from stillwatch.worlds.traffic import chats, pieces, volumes, work
from stillwatch.worlds.writers import Chat


@dataclass(frozen=True)
class Agents:
    """
    Accounts whose agents send tool results back, turn after turn.

    Args:
        accounts: How many.
        exchanges: In total.
        own: Share of their traffic that is ordinary chat.
        turns: Mean requests of a task, at least 1.
        gap_s: Median pause between two, seconds.
    """

    kind: ClassVar[str] = "agents"
    campaign: ClassVar[bool] = False
    accounts: int = 60
    exchanges: int = 2_000
    own: float = 0.3
    turns: float = 8.0
    gap_s: float = 12.0

    def __post_init__(self) -> None:
        check(self, shares=("own",), counts=("turns",))
        if self.gap_s <= 0:
            raise ValueError("gap_s must be above 0")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol; tasks in the accounts' own rhythms."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        counts = volumes(rng, self.accounts, self.exchanges)
        own = rng.binomial(counts, self.own)
        chats(draft, rng, account, block, own)
        tasks, turns = pieces(rng, counts - own, self.turns)
        owner = np.repeat(np.arange(self.accounts), tasks)
        at = starts(rng, block.zone[owner], block.rhythm[owner], draft.rhythms, draft.era.start, draft.era.days)
        heads = draft.library.instructions(rng, 1, "agent", 9.0)
        item = mix(draft.seed, tag("task"), block.unique[owner], np.arange(len(owner)))
        writer = Trajectory(Chat(), int(rng.integers(0, len(TOOL_SETS))), heads)
        work(draft, rng, Pool(writer, item), at, account[owner], turns, self.gap_s)
