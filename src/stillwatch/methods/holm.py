"""Holm's step-down correction, in logarithms because lineage p-values underflow."""

import math
from collections.abc import Sequence


def holm_log10(log10_p: Sequence[float]) -> list[float]:
    """
    Adjusted log10 p-values, in the order given; controls the family-wise error under any dependence.

    Args:
        log10_p: One value a hypothesis, each at most 0.

    References:
        Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).

    >>> [round(10 ** p, 3) for p in holm_log10([-2.0, math.log10(0.04), math.log10(0.03)])]
    [0.03, 0.06, 0.06]
    """
    if any(not p <= 0.0 for p in log10_p):
        raise ValueError("log10 p must be at most 0")
    adjusted = [0.0] * len(log10_p)
    running = -math.inf
    for rank, i in enumerate(sorted(range(len(log10_p)), key=lambda i: log10_p[i])):
        running = max(running, min(0.0, log10_p[i] + math.log10(len(log10_p) - rank)))
        adjusted[i] = running
    return adjusted
