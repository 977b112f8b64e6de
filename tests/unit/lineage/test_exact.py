"""T1 and T2 of a symmetry."""

import numpy as np
import pytest

from stillwatch.lineage.exact import rows
from stillwatch.lineage.features import Pair


def similar(seed: int, n: int, likeness: float) -> np.ndarray:
    """Noise, with some likeness of units in the same place."""
    return (np.random.default_rng(seed).normal(size=(n, n)) + likeness * np.eye(n)).astype(np.float32)


def test_blocks_of_one_symmetry_add_up() -> None:
    """
    Fixed points, traces and moments are summed over blocks; shares are told a layer.
    """
    found = [Pair("neurons", i, "", similar(i, 30, 9.0)) for i in range(3)] + [Pair("heads", 0, "", similar(9, 4, 0.0))]

    told = rows(found, 199, 1)

    assert [row.kind for row in told] == ["neurons", "heads"]
    assert told[0].sizes == [30, 30, 30]
    assert told[0].n_fixed == 90
    assert told[0].by_layer() == {0: 1.0, 1: 1.0, 2: 1.0}
    assert told[0].trace == pytest.approx(sum(np.trace(p.similarity) for p in found[:3]), rel=1e-5)
    assert told[0].matching_log10_p < -90
    assert told[0].trace_p == 1 / 200


def test_a_faint_likeness_shows_in_the_trace_alone() -> None:
    """
    T1 sees what is too faint for single units to be matched.
    """
    row = rows([Pair("neurons", i, "", similar(i, 60, 0.1)) for i in range(80)], 999, 1)[0]

    assert row.z > 6
    assert row.trace_p == 0.001
    assert row.matching_log10_p > row.trace_p - 3


def test_likeness_that_is_nowhere_gives_no_standard_score() -> None:
    """
    Units without any feature have no variance, and p 1.
    """
    row = rows([Pair("neurons", 0, "", np.zeros((5, 5), dtype=np.float32))], 99, 1)[0]

    assert (row.z, row.trace_p) == (0.0, 1.0)


def test_p_values_are_spread_inside_their_steps() -> None:
    """
    Two heads are one coin flip: spread p-values fall anywhere in the half of the interval that the coin names.
    """
    rng = np.random.default_rng(1)
    kept, turned = (
        rows([Pair("KV heads", 0, "", like)], 999, 1)[0]
        for like in (np.eye(2, dtype=np.float32), 1 - np.eye(2, dtype=np.float32))
    )

    spread = np.array([[row.spread(rng) for _ in range(50)] for row in (kept, turned)])

    assert (spread[0] < 0.55).all()
    assert (spread[1] > 0.45).all()
    assert spread.std(axis=1).min() > 0.1


def test_the_seed_fixes_the_draws() -> None:
    """
    The same seed gives the same Monte Carlo p.
    """
    found = [Pair("neurons", 0, "", similar(1, 20, 0.2))]

    assert np.array_equal(rows(found, 99, 7)[0].draws, rows(found, 99, 7)[0].draws)
    assert not np.array_equal(rows(found, 99, 7)[0].draws, rows(found, 99, 8)[0].draws)
