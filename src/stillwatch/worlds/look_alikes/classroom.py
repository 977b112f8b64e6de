"""A classroom: the same assignments in the same hours from one campus, with many duplicates and paraphrases."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.cast import join_together, networks
from stillwatch.worlds.clock import DAY, HOUR
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.traffic import chats, fold, volumes
from stillwatch.worlds.writers import Assignment


@dataclass(frozen=True)
class Classroom:
    """
    One class.

    Args:
        accounts: Students.
        exchanges: In total.
        assignments: Handed out one after the other over the window, at most 256.
        copied: Share of questions that are the assignment, word for word.
        amended: Share that are the assignment and the student's own words.
        own: Share of the students' traffic that is ordinary chat.
        joined_days: Its accounts signed up for the class, within so many days; none = when anyone does.
    """

    kind: ClassVar[str] = "classroom"
    campaign: ClassVar[bool] = False
    accounts: int = 45
    exchanges: int = 900
    assignments: int = 6
    copied: float = 0.4
    amended: float = 0.4
    own: float = 0.3
    joined_days: float | None = None

    def __post_init__(self) -> None:
        check(self, shares=("copied", "amended", "own"), counts=("assignments",))
        if self.assignments > 256:
            raise ValueError("assignments must be at most 256")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol on one campus; lessons of an hour and a half."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        join_together(rng, block, draft.era, self.joined_days)
        block.network[:] = networks(rng, 1, np.zeros(1, np.bool_))
        block.zone[:] = block.zone[0]
        counts = volumes(rng, self.accounts, self.exchanges, 0.7)
        own = rng.binomial(counts, self.own)
        chats(draft, rng, account, block, own)
        owner = np.repeat(np.arange(self.accounts), counts - own)
        n = len(owner)
        lesson = rng.integers(0, self.assignments, n)
        day = (lesson + 0.5) * draft.era.days / self.assignments
        slot = rng.integers(8, 16, self.assignments)
        begin = draft.era.start + day.astype(np.int64) * DAY + (slot[lesson] - block.zone[0].astype(np.int64)) * HOUR
        at = fold(begin + rng.integers(0, 3 * HOUR // 2, n), draft.era)
        texts = draft.library.tasks(rng, self.assignments, "assignment")
        writer = draft.hire(Assignment(texts, draft.library.own, self.copied, self.amended))
        name = mix(draft.seed, tag("lesson"), block.unique[owner], lesson)
        script = draft.library.script(rng, counts - own, np.ones(self.accounts), block.one_customer)
        said = mix(draft.seed, name, np.arange(n)) if script.item is None else script.item
        item = (said & np.uint64(0xFFFFFFFFFFFFFF)) | (lesson.astype(np.uint64) << np.uint64(56))
        draft.send(writer, at, account[owner], item, name)
