"""What all campaign shapes share: how a fleet signs up, what infrastructure it reuses, how it hides, when it changes model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.worlds.cast import People, networks, signup, words
from stillwatch.worlds.clock import DAY
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.infrastructure import one_client
from stillwatch.worlds.traffic import chats, volumes

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fleet:
    """
    The dials that every campaign shape has.

    Args:
        accounts: Accounts of the campaign.
        exchanges: In total, cover included.
        days: The harvest runs that long; at most the window.
        cover: Share of cover traffic, 0 to 0.95.
        many_customers: Share of accounts whose cover comes from many customers instead of one.
        jitter: Share of exchanges that keep the account's own rhythm instead of the queue's.
        pivot: Share of accounts that take up a new model within a day of its release.
        infra_reuse: Share of accounts on the campaign's own cards, devices and networks, 0 to 1.
        accounts_a_card: On the reused infrastructure.
        shared_client: Share of accounts with the campaign's client and settings.
        signup: "burst" (two days), "staggered" (over the sixty days before) or "aged" (like anyone).
        volume_sigma: Spread of log exchanges an account; ordinary accounts have 1.8.
    """

    accounts: int = 200
    exchanges: int = 6_000
    days: float = 10.0
    cover: float = 0.5
    many_customers: float = 0.5
    jitter: float = 0.3
    pivot: float = 0.45
    infra_reuse: float = 0.3
    accounts_a_card: int = 10
    shared_client: float = 0.8
    signup: str = "staggered"
    volume_sigma: float = 0.5

    def __post_init__(self) -> None:
        check(self, ("many_customers", "jitter", "pivot", "infra_reuse", "shared_client"), ("accounts_a_card",))
        if self.days <= 0:
            raise ValueError("days must be above 0")
        if not 0.0 <= self.cover <= 0.95:
            raise ValueError("cover must lie in 0 … 0.95")
        if self.signup not in ("burst", "staggered", "aged"):
            raise ValueError("signup must be burst, staggered or aged")

    def enrol(self, draft: Draft, rng: np.random.Generator, part: int) -> tuple[I64, People, I64]:
        """Enrol the fleet and plan its cover. Returns accounts, their columns, and harvested exchanges an account."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        self._sign_up(draft, rng, block)
        self._equip(rng, block)
        quick = rng.random(self.accounts) < self.pivot
        block.adopted[quick] = draft.era.release + rng.integers(0, DAY, int(quick.sum()))
        block.one_customer[:] = rng.random(self.accounts) >= self.many_customers
        counts = volumes(rng, self.accounts, self.exchanges, self.volume_sigma)
        cover = self._cover(rng, counts)
        chats(draft, rng, account, block, cover)
        return account, block, counts - cover

    def _cover(self, rng: np.random.Generator, counts: I64) -> I64:
        total = round(self.cover * int(counts.sum()))
        picked = rng.permutation(np.repeat(np.arange(len(counts)), counts))[:total]
        return np.bincount(picked, minlength=len(counts)).astype(np.int64)

    def _sign_up(self, draft: Draft, rng: np.random.Generator, block: People) -> None:
        if self.signup == "aged":
            return
        span = 2 * DAY if self.signup == "burst" else 60 * DAY
        last = draft.era.start - int(rng.integers(0, 20)) * DAY
        block.created[:] = signup(rng, last - rng.integers(0, span, self.accounts), block.zone)

    def _equip(self, rng: np.random.Generator, block: People) -> None:
        reused = np.flatnonzero(rng.random(self.accounts) < self.infra_reuse)
        if len(reused):
            kits = max(1, round(len(reused) / self.accounts_a_card))
            for column in (block.payment, block.device):
                column[reused] = words(rng, kits)[rng.integers(0, kits, len(reused))]
            block.network[reused] = networks(rng, kits, np.ones(kits, np.bool_))[rng.integers(0, kits, len(reused))]
        one_client(rng, block, self.shared_client)
