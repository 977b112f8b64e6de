"""The smallest set around another, against a comparison of all pairs."""

import numpy as np
import pytest

from stillwatch.methods.enclosing import smallest_around


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_sets_around_are_those_of_a_comparison_of_all(seed: int, share: float) -> None:
    """Nested sets with some members exchanged, equal ones, strangers, and bounds that are met exactly."""
    random = np.random.default_rng(seed)
    whole = random.permutation(200)
    sets = [whole[: random.integers(1, 12) * 10] for _ in range(40)]
    sets += [np.unique(np.concatenate([s[random.random(len(s)) < 0.95], random.integers(0, 300, 4)])) for s in sets]
    sets += [random.choice(300, random.integers(1, 90), replace=False) for _ in range(40)]
    held = np.zeros((len(sets), 300), int)
    for row, members in zip(held, sets, strict=True):
        row[members] = 1
    common, sizes = held @ held.T, held.sum(1)
    expected = []
    for shared, size in zip(common, sizes, strict=True):
        around = np.flatnonzero((sizes > size) & (shared >= share * size))
        expected.append(int(around[np.argmin(sizes[around])]) if len(around) else -1)
    assert len(set(expected)) > 5

    found = smallest_around(np.concatenate(sets), np.concatenate(([0], np.cumsum(sizes))), 300, share)

    assert found.tolist() == expected
