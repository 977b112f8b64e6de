"""A hydra without templates: a plain set of instructions, split so that no prompt is sent twice."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.traffic import deal, names_of
from stillwatch.worlds.writers import Bare, language_of


@dataclass(frozen=True)
class Split(Fleet):
    """
    The untemplated campaign.

    Args:
        language: Place in LANGUAGES; None = the campaign's own, drawn like anyone's.
    """

    kind: ClassVar[str] = "split"
    campaign: ClassVar[bool] = True
    language: int | None = None

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the set from one queue."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = deal(draft, rng, block, counts, self.jitter, self.days)
        seed = int(rng.integers(1, 1 << 62))
        language = int(language_of(mix(seed))[0]) if self.language is None else self.language
        writer = draft.hire(Bare(language=language))
        number = np.arange(len(at))
        item = mix(draft.seed, tag("pool"), seed, number)
        draft.send(writer, at, account[owner], item, names_of(draft, "alone", account[owner], number), harvested=True)
