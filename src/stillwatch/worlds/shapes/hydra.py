"""A hydra: many accounts deal out one pool of prompts, put into one of a bank of templates."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import MAX_RECIPES, Fleet


@dataclass(frozen=True)
class Hydra(Fleet):
    """
    The templated campaign.

    Args:
        templates: Size of the bank, 1 to 4,000; 0 = prompts that a corpus has assembled with templates, where it has.
        template_sentences: Mean length of a template.
        in_system: Templates are sent as system prompts.
        language: Place in LANGUAGES; None = the campaign's own, drawn like anyone's.
    """

    kind: ClassVar[str] = "hydra"
    campaign: ClassVar[bool] = True
    templates: int = 12
    template_sentences: float = 5.0
    in_system: bool = False
    language: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.templates <= MAX_RECIPES:
            raise ValueError(f"templates must lie in 0 … {MAX_RECIPES}")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the pool from one queue."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = self.moments(draft, rng, block, counts)
        n = self.prompts(len(at))
        size = self.bank(max(1, self.templates))
        assembled = self.templates == 0 and self.recipes is None
        pool = draft.library.assembled(rng, n, "templated") if assembled else None
        if pool is None:
            heads = pa.array([], pa.string())
            if size:
                heads = draft.library.instructions(rng, size, "pipeline", self.template_sentences, self.language)
            fills = draft.library.plain(rng, n, self.language)
            pool = fills.through(self.framed(heads, fills.writer, self.in_system))
        self.harvest(draft, rng, pool, at, account, owner)
