"""A hydra without templates: a plain set of instructions, split so that no prompt is sent twice."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.traffic import deal, harvest


@dataclass(frozen=True)
class Split(Fleet):
    """
    The untemplated campaign.

    Args:
        language: Place in LANGUAGES; None = the campaign's own, drawn like anyone's.
    """

    kind: ClassVar[str] = "split"
    campaign: ClassVar[bool] = True
    language: int | None = None

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the set from one queue."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = deal(draft, rng, block, counts, self.jitter, self.days)
        harvest(draft, draft.library.plain(rng, len(at), self.language), at, account[owner])
