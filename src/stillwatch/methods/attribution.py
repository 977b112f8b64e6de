"""
Which exchanges of which accounts belong to a campaign: a two-component mixture over what each exchange carries.

Every exchange has one token of each kind (its recipe, its configuration, its network). Inside the campaign tokens follow
f_C. Whether an *account* is a member is judged against f_B, the rest of the log; which of a member's *exchanges* are the
campaign's is judged against what that account does otherwise, so that a client or a network which it uses for everything
tells its cover from its harvest no better than it should.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numba
import numpy as np
import numpy.typing as npt

from stillwatch.methods.cores import available_cores

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

KIND_CAP_BITS = 10.0  # no single kind of token may decide alone: 2^10 is one in a thousand either way
PRIOR_SHARE = 0.5  # Beta prior of an account's share of campaign exchanges: two pseudo-exchanges
PRIOR_WEIGHT = 2.0
SMOOTHING = 0.5  # Jeffreys
FOREIGN_SHARE = 0.02  # of a campaign's exchanges may carry tokens like anyone's: floors the ratio at -log2(51) bits
OWN_WEIGHT = 2.0  # exchanges' worth of the rest of the log in an account's own background
OWN_HABIT = 0.5  # chance that a campaign exchange goes out with the account's own client or network and not the campaign's
REPEATS = 3  # uses of one token by one account that count: exchanges of one account are not independent


_PART = 1 << 20  # exchanges looked at at once, to need room for no more


@dataclass(frozen=True, slots=True)
class Mixture:
    """
    A fitted mixture.

    Args:
        responsibility: (n_exchanges,) probability that the exchange is a campaign one, 0…1.
        share: (n_accounts,) share of the account's exchanges that are, 0…1.
        gain_bits: (n_accounts,) log2 likelihood ratio member : not, each token counted at most three times.
        pair_bits: Of each kind (n_pairs,) log2 f_C / f_B of the (account, token) pairs, the account left out of f_C; capped.
        pair: Of each kind (n_exchanges,) the pair of each exchange.
    """

    responsibility: Floats
    share: Floats
    gain_bits: Floats
    pair_bits: tuple[Floats, ...]
    pair: tuple[Places, ...]

    def token_bits(self, kind: int) -> Floats:
        """(n_exchanges,) log2 f_C / f_B of the exchange's token of a kind."""
        return self.pair_bits[kind][self.pair[kind]]


def fit(
    tokens: tuple[Places, ...],
    account: Places,
    start: Floats,
    background: tuple[Floats, ...],
    n_background: float,
    rounds: int = 6,
) -> Mixture:
    """
    Expectation-maximisation from a first guess. Works on (account, token) pairs; of an exchange little more than these is held.

    Args:
        tokens: Of each kind (n_exchanges,) number of the exchange's token; the first kind is what was asked, and may differ
            between any two exchanges, the others are habits of an account.
        account: (n_exchanges,) number of its account, from 0, ascending.
        start: (n_exchanges,) first responsibilities: 1 for exchanges that the group was found by, else 0.
        background: Of each kind (n_tokens,) how often the rest of the log carries the token.
        n_background: Exchanges of the rest of the log.
        rounds: EM rounds; it settles in four.

    References:
        McLachlan and Peel, Finite Mixture Models (2000), section 2. Ours: the cap a kind, the account's own background.
    """
    kinds = [
        _Kind.of(token, account, counts, n_background, start=start, habit=k > 0)
        for k, (token, counts) in enumerate(zip(tokens, background, strict=True))
    ]
    responsibility = start.astype(np.float64)
    sizes = np.bincount(account)
    share = np.zeros(len(sizes))
    with ThreadPoolExecutor(available_cores()) as pool:  # a kind each: NumPy computes without the interpreter's lock
        for _ in range(rounds):
            bits = list(pool.map(lambda kind: kind.exchange_bits(responsibility), kinds))
            share = (_summed(account, responsibility, len(sizes)) + PRIOR_SHARE * PRIOR_WEIGHT) / (sizes + PRIOR_WEIGHT)
            odds = share / (1.0 - share)
            for at in range(0, len(account), _PART):
                here = slice(at, at + _PART)
                evidence = np.sum([b[kind.place[here]] for b, kind in zip(bits, kinds, strict=True)], axis=0)
                ratio = odds[account[here]] * np.exp2(evidence)
                responsibility[here] = ratio / (1.0 + ratio)
        weighed = list(pool.map(lambda kind: kind.account_bits(responsibility), kinds))
    gain = np.sum([of_accounts for of_accounts, _ in weighed], axis=0)
    shares = _summed(account, responsibility, len(sizes)) / np.maximum(sizes, 1)
    return Mixture(responsibility, shares, gain, tuple(bits for _, bits in weighed), tuple(kind.place for kind in kinds))


@dataclass(frozen=True, slots=True)
class _Kind:
    """
    One kind of token.

    The campaign's law is learned from the *other* accounts' exchanges, at most three uses a token and account, and an
    account's own uses are added to its background: nobody is a member for being like himself.

    Args:
        place: (n_exchanges,) number of the exchange's (account, token) pair.
        account, token: (n_pairs,) of each pair.
        counts: (n_tokens,) uses in the rest of the log.
        n_background: Exchanges of the rest of the log.
        start: (n_pairs,) uses among the exchanges that the group was found by.
        everything: (n_pairs,) uses.
        habit: An account's habit, not what was asked.
    """

    place: Places
    account: Places
    token: Places
    counts: Floats
    n_background: float
    start: Floats
    everything: Floats
    habit: bool

    @classmethod
    def of(cls, token: Places, account: Places, counts: Floats, n_background: float, start: Floats, habit: bool) -> Self:
        """Number the pairs."""
        place, owner, carried = _paired(account.astype(np.int32), token.astype(np.int32))
        used, everything = _summed(place, start, len(owner)), np.bincount(place, minlength=len(owner)).astype(np.float64)
        return cls(place, owner, carried, counts, n_background, used, everything, habit)

    def _uses(self, weight: Floats) -> Floats:
        return _summed(self.place, weight, len(self.token))

    def _learned(self, uses: Floats) -> Floats:
        """Uses that teach the campaign's law. What asks nothing in common (token 0) teaches only as it did at the start:
        else the law would drift, round by round, towards the members' ordinary traffic."""
        return uses if self.habit else np.where(self.token == 0, self.start, uses)

    def _laws(self, responsibility: Floats) -> tuple[Floats, Floats]:
        """Of each pair: f_C without the pair's account, and f_B with its uses."""
        uses = self._uses(responsibility)
        held = np.minimum(self._learned(uses), REPEATS)
        others = np.bincount(self.token, held, len(self.counts))[self.token] - held
        total = held.sum() - np.bincount(self.account, held)[self.account]
        law = (self.counts[self.token] + SMOOTHING) / (self.n_background + 1.0)
        foreign = np.maximum(1.0, FOREIGN_SHARE * total)
        with_own = (self.counts[self.token] + uses + SMOOTHING) / (
            self.n_background + np.bincount(self.account, uses)[self.account] + 1.0
        )
        return (others + foreign * law) / (total + foreign), with_own

    def exchange_bits(self, responsibility: Floats) -> Floats:
        """(n_pairs,) log2 of how much better the campaign explains such an exchange than the account's other traffic does."""
        inside, outside = self._laws(responsibility)
        if not self.habit:
            return _bits(inside, outside)
        rest = self._uses(1.0 - responsibility)
        total = np.bincount(self.account, rest)[self.account]
        usual = self.everything / np.bincount(self.account, self.everything)[self.account]
        own = (rest + OWN_WEIGHT * usual) / (total + OWN_WEIGHT)
        return _bits((1.0 - OWN_HABIT) * inside + OWN_HABIT * usual, own)

    def account_bits(self, responsibility: Floats) -> tuple[Floats, Floats]:
        """
        (n_accounts,) bits of membership, and (n_pairs,) log2 f_C / f_B of each token, its account left out of f_C.

        Of each distinct token of the attributed exchanges its ratio; a habit counts once, and only for.
        """
        bits = _bits(*self._laws(responsibility))
        uses = np.minimum(self._uses(responsibility), 1.0 if self.habit else REPEATS)
        return np.bincount(self.account, uses * (np.maximum(bits, 0.0) if self.habit else bits)).astype(np.float64), bits


def _bits(f_c: Floats, f_b: Floats) -> Floats:
    return np.clip(np.log2(f_c / f_b), -KIND_CAP_BITS, KIND_CAP_BITS)


@numba.njit(cache=True, nogil=True)
def _paired(account: Places, token: Places) -> tuple[Places, Places, Places]:
    """
    (account, token) pairs, by account and then by token: the pair of each exchange, and account and token of each pair.

    Accounts ascend, so that each is looked at by itself.
    """
    place = np.empty(len(account), np.int32)
    owner, carried = np.empty(len(account), np.int32), np.empty(len(account), np.int32)
    n = begin = 0
    while begin < len(account):
        end = begin
        while end < len(account) and account[end] == account[begin]:
            end += 1
        first = n
        ascending = np.sort(token[begin:end])
        for i in range(len(ascending)):
            if i == 0 or ascending[i] != ascending[i - 1]:
                owner[n], carried[n] = account[begin], ascending[i]
                n += 1
        place[begin:end] = first + np.searchsorted(carried[first:n], token[begin:end])
        begin = end
    return place, owner[:n].copy(), carried[:n].copy()


@numba.njit(cache=True, nogil=True)
def _summed(number: Places, weight: Floats, n: int) -> Floats:
    """`numpy.bincount` with weights, without making the numbers wider."""
    out = np.zeros(n, np.float64)
    for i in range(len(number)):
        out[number[i]] += weight[i]
    return out
