"""Clients that keep no state: they send the model's encrypted reasoning back in the session that it came from."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.dossiers import Stateless
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.traffic import chats, volumes


@dataclass(frozen=True)
class StatelessClients:
    """
    Accounts that chat through such a client; no blob is ever sent outside its session.

    Args:
        accounts: How many.
        exchanges: In total.
    """

    kind: ClassVar[str] = "stateless"
    campaign: ClassVar[bool] = False
    accounts: int = 60
    exchanges: int = 1_500

    def __post_init__(self) -> None:
        check(self)

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol and let them talk."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        chats(draft, rng, account, block, volumes(rng, self.accounts, self.exchanges), Stateless(draft.library.own))
