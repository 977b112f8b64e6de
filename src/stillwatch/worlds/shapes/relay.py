"""Relay: a reseller's accounts carry real end users' traffic, and the answers are kept; every prompt is truly benign."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.traffic import chats
from stillwatch.worlds.writers import Framed


@dataclass(frozen=True)
class Relay(Fleet):
    """
    A campaign that harvests what others ask.

    Args:
        harness: Share of the relayed traffic that comes through agent harnesses with their system prompts, 0 to 1.
        harnesses: How many of them, at least 1.
    """

    kind: ClassVar[str] = "relay"
    campaign: ClassVar[bool] = True
    harness: float = 0.4
    harnesses: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.harness <= 1.0:
            raise ValueError("harness must lie in 0 … 1")
        if self.harnesses < 1:
            raise ValueError("harnesses must be at least 1")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol; every conversation is another end user's, at that user's pace."""
        account, block, counts = self.enrol(draft, rng, part)
        block.one_customer[:] = False
        through = rng.binomial(counts, self.harness)
        chats(draft, rng, account, block, counts - through, harvested=True)
        heads = draft.library.instructions(rng, self.harnesses, "agent", 9.0, language=0)
        writer = Framed(heads, draft.library.own, in_system=True)
        chats(draft, rng, account, block, through, writer, harvested=True)
