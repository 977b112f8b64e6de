"""Traffic that several parts plan in the same way: conversations of an account's own, and work dealt from a queue."""

import numpy as np
import numpy.typing as npt

from stillwatch.methods.apportion import apportion
from stillwatch.methods.ragged import within
from stillwatch.worlds.cast import Era, People
from stillwatch.worlds.clock import DAY, HOUR, SECOND, queue, starts
from stillwatch.worlds.draft import Draft
from stillwatch.worlds.grammar_library import turn_item
from stillwatch.worlds.hashing import U64, mix, tag
from stillwatch.worlds.library import Pool
from stillwatch.worlds.writing import Writer

I64 = npt.NDArray[np.int64]

# Of log requests an account. ServeGen's published clients have 2.15 (m-large, 162 of them) and 2.70 (m-small, 43); they are the
# larger customers of a provider, so ordinary accounts get less.
VOLUME_SIGMA = 1.8


def volumes(rng: np.random.Generator, n: int, total: int, sigma: float = VOLUME_SIGMA) -> I64:
    """Exchanges an account, lognormal, summing to `total`."""
    return apportion(rng.lognormal(0.0, sigma, n), total)


def chats(
    draft: Draft,
    rng: np.random.Generator,
    account: I64,
    block: People,
    counts: I64,
    writer: Writer | None = None,
    haste: float = 1.0,
    harvested: bool = False,
) -> None:
    """
    Plan conversations about the accounts' own business.

    Args:
        account: Numbers of the accounts, in step with `block` and `counts`.
        counts: Exchanges an account.
        writer: Of the text; None = ordinary chat.
        harvested: A campaign keeps the answers.
        haste: Bursts are longer and pauses shorter by this factor; agents do not think between requests.
    """
    n = int(counts.sum())
    if n == 0:
        return
    owner = np.repeat(np.arange(len(account)), counts)
    script = draft.library.script(rng, counts, draft.rhythms.burst_mean[block.rhythm] * haste, block.one_customer)
    heads = np.flatnonzero(script.opens)
    conversation = np.cumsum(script.opens) - 1
    first = owner[heads]
    begins = starts(rng, block.zone[first], block.rhythm[first], draft.rhythms, draft.era.start, draft.era.days)
    median = draft.rhythms.gap_median_s[block.rhythm[owner]] / haste
    gaps = (median * np.exp(rng.normal(0, draft.rhythms.gap_sigma, n)) * SECOND).astype(np.int64)
    gaps[heads] = 0
    run = np.cumsum(gaps)
    at = fold(begins[conversation] + run - run[heads][conversation], draft.era)
    turn = within(np.diff(np.append(heads, n)))
    name = mix(draft.seed, tag("conversation"), block.unique[owner], conversation)
    item = turn_item(draft.seed, name, turn) if script.item is None else script.item
    draft.send(draft.hire(writer or draft.library.own), at, account[owner], item, name, turn, harvested)


def fold(at: I64, era: Era) -> I64:
    """Bring what runs past the end of the window back into it."""
    return np.asarray(era.start + (at - era.start) % (era.end - era.start), np.int64)


def deal(
    draft: Draft,
    rng: np.random.Generator,
    block: People,
    counts: I64,
    jitter: float,
    days: float,
    lifetime_days: float | None = None,
) -> tuple[I64, I64]:
    """
    Hand the moments of one queue to the accounts of a fleet.

    Args:
        counts: Exchanges an account.
        jitter: Share of exchanges that keep the rhythm of the account instead of the queue's.
        days: The queue runs that long, from a random hour on.
        lifetime_days: An account is in use for so long, from some moment of its own on; None = all are, all the time.

    Returns:
        Moments, and the place in `block` that sends at each; in the order of the queue.
    """
    n = int(counts.sum())
    span = min(days, draft.era.days)
    begin = draft.era.start + int(rng.random() * (draft.era.days - span) * 24) * HOUR
    at = queue(rng, n, begin, span)
    owner = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    life = span if lifetime_days is None else min(lifetime_days, span)
    born = np.zeros(len(counts)) if life == span else rng.random(len(counts)) * (span - life)
    if life < span:
        owner = owner[np.argsort(born[owner] + rng.random(n) * life, kind="stable")]
    loose = np.flatnonzero(rng.random(n) < jitter)
    own = owner[loose]
    at[loose] = _loose(draft, rng, block, own, begin, (born * DAY).astype(np.int64), life)
    order = np.argsort(at, kind="stable")
    return at[order], owner[order]


def _loose(draft: Draft, rng: np.random.Generator, block: People, own: I64, begin: int, born: I64, life: float) -> I64:
    """Moments of the accounts' own rhythms, each within its account's life, moved by whole days: local hours stay."""
    if not born.any():
        return starts(rng, block.zone[own], block.rhythm[own], draft.rhythms, begin, life)
    whole = int(np.ceil(life)) * DAY
    at = starts(rng, block.zone[own], block.rhythm[own], draft.rhythms, begin, whole / DAY) - begin
    at = born[own] + (at - born[own]) % whole
    at = np.where(at >= born[own] + int(life * DAY), at - DAY, at)
    return np.asarray(begin + np.maximum(at, born[own]), np.int64)


def work(
    draft: Draft,
    rng: np.random.Generator,
    pool: Pool,
    at: I64,
    account: I64,
    turns: I64,
    gap_s: float,
    harvested: bool = False,
) -> None:
    """
    Plan pieces of work of several requests each, one after the other in one session.

    Args:
        pool: One prompt a piece.
        at: When each begins.
        account: Who does it.
        turns: Requests of each.
        gap_s: Median pause between two, seconds.
    """
    piece = np.repeat(np.arange(len(at)), turns)
    turn = within(turns)
    gaps = np.where(turn > 0, gap_s * np.exp(rng.normal(0, 0.8, len(turn))) * SECOND, 0).astype(np.int64)
    run = np.cumsum(gaps)
    heads = np.cumsum(turns) - turns
    name = mix(draft.seed, tag("work"), account, np.arange(len(at)), pool.item)
    moment = fold(at[piece] + run - run[heads][piece], draft.era)
    draft.send(draft.hire(pool.writer), moment, account[piece], pool.item[piece], name[piece], turn, harvested)


def pieces(rng: np.random.Generator, counts: I64, mean: float) -> tuple[I64, I64]:
    """Cut each account's requests into pieces of geometric length. Returns the pieces of each account, and their lengths."""
    opens = rng.random(int(counts.sum())) < 1.0 / mean
    opens[(np.cumsum(counts) - counts)[counts > 0]] = True
    owner = np.repeat(np.arange(len(counts)), counts)
    begin = np.flatnonzero(opens)
    return np.bincount(owner[begin], minlength=len(counts)), np.diff(np.append(begin, len(opens)))


def harvest(draft: Draft, pool: Pool, at: I64, account: I64, samples: int = 1, harvested: bool = True) -> None:
    """Send the prompts of a pool in order, each `samples` times, every request a conversation of its own."""
    number = np.arange(len(at))
    draft.send(
        draft.hire(pool.writer), at, account, pool.item[number // samples], alone(draft, account, number), harvested=harvested
    )


def alone(draft: Draft, account: I64, number: I64) -> U64:
    """Names of conversations for requests that stand alone."""
    return mix(draft.seed, tag("alone"), account, number)
