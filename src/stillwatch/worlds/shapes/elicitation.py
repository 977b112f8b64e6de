"""Elicitation: templates that draw out reasoning, grades or hidden traces, each paraphrased into a bank."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.hashing import U64, below, mix, tag
from stillwatch.worlds.shapes.wordings import WORDINGS
from stillwatch.worlds.traffic import deal, names_of
from stillwatch.worlds.writers import Template, language_of


@dataclass(frozen=True)
class Elicitation(Fleet):
    """
    A campaign that wants more than answers.

    Args:
        wording: "reasoning" (step by step), "rubric" (the teacher as judge) or "trace" (coercing hidden reasoning into the open).
        paraphrases: Size of the bank, 1 to 4,000.
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

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the pool from one queue."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = deal(draft, rng, block, counts, self.jitter, self.days)
        seed = int(rng.integers(1, 1 << 62))
        bank = paraphrased(self.wording, mix(seed, np.arange(self.paraphrases)))
        writer = draft.hire(Template(bank, in_system=self.in_system, language=int(language_of(mix(seed))[0])))
        number = np.arange(len(at))
        item = mix(draft.seed, tag("pool"), seed, number)
        draft.send(writer, at, account[owner], item, names_of(draft, "alone", account[owner], number), harvested=True)


def paraphrased(wording: str, seeds: U64) -> pa.Array:
    """One template a seed: for each thing that has to be said, one of its wordings."""
    said = WORDINGS[wording]
    picks = [below(mix(seeds, 101, place), len(ways)) for place, ways in enumerate(said)]
    return pa.array([" ".join(ways[picks[place][i]] for place, ways in enumerate(said)) for i in range(len(seeds))])
