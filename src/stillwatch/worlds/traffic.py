"""Traffic that several parts plan in the same way: conversations of an account's own, and work dealt from a queue."""

import numpy as np
import numpy.typing as npt

from stillwatch.worlds.cast import Era, People
from stillwatch.worlds.clock import HOUR, HOUR_WEIGHTS, SECOND, Rhythm, queue, spread, starts, within
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.hashing import U64, mix, tag
from stillwatch.worlds.writers import Chat

I64 = npt.NDArray[np.int64]

PEOPLE_RHYTHM = Rhythm(HOUR_WEIGHTS)
VOLUME_SIGMA = 1.4  # of log requests an account: heavy-tailed


def volumes(rng: np.random.Generator, n: int, total: int, sigma: float = VOLUME_SIGMA) -> I64:
    """Exchanges an account, lognormal, summing to `total`."""
    return spread(rng.lognormal(0.0, sigma, n), total)


def chats(
    draft: Draft,
    rng: np.random.Generator,
    account: I64,
    block: People,
    counts: I64,
    rhythm: Rhythm = PEOPLE_RHYTHM,
    writer: int | None = None,
    harvested: bool = False,
) -> None:
    """
    Plan conversations about the accounts' own business.

    Args:
        account: Numbers of the accounts, in step with `block` and `counts`.
        counts: Exchanges an account.
        writer: Of the text; None = ordinary chat.
    """
    n = int(counts.sum())
    if n == 0:
        return
    owner = np.repeat(np.arange(len(account)), counts)
    opens = rng.random(n) < 1.0 / rhythm.burst_mean
    opens[np.cumsum(counts)[counts > 0] - counts[counts > 0]] = True
    conversation = np.cumsum(opens) - 1
    heads = np.flatnonzero(opens)
    begins = starts(rng, block.zone[owner[heads]], rhythm, draft.era.start, draft.era.days)
    lengths = np.diff(np.append(heads, n))
    turn = within(lengths)
    gaps = (rng.lognormal(np.log(rhythm.gap_median_s), rhythm.gap_sigma, n) * SECOND).astype(np.int64)
    gaps[heads] = 0
    run = np.cumsum(gaps)
    at = fold(begins[conversation] + run - run[heads][conversation], draft.era)
    name = mix(draft.seed, tag("conversation"), block.unique[owner], conversation)
    item = mix(draft.seed, tag("turn"), name, turn)
    chosen = draft.hire(Chat()) if writer is None else writer
    draft.send(chosen, at, account[owner], item, name, turn, harvested)


def fold(at: I64, era: Era) -> I64:
    """Bring what runs past the end of the window back into it."""
    span = era.end - era.start
    return np.asarray(era.start + (at - era.start) % span, np.int64)


def deal(
    draft: Draft,
    rng: np.random.Generator,
    block: People,
    counts: I64,
    jitter: float,
    days: float,
) -> tuple[I64, I64]:
    """
    Hand the moments of one queue to the accounts of a fleet.

    Args:
        counts: Exchanges an account.
        jitter: Share of exchanges that keep the rhythm of the account instead of the queue's.
        days: The queue runs that long, from a random day on.

    Returns:
        Moments, and the place in `block` that sends at each; in the order of the queue.
    """
    n = int(counts.sum())
    slack = max(0.0, draft.era.days - days)
    begin = draft.era.start + int(rng.random() * slack * 24) * HOUR
    at = queue(rng, n, begin, min(days, draft.era.days))
    owner = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    loose = np.flatnonzero(rng.random(n) < jitter)
    at[loose] = starts(rng, block.zone[owner[loose]], PEOPLE_RHYTHM, begin, min(days, draft.era.days))
    at[loose] = np.minimum(at[loose], draft.era.end - 1)
    order = np.argsort(at, kind="stable")
    return at[order], owner[order]


def names_of(draft: Draft, purpose: str, account: I64, number: I64) -> U64:
    """Conversation names for requests that stand alone."""
    return mix(draft.seed, tag(purpose), account, number)
