"""Was this order shuffled? Held against everything known of the things that stand in it, exactly, as one question."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_RUNS = (8, 64)  # equal runs that the order is cut into; beside these, runs of four
_SHORT_RUN = 4
_A_COLUMN = 10  # values that a fitted column costs

Columns = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drift:
    """
    What an order follows.

    Args:
        p: Of the strongest of all questions, against shuffled orders; exact, all questions counted.
        strongest: Its name.
        correlations: Spearman's correlation of the order with each trait.
    """

    p: float
    strongest: str
    correlations: dict[str, float]


def drift(order: Columns, traits: dict[str, Columns], topics: Columns, shuffles: int, seed: int) -> Drift:
    """
    Hold an order against traits of the things in it.

    Asked is whether a trait rises or falls along the order, and whether things in the same run of the order (an eighth, a
    64th, four neighbours) are more alike, by traits and by topics, than in shuffled orders. Each question's statistic is
    standardised over the same shuffles, the largest is ranked among the largest of each: exact for a shuffled order, whatever
    the traits are, and with what they have in common taken into account.

    Args:
        order: `(n,)` places; equal ones are told apart at random.
        traits: `(n,)` numbers each.
        topics: `(n, k)` coordinates, of unit variance.
        shuffles: The p-value is never below 1 / (shuffles + 1).

    References:
        Largest of standardised statistics: Westfall and Young, "Resampling-based multiple testing", 1993.

    >>> rng = np.random.default_rng(1)
    >>> told = drift(np.arange(99.0), {"size": np.arange(99.0) ** 2}, rng.normal(size=(99, 3)), 199, seed=1)
    >>> told.p, round(told.correlations["size"], 3)
    (0.005, 1.0)
    """
    rng = np.random.default_rng(seed)
    n = len(order)
    table = np.stack([_standard(stats.rankdata(column)) for column in traits.values()], axis=1)
    groups = {"traits": table, "topics": topics} if topics.shape[1] else {"traits": table}
    cuts = {count: np.arange(count) * n // count for count in (*_RUNS, n // _SHORT_RUN) if 1 < count <= n // 2}
    names = [*traits, *(f"{name} in {count} runs" for name in groups for count in cuts)]
    line = _standard(np.arange(n, dtype=np.float64))
    asked = np.empty((shuffles + 1, len(names)))
    at = np.lexsort((rng.random(n), order))
    for row in range(shuffles + 1):
        placed = {name: columns[at] for name, columns in groups.items()}
        told = line @ placed["traits"] / n
        if row == 0:
            correlations = dict(zip(traits, (float(r) for r in told), strict=True))
        together = [float((np.add.reduceat(columns, cut) ** 2).sum()) for columns in placed.values() for cut in cuts.values()]
        asked[row] = [*np.abs(told), *together]
        at = rng.permutation(n)
    spread = asked.std(axis=0)
    scores = (asked - asked.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    largest = scores.max(axis=1)
    p = float((largest >= largest[0]).sum()) / (shuffles + 1)
    return Drift(p, names[int(scores[0].argmax())], correlations)


def unexplained(values: Columns, columns: Columns) -> Columns:
    """
    `(n,)` of values less what a linear fit on the columns explains; no more columns than a tenth of the values are used.

    The fit knows no order, so a test of the order on what is left is as exact as one on the values.

    Args:
        columns: `(n, k)`, the most telling first.

    >>> left = unexplained(np.arange(40.0) ** 2, np.stack([np.arange(40.0), np.ones(40)], axis=1))
    >>> bool(abs(np.corrcoef(left, np.arange(40.0))[0, 1]) < 1e-6)
    True
    """
    kept = columns[:, : max(0, len(values) // _A_COLUMN)]
    design = np.concatenate([np.ones((len(values), 1)), kept - kept.mean(axis=0)], axis=1)
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return np.asarray(values - fitted, dtype=np.float64)


def _standard(column: Columns) -> Columns:
    spread = float(column.std())
    return np.asarray((column - column.mean()) / spread if spread > 0 else np.zeros(len(column)), dtype=np.float64)
