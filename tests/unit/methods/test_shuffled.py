"""Was this order shuffled?"""

import numpy as np
import pytest
from scipy import stats

from stillwatch.methods.shuffled import drift, unexplained


def things(n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Traits that have much in common, one of them nearly always 0, and topics."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(size=n)
    return {"size": size, "words": size + 0.1 * rng.normal(size=n), "rare": (rng.random(n) < 0.05) * 1.0}, rng.normal(size=(n, 4))


@pytest.mark.parametrize("n", [9, 80])
def test_shuffled_orders_are_level(n: int) -> None:
    """300 shuffled orders: p uniform, however the traits hang together; never below its level."""
    traits, topics = things(n, 1)

    p = [drift(np.random.default_rng(i).permutation(n).astype(float), traits, topics, 99, i).p for i in range(300)]

    assert stats.kstest(p, "uniform", alternative="greater").pvalue > 0.001
    for level in (0.02, 0.1, 0.3):
        assert sum(x <= level for x in p) <= stats.binom.ppf(0.9999, 300, level)


@pytest.mark.parametrize("kind", ["rising", "falling", "in the middle", "two topics", "runs of four"])
def test_what_an_order_follows_is_seen(kind: str) -> None:
    """Trends, humps, blocks and short runs."""
    rng = np.random.default_rng(2)
    traits, topics = things(200, 2)
    rank = stats.rankdata(traits["size"])
    order = {
        "rising": rank + 100 * rng.random(200),
        "falling": -rank + 100 * rng.random(200),
        "in the middle": np.where(rng.random(200) < 0.5, rank, -rank),
        "two topics": (topics[:, 0] > 0) + rng.random(200),
        "runs of four": rng.permutation(50)[np.argsort(np.argsort(topics[:, 0])) // 4].astype(float),
    }[kind]

    assert drift(order, traits, topics, 499, 1).p <= 0.01


def test_correlations_are_spearmans() -> None:
    """With their sign; equal places are told apart by chance, and things without topics are asked by their traits."""
    traits, _ = things(100, 3)

    told = drift(-traits["size"], traits, np.zeros((100, 0)), 99, 1)

    assert told.correlations["size"] == pytest.approx(-1.0)
    assert told.correlations["words"] == pytest.approx(-stats.spearmanr(traits["size"], traits["words"]).statistic)
    assert drift(np.zeros(100), traits, np.zeros((100, 0)), 99, 1).p > 0.01


def test_few_values_are_explained_by_few_columns() -> None:
    """A column a tenth of the values: nine values keep all they say but their mean."""
    rng = np.random.default_rng(4)
    columns, values = rng.normal(size=(25, 20)), rng.normal(size=25)

    few, more = unexplained(values[:9], columns[:9]), unexplained(values, columns)

    assert few == pytest.approx(values[:9] - values[:9].mean())
    assert more @ columns[:, :2] == pytest.approx(0.0, abs=1e-9)
    assert abs(more @ columns[:, 2]) > 1e-3
