"""Elicitation: templates that draw out reasoning, grades or hidden traces, each paraphrased into a bank."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.hashing import U64, below, mix
from stillwatch.worlds.shapes.wordings import WORDINGS


@dataclass(frozen=True)
class Elicitation(Fleet):
    """
    A campaign that wants more than answers.

    Args:
        wording: "reasoning" (step by step), "rubric" (the teacher as judge) or "trace" (coercing hidden reasoning into the open).
        paraphrases: Size of the bank, 1 to 4,000; 0 = prompts that a corpus has assembled with such wordings, where it has.
        in_system: The wording is sent as system prompt.
    """

    kind: ClassVar[str] = "elicitation"
    campaign: ClassVar[bool] = True
    wording: str = "reasoning"
    paraphrases: int = 30
    in_system: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.wording not in WORDINGS:
            raise ValueError(f"wording must be one of {', '.join(WORDINGS)}")
        if not 0 <= self.paraphrases <= 4_000:
            raise ValueError("paraphrases must lie in 0 … 4000")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the pool from one queue."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = self.moments(draft, rng, block, counts)
        n = self.prompts(len(at))
        size = self.bank(max(1, self.paraphrases))
        assembled = self.paraphrases == 0 and self.recipes is None
        pool = draft.library.assembled(rng, n, self.wording) if assembled else None
        if pool is None:
            heads = drawn(rng, self.wording, size)
            fills = draft.library.plain(rng, n)
            pool = fills.through(self.framed(heads, fills.writer, self.in_system))
        self.harvest(draft, rng, pool, at, account, owner)


def drawn(rng: np.random.Generator, wording: str, n: int) -> pa.Array:
    """A bank of so many templates."""
    return paraphrased(wording, mix(int(rng.integers(1, 1 << 62)), np.arange(n)))


def paraphrased(wording: str, seeds: U64) -> pa.Array:
    """One template a seed: for each thing that has to be said, one of its wordings."""
    said = WORDINGS[wording]
    picks = [below(mix(seeds, 101, place), len(ways)) for place, ways in enumerate(said)]
    return pa.array([" ".join(ways[picks[place][i]] for place, ways in enumerate(said)) for i in range(len(seeds))], pa.string())
