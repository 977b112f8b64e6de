"""Shares of a merge by least squares."""

import numpy as np
import pytest

from stillwatch.methods.merging import Moments, explained, intervals, moments, weights


def merged(shares: list[float], noise: float, clusters: int = 12) -> list[Moments]:
    """Clusters of a merge of random bases."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(clusters):
        bases = rng.normal(size=(len(shares), 500)).astype(np.float32)
        suspect = np.array(shares) @ bases + rng.normal(size=500) * noise
        made.append(moments(suspect.astype(np.float32), bases))
    return made


def test_shares_of_a_noisy_merge_are_recovered() -> None:
    """
    Shares come back within 0.01, negative ones too, and their intervals hold them.
    """
    shares = [0.9, 0.4, -0.3]
    clusters = merged(shares, 0.1)

    found = weights(clusters)
    spread = intervals(clusters, 200, 0.95, np.random.default_rng(2))

    assert found == pytest.approx(shares, abs=0.01)
    assert found.sum() == pytest.approx(1.0)
    assert (spread[:, 0] < np.array(shares)).all()
    assert (spread[:, 1] > np.array(shares)).all()
    assert explained(clusters, found) == pytest.approx(1.0, abs=0.02)


def test_strangers_explain_nothing() -> None:
    """
    The best weighted sum of unrelated bases leaves more than the suspect's own energy.
    """
    rng = np.random.default_rng(3)
    strange = [moments(rng.normal(size=500).astype(np.float32), rng.normal(size=(2, 500)).astype(np.float32)) for _ in range(5)]

    assert explained(strange, weights(strange)) < 0.0


def test_equal_bases_share_alike() -> None:
    """
    Bases that cannot be told apart give finite shares that still sum to one.
    """
    base = np.ones(10, dtype=np.float32)

    found = weights([moments(base, np.stack([base, base]))])

    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1.0)
