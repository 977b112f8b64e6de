"""Technique search: thousands of variants of one extraction are tried, then the winner is sent at scale."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.hashing import mix
from stillwatch.worlds.shapes.elicitation import paraphrased


@dataclass(frozen=True)
class TechniqueSearch(Fleet):
    """
    A campaign that first looks for the wording that works.

    Args:
        variants: Wordings that are tried, 1 to 12,000.
        search_share: Of the harvest, in order of time, that is search, 0 to 1.
        winners: Wordings that are kept, at least 1.
    """

    kind: ClassVar[str] = "technique_search"
    campaign: ClassVar[bool] = True
    variants: int = 2_000
    search_share: float = 0.3
    winners: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.variants <= 12_000:
            raise ValueError("variants must lie in 1 … 12000")
        if not 0.0 <= self.search_share <= 1.0:
            raise ValueError("search_share must lie in 0 … 1")
        if self.winners < 1:
            raise ValueError("winners must be at least 1")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, search, then scale."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = self.moments(draft, rng, block, counts)
        seed = int(rng.integers(1, 1 << 62))
        n = round(self.search_share * len(at))
        tries = draft.library.plain(rng, self.prompts(n)) if n else None
        if tries:
            bank = paraphrased("trace", mix(seed, np.arange(self.variants)))
            self.harvest(draft, rng, tries.through(self.framed(bank, tries.writer)), at[:n], account, owner[:n])
        if n < len(at):
            best = paraphrased("trace", mix(seed, np.arange(self.bank(self.winners))))
            fills = draft.library.plain(rng, self.prompts(len(at) - n))
            self.harvest(draft, rng, fills.through(self.framed(best, fills.writer)), at[n:], account, owner[n:])
