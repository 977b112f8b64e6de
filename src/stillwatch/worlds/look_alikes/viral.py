"""A viral prompt: exactly the same words, once an account, in a burst."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.cast import join_together
from stillwatch.worlds.clock import DAY, I64
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.traffic import alone, chats, fold, harvest, volumes
from stillwatch.worlds.writers import Fixed


@dataclass(frozen=True)
class Viral:
    """
    Accounts that try the prompt everyone talks about, and otherwise chat.

    Args:
        accounts: How many try it.
        exchanges: In total; one each is the viral prompt, the rest ordinary chat.
        half_life_days: Of the wave.
        joined_days: Its accounts signed up for the prompt, within so many days; none = when anyone does.
        trial: Share of accounts that sign up for it, try the service out on that one day, and never return, 0 to 1.
    """

    kind: ClassVar[str] = "viral"
    campaign: ClassVar[bool] = False
    accounts: int = 250
    exchanges: int = 3_000
    half_life_days: float = 1.0
    joined_days: float | None = None
    trial: float = 0.0

    def __post_init__(self) -> None:
        check(self, ("trial",))
        if self.half_life_days <= 0:
            raise ValueError("half_life_days must be above 0")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, chat, and send the prompt once each."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        join_together(rng, block, draft.era, self.joined_days)
        counts = volumes(rng, self.accounts, self.exchanges - self.accounts)
        tries = np.arange(self.accounts) >= self.accounts - round(self.trial * self.accounts)
        chats(draft, rng, account, block, np.where(tries, 0, counts))
        begin = draft.era.start + int(rng.random() * 0.8 * draft.era.days * DAY)
        at = begin + (rng.exponential(self.half_life_days / np.log(2), self.accounts) * DAY).astype(np.int64)
        if tries.any():
            block.created[tries] = draft.era.end  # render.created_before_use brings it to just before the first request
            self._try_out(draft, rng, account[tries], counts[tries], fold(at, draft.era)[tries])
        writer = draft.hire(Fixed(draft.library.tasks(rng, 1, "viral")))
        once = np.zeros(self.accounts, np.uint64)
        draft.send(writer, fold(at, draft.era), account, once, alone(draft, account, np.arange(self.accounts)))

    def _try_out(self, draft: Draft, rng: np.random.Generator, account: I64, counts: I64, first: I64) -> None:
        """Send all the rest within a day of the prompt."""
        after = np.repeat(first, counts) + rng.integers(0, DAY, int(counts.sum()))
        harvest(draft, draft.library.plain(rng, len(after)), fold(after, draft.era), np.repeat(account, counts), harvested=False)
