"""A harvest under the system prompt of a popular agent framework, with its tools, among its many honest users."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clients import TOOL_SETS
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.writers import Framed


@dataclass(frozen=True)
class Hidden(Fleet):
    """
    A campaign that hides in the most used framework planned before it; alone in a world, in one of its own.
    """

    kind: ClassVar[str] = "hidden"
    campaign: ClassVar[bool] = True

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the pool through the framework."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = self.moments(draft, rng, block, counts)
        if draft.frameworks:
            _, prompt, tools = max(draft.frameworks, key=lambda known: known[0])
        else:
            prompt = draft.library.instructions(rng, 1, "agent", 9.0, language=0)
            tools = int(rng.integers(0, len(TOOL_SETS)))
        size = self.bank(0)
        heads = draft.library.instructions(rng, size, "pipeline", 5.0) if size else prompt[:0]
        fills = draft.library.plain(rng, self.prompts(len(at)))
        writer = Framed(prompt, self.framed(heads, fills.writer), in_system=True, tools=tools)
        self.harvest(draft, rng, fills.through(writer), at, account, owner)
