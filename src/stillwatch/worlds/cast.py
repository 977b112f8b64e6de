"""
Who is in a world: every account, ordinary or of a campaign, is enrolled by one rule; a part then bends what its dials say.

That is what keeps tells out: ids, sign-up hours, networks, clients, settings and adoption of new models have one source.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from stillwatch.worlds.clock import DAY, HOUR, WAKING, ZONES
from stillwatch.worlds.hashing import U64

# Shares follow no published census; what matters is that they are heavy-tailed and the same for all.
SHARED_CARD_SHARE = 0.02  # ordinary accounts whose card another account also has: family, small firms
SHARED_DEVICE_SHARE = 0.01
CLOUD_SHARE = 0.25  # accounts that call from a cloud provider
IPV6_SHARE = 0.2
NEW_SHARE = 0.15  # accounts that sign up inside the window
N_CLIENTS = 400  # distinct TLS fingerprints and user agents in the world
N_CONFIGS = 300
N_CLOUD_ASNS = 12
N_HOME_ASNS = 600
RELEASE_HAZARD_A_DAY = 0.06  # of an ordinary account to take up a new model; docs/research.md, pivot, mu


@dataclass
class People:
    """Accounts as columns; entry i of each array is account i."""

    unique: U64  # seed of all its ids
    context: U64  # seed of what it is about
    zone: npt.NDArray[np.int8]
    rhythm: npt.NDArray[np.int16]
    created: npt.NDArray[np.int64]
    tier: npt.NDArray[np.int8]
    org: U64  # 0: none
    payment: U64
    device: U64
    client: npt.NDArray[np.int16]
    config: npt.NDArray[np.int16]
    network: U64  # 2 a row: home and second
    second_network: U64
    model: npt.NDArray[np.int8]
    adopted: npt.NDArray[np.int64]  # when it moves to the new model
    one_customer: npt.NDArray[np.bool_]  # False: what it is about changes with every conversation
    part: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.unique)


@dataclass(frozen=True, slots=True)
class Era:
    """The window of a world, in microseconds since 1970, and the release of a model inside it."""

    start: int
    days: float
    release: int
    models: tuple[str, ...]  # the last one is the new model

    @property
    def end(self) -> int:
        """First moment after the window."""
        return self.start + int(self.days * DAY)


class Cast:
    """
    All accounts of a world.

    Args:
        era: Its window.
        rhythms: Share of accounts that keep each rhythm.
    """

    def __init__(self, era: Era, rhythms: npt.NDArray[np.float64]) -> None:
        self._era = era
        self._rhythms = rhythms
        self._blocks: list[People] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def enrol(self, rng: np.random.Generator, n: int, part: int) -> tuple[npt.NDArray[np.int64], People]:
        """
        `n` ordinary accounts. Returns their numbers and their columns, which the caller may bend until `close`.
        """
        block = ordinary(rng, n, self._era, self._rhythms, part)
        first = self._size
        self._blocks.append(block)
        self._size += n
        return np.arange(first, first + n), block

    def close(self) -> People:
        """All accounts as one set of columns."""
        return People(**{f.name: np.concatenate([getattr(b, f.name) for b in self._blocks]) for f in fields(People)})


def words(rng: np.random.Generator, n: int) -> U64:
    """`n` random 64-bit words, never 0."""
    return np.asarray(rng.integers(1, 1 << 63, n), np.uint64)


def ordinary(rng: np.random.Generator, n: int, era: Era, rhythms: npt.NDArray[np.float64], part: int) -> People:
    """Accounts as anyone's are."""
    zone = rng.choice(ZONES, n)
    age = rng.gamma(1.2, 160.0, n)  # days; most accounts are some months old
    fresh = rng.random(n) < NEW_SHARE
    created = signup(rng, era.start - (age * DAY).astype(np.int64), zone)
    created[fresh] = signup(rng, era.start + rng.integers(0, int(era.days * DAY), int(fresh.sum())), zone[fresh])
    clouds = rng.random(n) < CLOUD_SHARE
    return People(
        unique=words(rng, n),
        context=words(rng, n),
        zone=zone,
        rhythm=rng.choice(len(rhythms), n, p=rhythms).astype(np.int16),
        created=created,
        tier=rng.choice(4, n, p=[0.35, 0.4, 0.2, 0.05]).astype(np.int8),
        org=np.where(rng.random(n) < 0.3, words(rng, n), np.uint64(0)),
        payment=_some_shared(rng, words(rng, n), SHARED_CARD_SHARE),
        device=_some_shared(rng, words(rng, n), SHARED_DEVICE_SHARE),
        client=popular(rng, n, N_CLIENTS).astype(np.int16),
        config=popular(rng, n, N_CONFIGS).astype(np.int16),
        network=networks(rng, n, clouds),
        second_network=networks(rng, n, clouds & (rng.random(n) < 0.5)),
        model=rng.choice(len(era.models) - 1, n, p=_falling(len(era.models) - 1)).astype(np.int8),
        adopted=era.release + (rng.exponential(1.0 / RELEASE_HAZARD_A_DAY, n) * DAY).astype(np.int64),
        one_customer=np.ones(n, np.bool_),
        part=np.full(n, part, np.int32),
    )


def signup(rng: np.random.Generator, near: npt.NDArray[np.int64], zone: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Move moments to a waking hour of their zone on the same day: one rule for every account."""
    hour = rng.choice(24, len(near), p=WAKING / WAKING.sum())
    local = hour * HOUR + rng.integers(0, HOUR, len(near)) - zone.astype(np.int64) * HOUR
    return np.asarray(near // DAY * DAY + local % DAY, np.int64)


def join_together(rng: np.random.Generator, block: People, era: Era, days: float | None) -> None:
    """Let accounts have signed up for one occasion within so many days, not long before the window; None changes nothing."""
    if days is None:
        return
    last = era.start - int(rng.integers(0, 20)) * DAY
    block.created[:] = signup(rng, last - rng.integers(0, max(1, int(days * DAY)), len(block)), block.zone)


def popular(rng: np.random.Generator, n: int, kinds: int) -> npt.NDArray[np.int64]:
    """Places 0 … kinds-1 by a Zipf law."""
    weights = 1.0 / (np.arange(kinds) + 1.5)
    return np.asarray(rng.choice(kinds, n, p=weights / weights.sum()), np.int64)


def networks(rng: np.random.Generator, n: int, cloud: npt.NDArray[np.bool_]) -> U64:
    """
    Networks, packed: autonomous system in the upper 32 bits, /24 in the lower.

    Half of all accounts sit behind a network that others use too: carriers, campuses, cloud regions.
    """
    asn = np.where(cloud, popular(rng, n, N_CLOUD_ASNS), N_CLOUD_ASNS + popular(rng, n, N_HOME_ASNS))
    spot = np.where(rng.random(n) < 0.5, popular(rng, n, 500), rng.integers(500, 1 << 22, n))
    return (asn.astype(np.uint64) << np.uint64(32)) | spot.astype(np.uint64)


def _some_shared(rng: np.random.Generator, own: U64, share: float) -> U64:
    """Let a share of accounts carry what the account before them has."""
    at = np.flatnonzero(rng.random(len(own)) < share)
    at = at[at > 0]
    own[at] = own[at - 1]
    return own


def _falling(n: int) -> npt.NDArray[np.float64]:
    weights = 0.5 ** np.arange(n)
    return np.asarray(weights / weights.sum(), np.float64)
