"""An agent framework: one long system prompt and one client over up to a quarter of all users, each with own work."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clock import HOUR_WEIGHTS, Rhythm
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.traffic import chats, volumes
from stillwatch.worlds.writers import Template, rules

_RHYTHM = Rhythm(HOUR_WEIGHTS, burst_mean=8.0, gap_median_s=20.0, gap_sigma=1.0)


@dataclass(frozen=True)
class Framework:
    """
    Users of one agent framework.

    Args:
        accounts: Its users.
        exchanges: In total.
        own: Share of their traffic that is ordinary chat without the framework.
        same_client: Share of users who call with the framework's own client and settings.
    """

    kind: ClassVar[str] = "framework"
    campaign: ClassVar[bool] = False
    accounts: int = 400
    exchanges: int = 9_000
    own: float = 0.2
    same_client: float = 0.85

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol users; agent runs through the framework, and some chat."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        same = rng.random(self.accounts) < self.same_client
        block.client[same], block.config[same] = block.client[0], block.config[0]
        counts = volumes(rng, self.accounts, self.exchanges)
        own = rng.binomial(counts, self.own)
        heads = rules(draft.grammar, np.asarray(rng.integers(1, 1 << 62, 1), np.uint64), 9.0, np.zeros(1, np.int64))
        writer = draft.hire(Template(heads, "ask", pooled=False, in_system=True, tools=int(rng.integers(0, 12))))
        chats(draft, rng, account, block, counts - own, _RHYTHM, writer)
        chats(draft, rng, account, block, own)
