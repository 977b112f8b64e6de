"""What all campaign shapes share: how a fleet signs up, what infrastructure it reuses, how it hides, when it changes model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds import clients
from stillwatch.worlds.cast import People, networks, signup, words
from stillwatch.worlds.clock import DAY
from stillwatch.worlds.disguise import Contracted, Padded, contracts
from stillwatch.worlds.draft import Draft, check
from stillwatch.worlds.hashing import mix, tag
from stillwatch.worlds.infrastructure import one_client
from stillwatch.worlds.library import Pool
from stillwatch.worlds.rewriting import Retold, Rewritten
from stillwatch.worlds.traffic import alone, chats, deal, volumes
from stillwatch.worlds.writers import Framed
from stillwatch.worlds.writing import Writer

I64 = npt.NDArray[np.int64]

MAX_COVER = 0.99
MAX_RECIPES = 4_000
MAX_CONTRACTS = 256
_SHARES = ("many_customers", "jitter", "pivot", "infra_reuse", "shared_client", "paraphrase", "persona", "entity", "topic_shards")
_SIGNUP_DAYS = {"burst": 2.0, "staggered": 60.0}


@dataclass(frozen=True)
class Fleet:
    """
    The dials that every campaign shape has.

    Args:
        accounts: Accounts of the campaign, 20 to 25,000 as a rule.
        exchanges: In total, cover included.
        requests_an_account: 3 to 1,000 as a rule; where given, exchanges is accounts times this.
        days: The harvest runs that long; at most the window.
        cover: Share of cover traffic, 0 to 0.99.
        many_customers: Share of accounts whose cover comes from many customers instead of one.
        recipes: Templates in the campaign's bank, 1 to 4,000; 0 = none, prompts stand alone; none = the shape's own number.
        pool: Distinct prompts, sampled with replacement; none = as many as are sent, dealt without replacement.
        samples: Times each prompt that was dealt is sent, at least 1.
        choices: Answers asked for in one request (`n`), 1 or 4, by the accounts with the campaign's client; none = as drawn.
        paraphrase: Share of harvested requests whose instructions are rewritten, each anew, 0 to 1.
        contracts: Output contracts (keys, tags, scales that a parser relies on) the campaign uses, up to 256; 0 = adds none.
        persona: Share of harvested prompts that open with a person of the account's own, 0 to 1.
        entity: Share of harvested prompts padded with a name of the account's own, 0 to 1.
        topic_shards: Share of the harvest that is sorted by topic before it is dealt, so that an account keeps to few, 0 to 1.
        jitter: Share of exchanges that keep the account's own rhythm instead of the queue's.
        lifetime_days: An account harvests for so many days, the accounts one after another; none = for the whole harvest.
        pivot: Share of accounts that take up a new model quickly.
        pivot_delay_days: They begin to, so many days after its release, 0 to 14.
        pivot_within_days: And have all done so within so many days more.
        infra_reuse: Share of accounts on the campaign's own cards, devices and networks, 0 to 1.
        accounts_a_card: On the reused infrastructure.
        shared_client: Share of accounts with the campaign's client and settings.
        signup: "burst" (within two days), "staggered" (over the sixty days before), "aged" (like anyone) or "fresh" (each account
            within two days before its first request: with lifetime_days of 1 it spends on its first day what it will ever spend).
        signup_days: Another span of a burst's or staggered sign-ups, days; none = as said there.
        volume_sigma: Spread of log exchanges an account; ordinary accounts have 1.8, 0 = all alike.
    """

    accounts: int = 200
    exchanges: int = 6_000
    requests_an_account: float | None = None
    days: float = 10.0
    cover: float = 0.5
    many_customers: float = 0.5
    recipes: int | None = None
    pool: int | None = None
    samples: int = 1
    choices: int | None = None
    paraphrase: float = 0.0
    contracts: int = 0
    persona: float = 0.0
    entity: float = 0.0
    topic_shards: float = 0.0
    jitter: float = 0.3
    lifetime_days: float | None = None
    pivot: float = 0.45
    pivot_delay_days: float = 0.0
    pivot_within_days: float = 1.0
    infra_reuse: float = 0.3
    accounts_a_card: int = 10
    shared_client: float = 0.8
    signup: str = "staggered"
    signup_days: float | None = None
    volume_sigma: float = 0.5

    def __post_init__(self) -> None:
        if self.requests_an_account is not None:
            if self.requests_an_account < 1:
                raise ValueError("requests_an_account must be at least 1")
            object.__setattr__(self, "exchanges", round(self.accounts * self.requests_an_account))
        check(self, _SHARES, ("accounts_a_card", "samples"))
        if not 0.0 <= self.cover <= MAX_COVER:
            raise ValueError(f"cover must lie in 0 … {MAX_COVER}")
        if self.signup not in ("aged", "fresh", *_SIGNUP_DAYS):
            raise ValueError("signup must be burst, staggered, aged or fresh")
        for name, most in (("recipes", MAX_RECIPES), ("contracts", MAX_CONTRACTS), ("pivot_delay_days", 14)):
            if not 0 <= (getattr(self, name) or 0) <= most:
                raise ValueError(f"{name} must lie in 0 … {most}")
        for name in ("days", "pivot_within_days", "lifetime_days", "signup_days", "pool"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if self.choices not in (None, 1, 4):
            raise ValueError("choices must be 1 or 4")
        if self.volume_sigma < 0:
            raise ValueError("volume_sigma must not be negative")

    def enrol(self, draft: Draft, rng: np.random.Generator, part: int) -> tuple[I64, People, I64]:
        """Enrol the fleet and plan its cover. Returns accounts, their columns, and harvested exchanges an account."""
        account, block = draft.cast.enrol(rng, self.accounts, part)
        self._sign_up(draft, rng, block)
        self._equip(rng, block)
        quick = rng.random(self.accounts) < self.pivot
        span = int(self.pivot_within_days * DAY)
        block.adopted[quick] = draft.era.release + int(self.pivot_delay_days * DAY) + rng.integers(0, span, int(quick.sum()))
        block.one_customer[:] = rng.random(self.accounts) >= self.many_customers
        counts = volumes(rng, self.accounts, self.exchanges, self.volume_sigma)
        cover = self._cover(rng, counts)
        chats(draft, rng, account, block, cover)
        return account, block, counts - cover

    def moments(self, draft: Draft, rng: np.random.Generator, block: People, counts: I64) -> tuple[I64, I64]:
        """When the harvest is sent and by whom (places in `block`), in the order of the queue."""
        return deal(draft, rng, block, counts, self.jitter, self.days, self.lifetime_days)

    def prompts(self, n: int) -> int:
        """Distinct prompts behind `n` harvested exchanges."""
        dealt = -(-n // self.samples)
        return dealt if self.pool is None else max(1, min(self.pool, dealt))

    def bank(self, own: int) -> int:
        """Templates of the campaign, where `own` is the shape's own number."""
        return own if self.recipes is None else self.recipes

    def framed(self, heads: pa.Array, body: Writer, in_system: bool = False) -> Writer:
        """A bank of templates around a body, in as many wordings as the dials say; no templates, the body."""
        if not len(heads):
            return Retold(body, self.paraphrase) if self.paraphrase else body
        return Rewritten(heads, body, self.paraphrase, in_system) if self.paraphrase else Framed(heads, body, in_system)

    def harvest(self, draft: Draft, rng: np.random.Generator, pool: Pool, at: I64, account: I64, owner: I64) -> None:
        """
        Send the prompts of a pool, by the dials of sampling and of topics, in the campaign's disguise.

        Args:
            at: Moments, in the order of the queue.
            account: Numbers of the fleet's accounts.
            owner: Which of them sends at each moment.
        """
        number = np.arange(len(at))
        place = number // self.samples
        if self.pool is not None:
            place = rng.integers(0, len(pool.item), int(place[-1]) + 1 if len(place) else 0)[place]
        if self.topic_shards:
            place = self._sharded(draft, rng, pool, place, owner)
        writer = draft.hire(self._disguised(rng, pool.writer))
        sender = account[owner]
        draft.send(writer, at, sender, pool.item[place], alone(draft, sender, number), harvested=True)

    def _sharded(self, draft: Draft, rng: np.random.Generator, pool: Pool, place: I64, owner: I64) -> I64:
        """The same prompts, a share of them in an order in which one account's belong together."""
        rank = np.empty(len(pool.item), np.int64)
        rank[draft.library.related(pool)] = np.arange(len(rank))
        at = np.flatnonzero(rng.random(len(place)) < self.topic_shards)
        by_account = at[np.argsort(rng.permutation(int(owner.max(initial=0)) + 1)[owner[at]], kind="stable")]
        out = place.copy()
        out[by_account] = place[at][np.argsort(rank[place[at]], kind="stable")]
        return out

    def _disguised(self, rng: np.random.Generator, writer: Writer) -> Writer:
        if self.contracts:
            writer = Contracted(writer, contracts(mix(int(rng.integers(1, 1 << 62)), tag("contract"), np.arange(self.contracts))))
        if self.persona or self.entity:
            writer = Padded(writer, self.persona, self.entity)
        return writer

    def _cover(self, rng: np.random.Generator, counts: I64) -> I64:
        total = round(self.cover * int(counts.sum()))
        picked = rng.permutation(np.repeat(np.arange(len(counts)), counts))[:total]
        return np.bincount(picked, minlength=len(counts)).astype(np.int64)

    def _sign_up(self, draft: Draft, rng: np.random.Generator, block: People) -> None:
        if self.signup == "aged":
            return
        if self.signup == "fresh":
            block.created[:] = draft.era.end  # render.created_before_use brings it to just before the first request
            return
        span = int((self.signup_days or _SIGNUP_DAYS[self.signup]) * DAY)
        last = draft.era.start - int(rng.integers(0, 20)) * DAY
        block.created[:] = signup(rng, last - rng.integers(0, span, self.accounts), block.zone)

    def _equip(self, rng: np.random.Generator, block: People) -> None:
        reused = np.flatnonzero(rng.random(self.accounts) < self.infra_reuse)
        if len(reused):
            kits = max(1, round(len(reused) / self.accounts_a_card))
            for column in (block.payment, block.device):
                column[reused] = words(rng, kits)[rng.integers(0, kits, len(reused))]
            block.network[reused] = networks(rng, kits, np.ones(kits, np.bool_))[rng.integers(0, kits, len(reused))]
        if self.choices is not None:
            block.config[0] = rng.choice(np.flatnonzero(clients.settings().n == self.choices))
        one_client(rng, block, self.shared_client)
