"""
Do two pieces of one owner share rare words more often than pieces of two owners?

An ordinary author returns to the same names, projects and subjects; a pool of prompts dealt out over many accounts does
not. The ratio is an inverse fixation index (Wright's F_ST) over words. The null is not a formula but a *dealing*: the
group's own pieces dealt afresh to its owners, never two of one owner to the same hand, and put through exactly the same
removal of template words and the same trimming. So whatever those steps do to the count, they do to the null too.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

TRIM_WORDS = 3  # an account's most repeated words, left out against persona padding (docs/research.md, answer 5)
TRIM_NEEDS = 10.0  # ... where so many repeats a deal would remain; sparse groups would keep nothing
LOUD_HANDS = 0.1  # the share of hands that repeats most counts as much as the next one, but at least LOUD_REPEATS
LOUD_REPEATS = 2.0
LARGE_HANDS = 0.2  # the share of hands with the most words counts no more than the next one
TEMPLATE_SHARE = 0.2  # a word that more of the hands hold is wording of the group
TEMPLATE_HANDS = 3  # ... or, in small groups, more than so many
ENOUGH_REPEATS = 25.0  # words are taken from the rarest up until a deal repeats so often: standard error 0.2
DEALS = 8_000  # pieces dealt in all: the null of a small group needs more deals than that of a large one
MAX_DEALS = 8


@dataclass(frozen=True, slots=True)
class Persistence:
    """
    What was counted.

    Args:
        log_ratio: ln of (repeats within hands per chance to repeat) over (the same in dealt hands); 0 = one pool dealt out.
        se: Standard error of `log_ratio`, from counts and from the spread between hands.
        repeats: Pairs of pieces of one hand that share a rare word, after trimming.
        dealt: Mean of the same in dealt hands, scaled to the same chance to repeat.
        n_hands: Hands of two pieces or more.
        n_pieces: Pieces in these hands.
    """

    log_ratio: float
    se: float
    repeats: float
    dealt: float
    n_hands: int
    n_pieces: int


_Postings = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # pointers, holders, lone words of each piece

NOTHING = Persistence(0.0, float("inf"), 0.0, 0.0, 0, 0)


def persistence(
    words: NDArray[np.int64], piece: NDArray[np.int64], hand: NDArray[np.int64], owner: NDArray[np.int64]
) -> Persistence:
    """
    Measure how much more the pieces of one hand repeat words than pieces dealt at random.

    Works from some 60 pieces in 20 hands of three; blind where hands hold one piece. Words that many hands hold are the
    group's own wording and are left out. Linear in words after one sort, times the number of deals (2 to 8).

    Args:
        words: Rare words, one an occurrence, `(n_words,)`; any integers below 2^31 in size.
        piece: Piece of each word, `(n_words,)`, numbered 0...n_pieces-1.
        hand: Hand of each piece, `(n_pieces,)`, numbered 0...n_hands-1. The caller's order of pieces seeds the dealing.
        owner: Owner of each piece, `(n_pieces,)`; two pieces of one owner are never dealt to one hand.

    References:
        docs/research.md, 3.1. Ours: the dealt null, exposure counted in words and not in pieces (long pieces share more), loud
        hands held down, and trimming that grows with the hand (none below four pieces, three words from twelve).

    >>> own = np.repeat(np.arange(20), 3)                       # 20 owners of three pieces, each with its own two words
    >>> words = np.stack([own * 10, own * 10 + 1, 1000 + np.arange(60)], 1).ravel()
    >>> bool(persistence(words, np.repeat(np.arange(60), 3), own, own).log_ratio > 2)
    True
    """
    sizes = np.bincount(hand)
    if hand.size == 0 or words.size == 0 or (sizes >= 2).sum() < 2:
        return NOTHING
    postings = _postings(words, piece, hand.size)
    trims = np.minimum(sizes // 4, TRIM_WORDS)
    n_deals = int(np.clip(DEALS // hand.size, 2, MAX_DEALS))
    order = np.argsort(hand, kind="stable")
    deals = []
    for number in range(n_deals):
        deals.append(np.empty_like(hand))
        deals[-1][_deal(owner, sizes, number)] = hand[order]
    limit, trim = _limit(postings, deals[0], trims)
    plain, trimmed, chance = _tally(*postings, hand, trims, limit)
    tallies = [_tally(*postings, deal, trims, limit) for deal in deals]
    seen = _sum(trimmed if trim else plain, chance)
    dealt = [_sum(t[1] if trim else t[0], t[2]) for t in tallies]
    repeats, exposure = sum(d[0] for d in dealt), sum(d[1] for d in dealt)
    if seen[1] <= 0 or exposure <= 0:
        return NOTHING
    spread = float(np.mean([d[2] for d in dealt if np.isfinite(d[2])]))  # a deal in which no hand could repeat has none
    variance = seen[2] + max(
        1 / (repeats + 0.5 * n_deals), spread / min(n_deals, 4)
    )  # deals share their words: never worth over four
    # half a repeat for each deal: half a repeat for all would read no repeats anywhere as a ratio of n_deals
    log_ratio = np.log((seen[0] + 0.5) / seen[1]) - np.log((repeats + 0.5 * n_deals) / exposure)
    able = sizes[sizes >= 2]
    expected = repeats / exposure * seen[1]
    return Persistence(float(log_ratio), float(np.sqrt(variance)), seen[0], expected, able.size, int(able.sum()))


def _sum(repeats: NDArray[np.float64], chance: NDArray[np.float64]) -> tuple[float, float, float]:
    """Repeats with loud hands held down, chances, and the variance of ln(repeats): Poisson, or the spread between hands."""
    able = chance > 0
    if not able.any():
        return 0.0, 0.0, float("inf")
    weight = np.minimum(1.0, _upper(chance[able], LARGE_HANDS) / chance[able])
    exposure = chance[able] * weight
    repeats = repeats[able] * weight
    held = np.minimum(repeats, max(_upper(repeats, LOUD_HANDS), LOUD_REPEATS))
    total, possible = float(held.sum()), float(exposure.sum())
    clustered = float(((held - total / possible * exposure) ** 2).sum()) / (total + 0.5) ** 2
    return total, possible, max(1 / (total + 0.5), clustered)


def _upper(values: NDArray[np.float64], share: float) -> float:
    """The value that this share of values exceeds."""
    place = int((1 - share) * (values.size - 1))
    return float(np.partition(values, place)[place])


def _limit(postings: _Postings, deal: NDArray[np.int64], trims: NDArray[np.int64]) -> tuple[int, bool]:
    """
    Hands that may hold a word, and whether to trim.

    As few hands as give enough repeats in a deal after trimming, and never so many that the word is the group's wording;
    where no limit leaves enough after trimming, as few as give enough without.
    """
    most = max(TEMPLATE_HANDS, int(TEMPLATE_SHARE * trims.size))
    limits = [TEMPLATE_HANDS]
    while limits[-1] < most:
        limits.append(min(2 * limits[-1], most))
    tallies = []
    for limit in limits:
        tallies.append(_tally(*postings, deal, trims, limit))
        if tallies[-1][1].sum() >= ENOUGH_REPEATS:
            return limit, True
    if tallies[-1][1].sum() >= TRIM_NEEDS:
        return most, True
    return next((n for n, t in zip(limits, tallies, strict=True) if t[0].sum() >= ENOUGH_REPEATS), most), False


def _postings(words: NDArray[np.int64], piece: NDArray[np.int64], n_pieces: int) -> _Postings:
    """Pieces that hold each word of two pieces or more (CSR), and the count of words that no other piece holds."""
    packed = np.unique((words.astype(np.int64) << 32) | piece)
    word, holder = packed >> 32, packed & 0xFFFFFFFF
    starts = np.flatnonzero(np.diff(word, prepend=word[0] - 1))
    lengths = np.diff(starts, append=word.size)
    alone = np.bincount(holder[starts[lengths == 1]], minlength=n_pieces)
    shared = np.repeat(lengths >= 2, lengths)
    pointers = np.concatenate([[0], np.cumsum(lengths[lengths >= 2])])
    return pointers, holder[shared], alone


@njit(cache=True, nogil=True)
def _tally(
    pointers: NDArray[np.int64],
    holders: NDArray[np.int64],
    alone: NDArray[np.int64],
    hand: NDArray[np.int64],
    trims: NDArray[np.int64],
    limit: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """A hand's pairs of pieces that share a word, the same without its most repeated words, and its pairs of words."""
    n_hands = trims.size
    repeats = np.zeros(n_hands)
    top = np.zeros((n_hands, TRIM_WORDS))
    size = alone.astype(np.float64)
    longest = 0
    for t in range(pointers.size - 1):
        longest = max(longest, pointers[t + 1] - pointers[t])
    held = np.empty(longest, np.int64)
    for t in range(pointers.size - 1):
        low, high = pointers[t], pointers[t + 1]
        n = high - low
        for i in range(n):
            held[i] = hand[holders[low + i]]
        ordered = np.sort(held[:n])
        distinct = 1
        for i in range(1, n):
            if ordered[i] != ordered[i - 1]:
                distinct += 1
        if distinct > limit:
            continue
        for i in range(n):
            size[holders[low + i]] += 1.0
        run = 1
        for i in range(1, n + 1):
            if i < n and ordered[i] == ordered[i - 1]:
                run += 1
                continue
            if run >= 2:
                _count(repeats, top, ordered[i - 1], run * (run - 1) / 2.0)
            run = 1
    total = np.zeros(n_hands)
    squares = np.zeros(n_hands)
    for p in range(hand.size):
        total[hand[p]] += size[p]
        squares[hand[p]] += size[p] * size[p]
    trimmed = repeats.copy()
    for h in range(n_hands):
        for k in range(trims[h]):
            trimmed[h] -= top[h, k]
    return repeats, trimmed, (total * total - squares) / 2.0


@njit(cache=True, nogil=True)
def _count(repeats: NDArray[np.float64], top: NDArray[np.float64], h: int, pairs: float) -> None:
    repeats[h] += pairs
    for k in range(TRIM_WORDS):
        if pairs > top[h, k]:
            pairs, top[h, k] = top[h, k], pairs


@njit(cache=True, nogil=True)
def _deal(owner: NDArray[np.int64], sizes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Pieces in dealt order: hand after hand, no hand with two pieces of one owner as far as eight tries can help it."""
    np.random.seed(seed)
    cards = np.random.permutation(owner.size)
    start = 0
    for h in range(sizes.size):
        for i in range(start, start + sizes[h]):
            for _ in range(8):
                clash = False
                for j in range(start, i):
                    if owner[cards[j]] == owner[cards[i]]:
                        clash = True
                        break
                if not clash or i + 1 >= owner.size:
                    break
                other = np.random.randint(i + 1, owner.size)
                cards[i], cards[other] = cards[other], cards[i]
        start += sizes[h]
    return cards
