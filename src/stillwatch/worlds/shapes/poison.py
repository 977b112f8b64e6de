"""Poison: a group between a niche app and a fleet, meant to enter the reference set and to raise what benign groups may do."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.traffic import chats
from stillwatch.worlds.writers import Framed


@dataclass(frozen=True)
class Poison(Fleet):
    """
    Accounts behind one template, of which a share of the traffic is dealt from a pool and the rest is their own.

    Args:
        drift: Share of the traffic through the template that is dealt: 0 = a niche app, 1 = a fleet.
    """

    kind: ClassVar[str] = "poison"
    campaign: ClassVar[bool] = True
    accounts: int = 40
    exchanges: int = 800
    cover: float = 0.2
    infra_reuse: float = 0.0
    pivot: float = 0.0
    signup: str = "aged"
    drift: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.drift <= 1.0:
            raise ValueError("drift must lie in 0 … 1")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, own content and dealt content through the template."""
        account, block, counts = self.enrol(draft, rng, part)
        dealt = rng.binomial(counts, self.drift)
        heads = draft.library.instructions(rng, max(1, self.bank(1)), "app", 4.0)
        chats(draft, rng, account, block, counts - dealt, Framed(heads, draft.library.own))
        at, owner = self.moments(draft, rng, block, dealt)
        fills = draft.library.plain(rng, self.prompts(len(at)))
        self.harvest(draft, rng, fills.through(self.framed(heads, fills.writer)), at, account, owner)
