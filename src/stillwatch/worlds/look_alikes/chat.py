"""People who chat and programs of single customers: what most of a provider's accounts are."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.traffic import chats, volumes


@dataclass(frozen=True)
class ChatUsers:
    """
    Accounts that keep to their own topics, people, projects and code bases, in conversations of several turns.

    Args:
        accounts: How many.
        exchanges: In total; heavy-tailed over the accounts.
        many_customers: Share of accounts that resell: what they talk about changes with every conversation.
    """

    kind: ClassVar[str] = "chat"
    campaign: ClassVar[bool] = False
    accounts: int = 1500
    exchanges: int = 30_000
    many_customers: float = 0.03

    def __post_init__(self) -> None:
        check(self, shares=("many_customers",))

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol and let them talk."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        block.one_customer[:] = rng.random(self.accounts) >= self.many_customers
        chats(draft, rng, account, block, volumes(rng, self.accounts, self.exchanges))
