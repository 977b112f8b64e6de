"""An agent framework: one long system prompt and one client over up to a quarter of all users, each with own work."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clients import TOOL_SETS
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.infrastructure import one_client
from stillwatch.worlds.traffic import chats, volumes
from stillwatch.worlds.writers import Framed

_HASTE = 3.0  # an agent's loop against a person's typing


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

    def __post_init__(self) -> None:
        check(self, shares=("own", "same_client"))

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol users; agent runs through the framework, and some chat."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        one_client(rng, block, self.same_client)
        counts = volumes(rng, self.accounts, self.exchanges)
        own = rng.binomial(counts, self.own)
        heads = draft.library.instructions(rng, 1, "agent", 9.0, language=0)
        tools = int(rng.integers(0, len(TOOL_SETS)))
        draft.frameworks.append((self.accounts, heads, tools))
        writer = Framed(heads, draft.library.own, in_system=True, tools=tools)
        chats(draft, rng, account, block, counts - own, writer, _HASTE)
        chats(draft, rng, account, block, own)
