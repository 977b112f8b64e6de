"""Counts of successes whose rate itself varies from group to group: the beta-binomial, and a weight of evidence from it."""

import numpy as np
from scipy.special import betaln, gammaln


def log_betabinomial(k: int, n: int, mean: float, dispersion: float) -> float:
    """
    ln P(k of n) where the rate is Beta-distributed with this mean and intra-class correlation.

    Args:
        k: Successes, 0...n.
        n: Trials.
        mean: Mean rate, strictly between 0 and 1.
        dispersion: Correlation of two trials of one group, strictly between 0 and 1; near 0 is the plain binomial.

    Raises:
        ValueError: a parameter is out of range.

    References:
        Griffiths (1973), Biometrics 29: the parametrisation by mean and correlation.

    >>> round(float(sum(np.exp(log_betabinomial(k, 7, 0.3, 0.1)) for k in range(8))), 9)
    1.0
    """
    if not (0 <= k <= n and 0 < mean < 1 and 0 < dispersion < 1):
        raise ValueError(f"no beta-binomial with k={k}, n={n}, mean={mean}, dispersion={dispersion}")
    a, b = mean * (1 - dispersion) / dispersion, (1 - mean) * (1 - dispersion) / dispersion
    choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return float(choose + betaln(k + a, n - k + b) - betaln(a, b))


def excess_bits(k: int, n: int, mean: float, dispersion: float, reach: float, stray: float) -> float:
    """
    log2 of the chance of k of n in a campaign over that in ordinary traffic.

    Ordinary groups follow the beta-binomial, but a share `stray` of them does what campaigns do (an evaluation team on
    release day, an office behind one address). A share `reach` of campaigns shows the behaviour, with any rate (uniform)
    above the ordinary one; the others look ordinary. So the weight lies between log2(1 - reach) and log2(reach / stray).

    Args:
        k: Units that show the behaviour.
        n: Units.
        mean: Ordinary rate.
        dispersion: Ordinary intra-class correlation.
        reach: Share of campaigns that show it, 0...1.
        stray: Share of ordinary groups that show it just like a campaign, 0...1.

    >>> excess_bits(45, 50, 0.06, 0.03, 0.5, 0.01) > 5
    True
    >>> -1.0 <= excess_bits(3, 50, 0.06, 0.03, 0.5, 0.01) < 0
    True
    """
    if n == 0:
        return 0.0
    k = max(k, int(n * mean))  # fewer than usual is as ordinary as usual
    ordinary = log_betabinomial(k, n, mean, dispersion)
    striking = log_betabinomial(k, n, 0.5, 1 / 3)  # Beta(1, 1): every share alike
    campaign = np.logaddexp(np.log(reach) + striking, np.log1p(-reach) + ordinary)
    background = np.logaddexp(np.log(stray) + striking, np.log1p(-stray) + ordinary)
    return float((campaign - background) / np.log(2))
