"""
Which exchanges of which accounts belong to a campaign: a two-component mixture over what each exchange carries.

Every exchange has one token of each kind (its recipe, its configuration, its network). Inside the campaign tokens follow
f_C. Whether an *account* is a member is judged against f_B, the rest of the log; which of a member's *exchanges* are the
campaign's is judged against what that account does otherwise, so that a client or a network which it uses for everything
tells its cover from its harvest no better than it should.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stillwatch.methods.numbering import ranked

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KIND_CAP_BITS = 10.0  # no single kind of token may decide alone: 2^10 is one in a thousand either way
PRIOR_SHARE = 0.5  # Beta prior of an account's share of campaign exchanges: two pseudo-exchanges
PRIOR_WEIGHT = 2.0
SMOOTHING = 0.5  # Jeffreys
FOREIGN_SHARE = 0.02  # of a campaign's exchanges may carry tokens like anyone's: floors the ratio at -log2(51) bits
OWN_WEIGHT = 2.0  # exchanges' worth of the rest of the log in an account's own background
OWN_HABIT = 0.5  # chance that a campaign exchange goes out with the account's own client or network and not the campaign's
REPEATS = 3  # uses of one token by one account that count: exchanges of one account are not independent


@dataclass(frozen=True, slots=True)
class Mixture:
    """
    A fitted mixture.

    Args:
        responsibility: (n_exchanges,) probability that the exchange is a campaign one, 0…1.
        share: (n_accounts,) share of the account's exchanges that are, 0…1.
        gain_bits: (n_accounts,) log2 likelihood ratio member : not, each token counted at most three times.
        token_bits: (n_exchanges, n_kinds) log2 f_C / f_B of the exchange's tokens, its own account left out of f_C; capped.
    """

    responsibility: Floats
    share: Floats
    gain_bits: Floats
    token_bits: Floats


def fit(
    tokens: Ints, account: Ints, start: Floats, background: tuple[Floats, ...], n_background: float, rounds: int = 6
) -> Mixture:
    """
    Expectation-maximisation from a first guess.

    Args:
        tokens: (n_exchanges, n_kinds) number of the exchange's token within its kind; the first kind is what was asked, and may
            differ between any two exchanges, the others are habits of an account.
        account: (n_exchanges,) number of its account, from 0.
        start: (n_exchanges,) first responsibilities: 1 for exchanges that the group was found by, else 0.
        background: one (n_tokens,) array a kind: how often the rest of the log carries the token.
        n_background: Exchanges of the rest of the log.
        rounds: EM rounds; it settles in four.

    References:
        McLachlan and Peel, Finite Mixture Models (2000), section 2. Ours: the cap a kind, the account's own background.
    """
    kinds = [
        _Kind.of(tokens[:, k], account, counts, n_background, start=start, habit=k > 0) for k, counts in enumerate(background)
    ]
    responsibility = start.astype(np.float64)
    sizes = np.bincount(account)
    share = np.zeros(len(sizes))
    for _ in range(rounds):
        evidence = np.sum([kind.exchange_bits(responsibility) for kind in kinds], axis=0)
        harvested = np.bincount(account, responsibility)
        share = (harvested + PRIOR_SHARE * PRIOR_WEIGHT) / (sizes + PRIOR_WEIGHT)
        odds = share[account] / (1.0 - share[account]) * np.exp2(evidence)
        responsibility = odds / (1.0 + odds)
    gain = np.sum([kind.account_bits(responsibility) for kind in kinds], axis=0)
    shares = np.bincount(account, responsibility) / np.maximum(sizes, 1)
    return Mixture(responsibility, shares, gain, np.column_stack([kind.token_bits(responsibility) for kind in kinds]))


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
        habit: An account's habit, not what was asked.
    """

    place: Ints
    account: Ints
    token: Ints
    counts: Floats
    n_background: float
    start: Floats
    habit: bool

    @classmethod
    def of(cls, token: Ints, account: Ints, counts: Floats, n_background: float, start: Floats, habit: bool) -> Self:
        """Number the pairs."""
        pair, place = ranked(account * len(counts) + token)
        used = np.bincount(place, start, len(pair)).astype(np.float64)
        return cls(place, pair // len(counts), pair % len(counts), counts, n_background, used, habit)

    def _uses(self, weight: Floats) -> Floats:
        return np.bincount(self.place, weight, len(self.token)).astype(np.float64)

    def _learned(self, responsibility: Floats) -> Floats:
        """Uses that teach the campaign's law. What asks nothing in common (token 0) teaches only as it did at the start:
        else the law would drift, round by round, towards the members' ordinary traffic."""
        uses = self._uses(responsibility)
        return uses if self.habit else np.where(self.token == 0, self.start, uses)

    def _laws(self, responsibility: Floats) -> tuple[Floats, Floats]:
        """Of each pair: f_C without the pair's account, and f_B with its uses."""
        uses = self._uses(responsibility)
        held = np.minimum(self._learned(responsibility), REPEATS)
        others = np.bincount(self.token, held, len(self.counts))[self.token] - held
        total = held.sum() - np.bincount(self.account, held)[self.account]
        law = (self.counts[self.token] + SMOOTHING) / (self.n_background + 1.0)
        foreign = np.maximum(1.0, FOREIGN_SHARE * total)
        with_own = (self.counts[self.token] + uses + SMOOTHING) / (
            self.n_background + np.bincount(self.account, uses)[self.account] + 1.0
        )
        return (others + foreign * law) / (total + foreign), with_own

    def exchange_bits(self, responsibility: Floats) -> Floats:
        """log2 of how much better the campaign explains each exchange than the account's other traffic does."""
        inside, outside = self._laws(responsibility)
        if not self.habit:
            return _bits(inside, outside)[self.place]
        rest = self._uses(1.0 - responsibility)
        total = np.bincount(self.account, rest)[self.account]
        everything = self._uses(np.ones(len(responsibility)))
        usual = everything / np.bincount(self.account, everything)[self.account]
        own = (rest + OWN_WEIGHT * usual) / (total + OWN_WEIGHT)
        return _bits((1.0 - OWN_HABIT) * inside + OWN_HABIT * usual, own)[self.place]

    def account_bits(self, responsibility: Floats) -> Floats:
        """Bits of membership: of each distinct token of the attributed exchanges its ratio; a habit counts once, and only for."""
        inside, outside = self._laws(responsibility)
        uses = np.minimum(self._uses(responsibility), 1.0 if self.habit else REPEATS)
        bits = _bits(inside, outside)
        return np.bincount(self.account, uses * (np.maximum(bits, 0.0) if self.habit else bits)).astype(np.float64)

    def token_bits(self, responsibility: Floats) -> Floats:
        """(n_exchanges,) log2 f_C / f_B of each exchange's token."""
        return _bits(*self._laws(responsibility))[self.place]


def _bits(f_c: Floats, f_b: Floats) -> Floats:
    return np.clip(np.log2(f_c / f_b), -KIND_CAP_BITS, KIND_CAP_BITS)
