"""A big organisation: hundreds of seats, one card, one network, one internal assistant, everyone's own work."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.infrastructure import one_network, one_organisation
from stillwatch.worlds.traffic import chats, volumes
from stillwatch.worlds.writers import Framed


@dataclass(frozen=True)
class Organisation:
    """
    One company.

    Args:
        accounts: Seats.
        exchanges: In total.
        own: Share of the traffic that does not go through the internal assistant.
    """

    kind: ClassVar[str] = "organisation"
    campaign: ClassVar[bool] = False
    accounts: int = 500
    exchanges: int = 6_000
    own: float = 0.3

    def __post_init__(self) -> None:
        check(self, shares=("own",))

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol behind one address; work through the assistant, and some without."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        one_organisation(rng, block)
        one_network(rng, block)
        counts = volumes(rng, self.accounts, self.exchanges, 1.0)
        own = rng.binomial(counts, self.own)
        heads = draft.library.instructions(rng, 1, "app", 6.0)
        chats(draft, rng, account, block, counts - own, Framed(heads, draft.library.own, in_system=True))
        chats(draft, rng, account, block, own)
