"""A hydra: many accounts deal out one pool of prompts, put into one of a bank of templates."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.draft import Draft
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.traffic import deal, names_of
from stillwatch.worlds.writers import Template, language_of, rules


@dataclass(frozen=True)
class Hydra(Fleet):
    """
    The templated campaign.

    Args:
        templates: Size of the bank, 1 to 4,000.
        template_sentences: Mean length of a template.
        in_system: Templates are sent as system prompts.
        samples: Times each prompt is sent, 1 = dealt without replacement.
        language: Place in LANGUAGES; None = the campaign's own, drawn like anyone's.
    """

    kind: ClassVar[str] = "hydra"
    campaign: ClassVar[bool] = True
    templates: int = 12
    template_sentences: float = 5.0
    in_system: bool = False
    samples: int = 1
    language: int | None = None

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol, cover, and deal the pool from one queue."""
        account, block, counts = self.enrol(draft, rng, part)
        at, owner = deal(draft, rng, block, counts, self.jitter, self.days)
        seed = int(rng.integers(1, 1 << 62))
        language = int(language_of(mix(seed))[0]) if self.language is None else self.language
        bank = rules(
            draft.grammar, mix(seed, np.arange(self.templates)), self.template_sentences, np.full(self.templates, language)
        )
        writer = draft.hire(Template(bank, in_system=self.in_system, language=language))
        number = np.arange(len(at))
        item = mix(draft.seed, tag("pool"), seed, number // self.samples)
        draft.send(writer, at, account[owner], item, names_of(draft, "alone", account[owner], number), harvested=True)
