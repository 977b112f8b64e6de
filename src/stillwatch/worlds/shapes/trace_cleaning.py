"""Trace cleaning: a model's raw reasoning is sent to be rid of detours and scored."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.dossiers import Sections
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.shapes.elicitation import drawn


@dataclass(frozen=True)
class TraceCleaning(Fleet):
    """
    A campaign that has traces cleaned for a training set.

    Args:
        trace_sentences: Mean length of a trace, 1 to 12.
    """

    kind: ClassVar[str] = "trace_cleaning"
    campaign: ClassVar[bool] = True
    trace_sentences: float = 9.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.trace_sentences <= 12:
            raise ValueError("trace_sentences must lie in 1 … 12")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal questions with their traces."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = self.moments(draft, rng, block, counts)
        heads = drawn(rng, "cleaning", self.bank(20))
        fills = draft.library.plain(rng, self.prompts(len(at)))
        body = Sections(fills.writer, ("Trace:",), self.trace_sentences)
        self.harvest(draft, rng, fills.through(self.framed(heads, body)), at, account, owner)
