"""How the level of a test is measured: uniformity by Kolmogorov and Smirnov, and shares of p-values below the usual levels."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom, kstest

LEVELS = (0.05, 0.01)


def level(p: Sequence[float]) -> dict[str, float | int]:
    """KS p against uniform, and for each level the share of p-values below it, beside its band of 99.9 %."""
    told: dict[str, float | int] = {"n": len(p), "ks_p": float(kstest(p, "uniform").pvalue)}
    for at in LEVELS:
        name = f"below_{round(100 * at):02d}"
        low, high = (float(binom.ppf(q, len(p), at)) / len(p) for q in (0.0005, 0.9995))
        told |= {name: float((np.array(p) < at).mean()), f"{name}_low": low, f"{name}_high": high}
    return told
