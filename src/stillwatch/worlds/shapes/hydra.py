"""A hydra: many accounts deal out one pool of prompts, put into one of a bank of templates."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.library import Pool
from stillwatch.worlds.traffic import deal, harvest
from stillwatch.worlds.writers import Framed


@dataclass(frozen=True)
class Hydra(Fleet):
    """
    The templated campaign.

    Args:
        templates: Size of the bank, 1 to 4,000; 0 = prompts that a corpus has assembled with templates, where it has.
        template_sentences: Mean length of a template.
        in_system: Templates are sent as system prompts.
        samples: Times each prompt is sent, 1 = dealt without replacement.
        language: Place in LANGUAGES; None = the campaign's own, drawn like anyone's.
    """

    kind: ClassVar[str] = "hydra"
    campaign: ClassVar[bool] = True
    templates: int = 12
    template_sentences: float = 5.0
    in_system: bool = False
    samples: int = 1
    language: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.templates <= 4_000:
            raise ValueError("templates must lie in 0 … 4000")
        if self.samples < 1:
            raise ValueError("samples must be at least 1")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the pool from one queue."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = deal(draft, rng, block, counts, self.jitter, self.days)
        n = -(-len(at) // self.samples)
        pool = draft.library.assembled(rng, n, "templated") if self.templates == 0 else None
        if pool is None:
            bank = draft.library.instructions(rng, max(1, self.templates), "pipeline", self.template_sentences, self.language)
            fills = draft.library.plain(rng, n, self.language)
            pool = Pool(Framed(bank, fills.writer, self.in_system), fills.item)
        harvest(draft, pool, at, account[owner], self.samples)
