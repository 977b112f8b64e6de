"""
How a planted fleet works: what each account sends and when, what it hides behind, and what it is signed up and equipped with.

All dials are those that a simulated campaign has by default (worlds/fleet.py), and the rest is as the log's own accounts have it:
so a planted group differs from the group of a campaign that is really there in nothing that a detector looks at. What the log
does not know of its accounts, it does not know of planted ones. benchmarks/quality/frontier holds the two against each other.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.candidates.planting_source import Source
from stillwatch.methods.apportion import apportion
from stillwatch.methods.ragged import within
from stillwatch.records import tables
from stillwatch.records.window import Window

Ints = npt.NDArray[np.int64]

REUSED, A_CARD, JITTER, PIVOT, SHARED_CLIENT, MANY_CUSTOMERS = 0.3, 10, 0.3, 0.45, 0.8, 0.5
VOLUME_SIGMA = 0.5  # of log exchanges an account
SIGNUP_DAYS, AGED_DAYS = 60, 20  # staggered sign-ups take so long, and end at most so long before the window
BUSY_HOURS, LOAD_SHAPE = 0.6, 1.5  # the queue runs in so many of the hours, with a gamma load
NEW_MODEL_SHARE = 0.8  # of the requests of an account that has taken a new model up
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


@dataclass(frozen=True, slots=True)
class Work:
    """
    Exchanges of each account, `(n_accounts,)`.

    Args:
        sent: All of them.
        harvested: Those that are no cover.
    """

    sent: Ints
    harvested: Ints

    @classmethod
    def of(cls, rng: np.random.Generator, n_accounts: int, requests: int, cover: float) -> Self:
        """Volumes as a queue feeds its accounts; which exchanges are cover is up to chance."""
        sent = apportion(rng.lognormal(0.0, VOLUME_SIGMA, n_accounts), n_accounts * requests)
        hidden = rng.multivariate_hypergeometric(sent, round(cover * int(sent.sum())), method="marginals")
        return cls(sent, sent - hidden)

    @property
    def cover(self) -> Ints:
        """The others."""
        return self.sent - self.harvested


def moments(rng: np.random.Generator, window: Window, own_us: Ints) -> Ints:
    """When the queue hands out each exchange: in its busy hours, but for those that keep the moment they had in the log."""
    hours = max(1, (window.end_us - window.start_us) // HOUR_US)
    load = rng.gamma(LOAD_SHAPE, 1.0, hours) * (rng.random(hours) < BUSY_HOURS)
    load = load if load.any() else np.ones(hours)
    n = len(own_us)
    at = window.start_us + rng.choice(hours, n, p=load / load.sum()) * HOUR_US + rng.integers(0, HOUR_US, n)
    return np.where(rng.random(n) < JITTER, own_us, np.minimum(at, window.end_us - 1))


def models(rng: np.random.Generator, source: Source, account: Ints, at_us: Ints, n_accounts: int) -> npt.NDArray[np.object_]:
    """
    What each exchange asks for: some accounts take up a new model on its first day, the others as the log's do.

    Args:
        account: (n,) 0…n_accounts - 1.
        at_us: (n,) when it is sent.
    """
    asked = np.full(len(at_us), source.model, object)
    release = source.release
    if release is not None:
        quick = rng.random(n_accounts) < PIVOT + (1.0 - PIVOT) * release.taken_up
        adopted = np.where(quick, release.at_us + rng.integers(0, DAY_US, n_accounts), np.iinfo(np.int64).max)
        asked[(at_us >= adopted[account]) & (rng.random(len(at_us)) < NEW_MODEL_SHARE)] = release.model
    return asked


def covered(rng: np.random.Generator, source: Source, cover: Ints) -> tuple[Ints, Ints]:
    """
    What hides the harvest: sittings of what real accounts sent.

    Half of the accounts take all of it from one that sent as many, as work for one customer is; the others, and those for which
    there is none, a sitting here and a sitting there. Nothing is given twice, unless the log has too few.

    Args:
        cover: (n_accounts,) exchanges wanted.

    Returns:
        Places in the source's rows, account by account, and for each account the place in `people` of whose it is first; -1 where
        none is wanted.
    """
    whose = np.full(len(cover), -1)
    place = np.zeros(int(cover.sum()), np.int64)
    begin = np.cumsum(cover) - cover
    free = np.ones(len(source.lengths), np.bool_)
    left = cover > 0
    for account in np.flatnonzero(left & (rng.random(len(cover)) >= MANY_CUSTOMERS)).tolist():
        able = np.flatnonzero(free & (source.lengths >= cover[account]))
        if len(able):
            donor = able[rng.integers(0, len(able))]
            first = source.starts[donor] + rng.integers(0, source.lengths[donor] - cover[account] + 1)
            place[begin[account] : begin[account] + cover[account]] = first + np.arange(cover[account])
            free[donor] = left[account] = False
    loose = np.repeat(left, cover)
    place[loose] = _dealt(rng, source, free, int(loose.sum()))
    covering = cover > 0
    whose[covering] = source.donors[np.searchsorted(source.starts, place[begin[covering]], side="right") - 1]
    return place, whose


def _dealt(rng: np.random.Generator, source: Source, free: npt.NDArray[np.bool_], n: int) -> Ints:
    """Places of `n` exchanges: sittings of free accounts, or of all where these have none, in a random order, over and over."""
    lengths = np.diff(source.sittings, append=source.rows.num_rows)
    mine = np.flatnonzero(free[np.searchsorted(source.starts, source.sittings, side="right") - 1])
    order = rng.permutation(mine if len(mine) else len(lengths))
    laid = np.repeat(source.sittings[order], lengths[order]) + within(lengths[order])
    return laid[np.arange(n) % len(laid)]


def equipped(
    rng: np.random.Generator, source: Source, window: Window, name: Ints, work: Work, whose: Ints, reused: float, aged: bool
) -> dict[str, pa.Array]:
    """
    Columns of GROUP_ACCOUNTS, but for the group.

    Args:
        name: (n_accounts,) digests.
        whose: As `covered` gives it.
        reused: Share of accounts on the campaign's own cards, devices and networks.
        aged: Signed up as anyone.
    """
    like = rng.integers(0, source.people.num_rows, len(name))  # whom each account is like in what nothing else says
    kit = name.copy()
    on_kits = np.flatnonzero(rng.random(len(name)) < reused)
    if len(on_kits):
        kits = max(1, round(len(on_kits) / A_CARD))
        kit[on_kits] = -1 - name[rng.integers(0, kits, len(on_kits))]
    _, number, units = np.unique(kit, return_inverse=True, return_counts=True)
    out = {"account": pa.array(name), "n_exchanges": pa.array(work.sent), "n_systems": _systems(source, whose, like)}
    for field in ("payment", "device", "network"):
        out |= {field: pa.array(kit), f"{field}_units": pa.array(units[number])}
    return out | _client(rng, source, like) | {"account_created_at": _signed_up(rng, source, window, like, aged)}


def _systems(source: Source, whose: Ints, like: Ints) -> pa.Array:
    """System prompts come with the cover."""
    known = source.people["n_systems"].combine_chunks()
    n = np.where(whose >= 0, known.fill_null(0).to_numpy()[whose], 0)
    return pa.array(n, mask=~known.is_valid().to_numpy(zero_copy_only=False)[like])


def _client(rng: np.random.Generator, source: Source, like: Ints) -> dict[str, pa.Array]:
    """Most call with one client, which others of the log have as well; the rest with any."""
    same = rng.random(len(like)) < SHARED_CLIENT
    chosen = np.where(same, like[0], like)
    client = source.people["client"].combine_chunks().take(pa.array(chosen))
    held = source.people["client_units"].combine_chunks().take(pa.array(chosen))
    _, number, own = np.unique(client.fill_null(0).to_numpy(), return_inverse=True, return_counts=True)
    units = held.fill_null(0).to_numpy() + own[number]
    return {"client": client, "client_units": pa.array(units, mask=~client.is_valid().to_numpy(zero_copy_only=False))}


def _signed_up(rng: np.random.Generator, source: Source, window: Window, like: Ints, aged: bool) -> pa.Array:
    """As anyone's where they are aged, else within two months, not long before the window."""
    dates = source.people["account_created_at"].combine_chunks().take(pa.array(like))
    if aged:
        return dates
    last = window.start_us - rng.integers(0, AGED_DAYS) * DAY_US
    at = last - rng.integers(0, SIGNUP_DAYS * DAY_US, len(like))
    return pa.array(at, mask=~dates.is_valid().to_numpy(zero_copy_only=False)).cast(tables.UTC_TIME)
