"""A synthetic-data company: one organisation, some thirty accounts, one pool of prompts."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.infrastructure import one_client, one_network, one_organisation
from stillwatch.worlds.library import Pool
from stillwatch.worlds.traffic import deal, harvest, volumes
from stillwatch.worlds.writers import Framed


@dataclass(frozen=True)
class SyntheticData:
    """
    An organisation that openly deals one pool out over its keys.

    Args:
        accounts: Keys.
        exchanges: In total.
        templates: Size of its bank.
        jitter: Share of exchanges that do not follow the queue.
    """

    kind: ClassVar[str] = "synthetic_data"
    campaign: ClassVar[bool] = False
    accounts: int = 30
    exchanges: int = 3_000
    templates: int = 8
    jitter: float = 0.2

    def __post_init__(self) -> None:
        check(self, shares=("jitter",), counts=("templates",))

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol as one organisation; deal the pool from one queue."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        one_organisation(rng, block)
        one_network(rng, block, cloud=True)
        one_client(rng, block, 0.9)
        counts = volumes(rng, self.accounts, self.exchanges, 0.5)
        at, owner = deal(draft, rng, block, counts, self.jitter, draft.era.days)
        bank = draft.library.instructions(rng, self.templates, "pipeline", 5.0)
        pool = draft.library.plain(rng, len(at))
        harvest(draft, Pool(Framed(bank, pool.writer), pool.item), at, account[owner], harvested=False)
