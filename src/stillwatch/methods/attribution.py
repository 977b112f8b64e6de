"""
Which exchanges of which accounts belong to a campaign: a two-component mixture over what each exchange carries.

Every exchange has one token of each kind (its recipe, its configuration, its network). Inside the campaign tokens follow
f_C, elsewhere f_B; an account sends a share pi of campaign exchanges and the rest is its cover.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KIND_CAP_BITS = 10.0  # no single kind of token may decide alone: 2^10 is one in a thousand either way
PRIOR_SHARE = 0.5  # Beta prior of an account's share of campaign exchanges: two pseudo-exchanges
PRIOR_WEIGHT = 2.0
SMOOTHING = 0.5  # Jeffreys
FOREIGN_SHARE = 0.02  # of a campaign's exchanges may carry tokens like anyone's: floors the ratio at -log2(51) bits


@dataclass(frozen=True, slots=True)
class Mixture:
    """
    A fitted mixture.

    Args:
        responsibility: (n_exchanges,) probability that the exchange is a campaign one, 0…1.
        share: (n_accounts,) share of the account's exchanges that are, 0…1.
        gain_bits: (n_accounts,) log2 likelihood of the account's exchanges as a mixture over that as background alone.
        ratio_bits: one (n_tokens of the kind,) array a kind: log2 f_C / f_B, capped.
    """

    responsibility: Floats
    share: Floats
    gain_bits: Floats
    ratio_bits: tuple[Floats, ...]


def fit(
    tokens: Ints, account: Ints, start: Floats, background: tuple[Floats, ...], n_background: float, rounds: int = 6
) -> Mixture:
    """
    Expectation-maximisation from a first guess.

    Args:
        tokens: (n_exchanges, n_kinds) number of the exchange's token within its kind.
        account: (n_exchanges,) number of its account, from 0.
        start: (n_exchanges,) first responsibilities: 1 for exchanges that the group was found by, else 0.
        background: one (n_tokens,) array a kind: how often the rest of the log carries the token.
        n_background: Exchanges of the rest of the log.
        rounds: EM rounds; it settles in four.

    References:
        McLachlan and Peel, Finite Mixture Models (2000), section 2; the cap a kind is ours.
    """
    n_accounts = int(account.max(initial=-1)) + 1
    responsibility = start.astype(np.float64)
    sizes = np.bincount(account, minlength=n_accounts)
    for _ in range(rounds):
        ratios = tuple(
            _ratio_bits(np.bincount(tokens[:, k], responsibility, len(background[k])), background[k], n_background)
            for k in range(tokens.shape[1])
        )
        evidence = sum((ratios[k][tokens[:, k]] for k in range(tokens.shape[1])), np.zeros(len(account)))
        harvested = np.bincount(account, responsibility, n_accounts)
        share = (harvested + PRIOR_SHARE * PRIOR_WEIGHT) / (sizes + PRIOR_WEIGHT)
        odds = share[account] / (1.0 - share[account]) * np.exp2(evidence)
        responsibility = odds / (1.0 + odds)
    gain = np.bincount(account, np.log2(1.0 - share[account] + share[account] * np.exp2(evidence)), n_accounts)
    shares = np.bincount(account, responsibility, n_accounts) / np.maximum(sizes, 1)
    return Mixture(responsibility, shares, gain, ratios)


def _ratio_bits(inside: Floats, outside: Floats, n_outside: float) -> Floats:
    """log2 of smoothed shares; a token seen nowhere outside is capped, not infinite."""
    f_b = (outside + SMOOTHING) / (n_outside + 1.0)
    foreign = max(1.0, FOREIGN_SHARE * float(inside.sum()))
    f_c = (inside + foreign * f_b) / (inside.sum() + foreign)
    return np.clip(np.log2(f_c / f_b), -KIND_CAP_BITS, KIND_CAP_BITS)
