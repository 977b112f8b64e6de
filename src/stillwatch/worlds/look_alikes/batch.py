"""A batch customer: one account or a few, one template, documents that are all different."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clock import queue
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.infrastructure import one_organisation
from stillwatch.worlds.traffic import harvest, volumes


@dataclass(frozen=True)
class Batch:
    """
    One customer's batch job.

    Args:
        accounts: Keys that the job uses; all of one organisation.
        exchanges: In total, each another document.
        in_system: The template is the system prompt.
    """

    kind: ClassVar[str] = "batch"
    campaign: ClassVar[bool] = False
    accounts: int = 2
    exchanges: int = 2_000
    in_system: bool = True

    def __post_init__(self) -> None:
        check(self)

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol as one organisation; jobs run by the hour, day and night."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        one_organisation(rng, block)
        counts = volumes(rng, self.accounts, self.exchanges, 0.5)
        owner = np.repeat(np.arange(self.accounts), counts)
        at = rng.permutation(queue(rng, len(owner), draft.era.start, draft.era.days, 0.4))
        pool = draft.library.documents(rng, len(owner), self.in_system)
        harvest(draft, pool, at, account[owner], harvested=False)
