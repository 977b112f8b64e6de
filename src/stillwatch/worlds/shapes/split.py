"""A hydra without templates: a plain set of instructions, split so that no prompt is sent twice."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet


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
        at, owner = self.moments(draft, rng, block, counts)
        n = self.prompts(len(at))
        size = self.bank(0)
        heads = draft.library.instructions(rng, size, "pipeline", 5.0, self.language) if size else pa.array([], pa.string())
        fills = draft.library.plain(rng, n, self.language)
        self.harvest(draft, rng, fills.through(self.framed(heads, fills.writer)), at, account, owner)
