"""Rubric grading: the teacher as judge of answers that a student, or another model, gave."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.dossiers import Sections
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.shapes.elicitation import drawn


@dataclass(frozen=True)
class Judge(Fleet):
    """
    A campaign that harvests grades of candidate answers.

    Args:
        candidates: Answers to each question, 1 to 4.
    """

    kind: ClassVar[str] = "judge"
    campaign: ClassVar[bool] = True
    candidates: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.candidates <= 4:
            raise ValueError("candidates must lie in 1 … 4")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal questions with their candidate answers."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = self.moments(draft, rng, block, counts)
        heads = drawn(rng, "rubric", self.bank(30))
        fills = draft.library.plain(rng, self.prompts(len(at)))
        body = Sections(fills.writer, tuple(f"Answer {c}:" for c in "ABCD"[: self.candidates]))
        self.harvest(draft, rng, fills.through(self.framed(heads, body)), at, account, owner)
