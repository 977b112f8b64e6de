"""An evaluation harness on release day: many accounts run the same benchmark with the same template."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.worlds.clock import DAY
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.traffic import chats, fold, names_of, volumes
from stillwatch.worlds.writers import Template, rules


@dataclass(frozen=True)
class EvalHarness:
    """
    Accounts that run one benchmark in the days after a release.

    Args:
        accounts: How many run it.
        exchanges: In total.
        items: Size of the benchmark; two accounts that run it overlap.
        within_days: The runs begin within so many days of the release.
        own: Share of their traffic that is ordinary chat.
    """

    kind: ClassVar[str] = "eval_harness"
    campaign: ClassVar[bool] = False
    accounts: int = 40
    exchanges: int = 4_000
    items: int = 400
    within_days: float = 2.0
    own: float = 0.1

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol; each account runs a random order of the benchmark, again from the start where it wants more."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        counts = volumes(rng, self.accounts, self.exchanges, 0.6)
        own = rng.binomial(counts, self.own)
        chats(draft, rng, account, block, own)
        block.adopted[:] = draft.era.release
        runs = counts - own
        owner = np.repeat(np.arange(self.accounts), runs)
        order = [rng.permutation(self.items)[np.arange(n) % self.items] for n in runs]
        number = np.concatenate(order) if order else np.zeros(0, np.int64)
        begins = draft.era.release + (rng.random(self.accounts) * self.within_days * DAY).astype(np.int64)
        paces = rng.lognormal(np.log(20e6), 0.8, self.accounts)
        at = begins[owner] + _since(rng.exponential(paces[owner]).astype(np.int64), runs)
        seed = int(rng.integers(1, 1 << 62))
        writer = draft.hire(Template(rules(draft.grammar, mix(seed), 3.0)))
        item = mix(tag("benchmark"), seed, number)
        draft.send(
            writer, fold(at, draft.era), account[owner], item, names_of(draft, "alone", account[owner], np.arange(len(owner)))
        )


def _since(gaps: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Running sums of the gaps, from zero for each account."""
    run = np.cumsum(gaps)
    heads = np.cumsum(counts) - counts
    offset = np.concatenate([[0], run])[heads]
    return run - np.repeat(offset, counts)
