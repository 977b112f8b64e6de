"""An evaluation harness on release day: many accounts run the same benchmark with the same template."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.worlds.clock import DAY
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.traffic import alone, chats, fold, volumes

I64 = npt.NDArray[np.int64]


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

    def __post_init__(self) -> None:
        check(self, shares=("own",), counts=("items",))
        if self.within_days <= 0:
            raise ValueError("within_days must be above 0")

    def plan(self, draft: Draft, rng: np.random.Generator, part: int) -> None:
        """Enrol; each account runs a random order of the benchmark, again from the start where it wants more."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        counts = volumes(rng, self.accounts, self.exchanges, 0.6)
        own = rng.binomial(counts, self.own)
        chats(draft, rng, account, block, own)
        block.adopted[:] = draft.era.release
        runs = counts - own
        owner = np.repeat(np.arange(self.accounts), runs)
        pool = draft.library.benchmark(rng, self.items)
        order = [rng.permutation(len(pool.item))[np.arange(n) % len(pool.item)] for n in runs.tolist()]
        number = np.concatenate(order) if order else np.zeros(0, np.int64)
        begins = draft.era.release + (rng.random(self.accounts) * self.within_days * DAY).astype(np.int64)
        paces = rng.lognormal(np.log(20e6), 0.8, self.accounts)
        at = begins[owner] + _since(rng.exponential(paces[owner]).astype(np.int64), runs)
        sender = account[owner]
        draft.send(
            draft.hire(pool.writer), fold(at, draft.era), sender, pool.item[number], alone(draft, sender, np.arange(len(at)))
        )


def _since(gaps: I64, counts: I64) -> I64:
    """Running sums of the gaps, from zero for each account."""
    run = np.cumsum(gaps)
    heads = np.cumsum(counts) - counts
    offset = np.concatenate([[0], run])[heads]
    return np.asarray(run - np.repeat(offset, counts), np.int64)
