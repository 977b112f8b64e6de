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

from stillwatch.methods.numbering import numbered
from stillwatch.methods.summing import pairwise_sum

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
    total, possible, spread = _held_down(repeats, chance)
    if not possible:
        return 0.0, 0.0, float("inf")
    return total, possible, max(1 / (total + 0.5), spread / (total + 0.5) ** 2)


@njit(cache=True, nogil=True)
def _held_down(repeats: NDArray[np.float64], chance: NDArray[np.float64]) -> tuple[float, float, float]:
    """Sums of repeats and chances over hands, and of the squares of what a hand repeats beyond its chances."""
    able = chance > 0
    n = able.sum()
    if n == 0:
        return 0.0, 0.0, 0.0
    repeats, exposure = repeats[able], chance[able]
    large = _upper(exposure, LARGE_HANDS)
    for h in range(n):
        weight = min(1.0, large / exposure[h])
        exposure[h] *= weight
        repeats[h] *= weight
    loud = max(_upper(repeats, LOUD_HANDS), LOUD_REPEATS)
    held = np.minimum(repeats, loud)
    total, possible = pairwise_sum(held), pairwise_sum(exposure)
    usual = total / possible
    for h in range(n):
        off = held[h] - usual * exposure[h]
        held[h] = off * off
    return total, possible, pairwise_sum(held)


@njit(cache=True, nogil=True)
def _upper(values: NDArray[np.float64], share: float) -> float:
    """The value that this share of values exceeds."""
    place = int((1 - share) * (values.size - 1))
    ordered: float = np.partition(values, place)[place]
    return ordered


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
    plain, trimmed = _repeats_by_limit(*postings[:2], deal, trims, np.array(limits))
    for limit, repeats in zip(limits, trimmed, strict=True):
        if repeats >= ENOUGH_REPEATS:
            return limit, True
    if trimmed[-1] >= TRIM_NEEDS:
        return most, True
    return next((n for n, repeats in zip(limits, plain, strict=True) if repeats >= ENOUGH_REPEATS), most), False


def _postings(words: NDArray[np.int64], piece: NDArray[np.int64], n_pieces: int) -> _Postings:
    """Pieces that hold each word of two pieces or more (CSR), and the count of words that no other piece holds."""
    if (piece[1:] < piece[:-1]).any():
        order = np.argsort(piece, kind="stable")
        words, piece = words[order], piece[order]
    return _held(*numbered(words), piece, n_pieces)


@njit(cache=True, nogil=True)
def _held(word: NDArray[np.int64], n_words: int, piece: NDArray[np.int64], n_pieces: int) -> _Postings:
    """Pieces in order of each word; a word's pieces come in their order because the words of a piece do."""
    last = np.full(n_words, -1, np.int64)
    starts = np.zeros(n_words + 1, np.int64)
    for i in range(len(word)):
        if last[word[i]] != piece[i]:
            last[word[i]] = piece[i]
            starts[word[i] + 1] += 1
    alone = np.zeros(n_pieces, np.int64)
    pointers = np.zeros(n_words + 1, np.int64)
    filled = np.full(n_words, -1, np.int64)
    n_shared, total = 0, 0
    for w in range(n_words):
        if starts[w + 1] == 1:
            alone[last[w]] += 1
        else:
            filled[w] = total
            total += starts[w + 1]
            n_shared += 1
            pointers[n_shared] = total
    holders = np.empty(total, np.int64)
    last[:] = -1
    for i in range(len(word)):
        w = word[i]
        if filled[w] >= 0 and last[w] != piece[i]:
            last[w] = piece[i]
            holders[filled[w]] = piece[i]
            filled[w] += 1
    return pointers[: n_shared + 1], holders, alone


@njit(cache=True, nogil=True)
def _repeats_by_limit(
    pointers: NDArray[np.int64],
    holders: NDArray[np.int64],
    hand: NDArray[np.int64],
    trims: NDArray[np.int64],
    limits: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Repeats of all hands under each limit, and the same after trimming: the words of one limit are also those of the next."""
    n_words, most = pointers.size - 1, limits[-1]
    step = np.full(n_words, limits.size, np.int64)
    count, met = np.zeros(trims.size, np.int64), np.empty(most + 1, np.int64)
    for t in range(n_words):
        n_met = _met(holders[pointers[t] : pointers[t + 1]], hand, count, met, most)
        if n_met <= most:
            step[t] = np.searchsorted(limits, n_met)
        for k in range(n_met):
            count[met[k]] = 0
    plain, trimmed = np.zeros(limits.size), np.zeros(limits.size)
    repeats, top = np.zeros(trims.size), np.zeros((trims.size, TRIM_WORDS))
    for s in range(limits.size):
        for t in range(n_words):
            if step[t] == s:
                _add(holders[pointers[t] : pointers[t + 1]], hand, count, met, most, repeats, top)
        for h in range(trims.size):
            plain[s] += repeats[h]
            trimmed[s] += repeats[h]
            for k in range(trims[h]):
                trimmed[s] -= top[h, k]
    return plain, trimmed


@njit(cache=True, nogil=True)
def _met(holders: NDArray[np.int64], hand: NDArray[np.int64], count: NDArray[np.int64], met: NDArray[np.int64], most: int) -> int:
    """Hands that hold a word, in `met` with their number of pieces in `count`; `most` + 1 where they are more."""
    n_met = 0
    for holder in holders:
        h = hand[holder]
        if count[h] == 0:
            met[n_met] = h
            n_met += 1
            if n_met > most:
                count[h] = 1
                return n_met
        count[h] += 1
    return n_met


@njit(cache=True, nogil=True)
def _add(
    holders: NDArray[np.int64],
    hand: NDArray[np.int64],
    count: NDArray[np.int64],
    met: NDArray[np.int64],
    most: int,
    repeats: NDArray[np.float64],
    top: NDArray[np.float64],
) -> bool:
    """Count one word's repeats in each hand; False where more hands hold it than may. Leaves `count` at 0."""
    n_met = _met(holders, hand, count, met, most)
    for k in range(n_met):
        h = met[k]
        n = count[h]
        count[h] = 0
        if n >= 2 and n_met <= most:
            _count(repeats, top, h, n * (n - 1) / 2.0)
    return n_met <= most


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
    count, met = np.zeros(n_hands, np.int64), np.empty(limit + 1, np.int64)
    for t in range(pointers.size - 1):
        low, high = pointers[t], pointers[t + 1]
        if high - low == 2:  # as most words that are held at all
            a, b = holders[low], holders[low + 1]
            size[a] += 1.0
            size[b] += 1.0
            if hand[a] == hand[b]:
                _count(repeats, top, hand[a], 1.0)
        elif _add(holders[low:high], hand, count, met, limit, repeats, top):
            for i in range(low, high):
                size[holders[i]] += 1.0
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
