"""A niche app: some dozens of users share its template, each with own content."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.cast import join_together
from stillwatch.worlds.clock import DAY
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.infrastructure import one_client
from stillwatch.worlds.traffic import chats, volumes
from stillwatch.worlds.writers import Framed


@dataclass(frozen=True)
class App:
    """
    One app.

    Args:
        accounts: Its users, 20 to 300 as a rule.
        exchanges: In total.
        own: Share of their traffic that is ordinary chat.
        in_system: The template is the system prompt; else it stands before the content.
        template_sentences: Mean length of the template.
        same_client: Share of users who call with the app's own client.
        joined_days: Its accounts signed up for the app, which is new, within so many days; none = when anyone does.
        switch_days: The app changes its default to the new model so many days after its release; none = everyone when they like.
    """

    kind: ClassVar[str] = "app"
    campaign: ClassVar[bool] = False
    accounts: int = 80
    exchanges: int = 1_200
    own: float = 0.3
    in_system: bool = False
    template_sentences: float = 4.0
    same_client: float = 0.8
    joined_days: float | None = None
    switch_days: float | None = None

    def __post_init__(self) -> None:
        check(self, shares=("own", "same_client"))
        if self.template_sentences < 1:
            raise ValueError("template_sentences must be at least 1")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol users; own content through the template, and some chat."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        join_together(rng, block, draft.era, self.joined_days)
        one_client(rng, block, self.same_client)
        if self.switch_days is not None:
            block.adopted[:] = draft.era.release + int(self.switch_days * DAY)
        counts = volumes(rng, self.accounts, self.exchanges, 1.0)
        own = rng.binomial(counts, self.own)
        heads = draft.library.instructions(rng, 1, "app", self.template_sentences)
        chats(draft, rng, account, block, counts - own, Framed(heads, draft.library.own, self.in_system))
        chats(draft, rng, account, block, own)
