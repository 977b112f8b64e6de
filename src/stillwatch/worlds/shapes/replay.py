"""Replay: encrypted reasoning of one session is sent in others, also by other accounts, to have it written out."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.dossiers import Replaying
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.shapes.elicitation import drawn


@dataclass(frozen=True)
class Replay(Fleet):
    """
    A campaign that replays reasoning blobs.

    Args:
        reuse: Times a blob is sent, on average, at least 1.
        across: Share of requests whose blob any account may send, 0 to 1.
    """

    kind: ClassVar[str] = "replay"
    campaign: ClassVar[bool] = True
    reuse: float = 4.0
    across: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reuse < 1:
            raise ValueError("reuse must be at least 1")
        if not 0.0 <= self.across <= 1.0:
            raise ValueError("across must lie in 0 … 1")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal coercions with their blobs."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = self.moments(draft, rng, block, counts)
        heads = drawn(rng, "trace", self.bank(20))
        fills = draft.library.plain(rng, self.prompts(len(at)))
        held = max(1, round(len(at) / self.reuse))
        writer = Replaying(self.framed(heads, fills.writer), held, self.across, int(rng.integers(1, 1 << 62)))
        self.harvest(draft, rng, fills.through(writer), at, account, owner)
