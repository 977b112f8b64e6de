"""Nearness of sign sketches."""

import numpy as np
import numpy.typing as npt

from stillwatch.methods import nearness
from stillwatch.methods.postings import roots

Sketch = npt.NDArray[np.uint64]


def noisy(rng: np.random.Generator, centre: npt.NDArray[np.bool_], n: int, flipped: int) -> tuple[Sketch, Sketch]:
    """Sketches that differ from a centre in so many random bits each."""
    bits = np.repeat(centre[None], n, axis=0)
    for row in bits:
        row[rng.choice(128, flipped, replace=False)] ^= True
    return nearness.majorities(bits.astype(np.int32))


def strangers(rng: np.random.Generator, n: int) -> tuple[Sketch, Sketch]:
    """Random sketches."""
    return rng.integers(0, 2**64, n, dtype=np.uint64), rng.integers(0, 2**64, n, dtype=np.uint64)


def test_hamming_counts_bits_of_both_halves() -> None:
    """
    The distance is the number of differing bits.
    """
    one = np.uint64(1)

    assert nearness.hamming(one, one, one, one) == 0
    assert nearness.hamming(np.uint64(0b101), np.uint64(0), np.uint64(0b010), np.uint64(2**64 - 1)) == 67


def test_the_majority_of_noisy_sketches_is_their_centre() -> None:
    """
    Noise of each sketch cancels in the majority.
    """
    rng = np.random.default_rng(1)
    centre = rng.random(128) < 0.5
    high, low = noisy(rng, centre, 400, 30)
    signs = nearness.Signs(2)

    signs.add(high, low, np.where(np.arange(400) % 4 == 0, -1, 1))

    totals = signs.totals()
    assert not totals[0].any()
    assert nearness.majorities(totals)[0][1] == nearness.majorities(centre[None].astype(np.int32))[0][0]


def test_sums_of_signs_are_those_of_the_obvious_loop() -> None:
    """
    Of both halves or of the upper one, over several calls, with more sketches a cell than a byte can count.
    """
    rng = np.random.default_rng(2)
    (high, low), cell = strangers(rng, 2_000), np.where(rng.random(2_000) < 0.5, 0, rng.integers(0, 9, 2_000))
    high[::2] |= np.uint64(2**40)
    bits = np.unpackbits(np.stack([high, low], 1).view(np.uint8), axis=1, bitorder="little").astype(np.int32)
    expected = np.zeros((9, 128), np.int32)
    np.add.at(expected, cell, 2 * bits - 1)
    half, whole = nearness.Signs(9, 64), nearness.Signs(9)

    for part in np.split(np.arange(2_000), [3, 700]):
        half.add(high[part], low[part], cell[part])
        whole.add(high[part], low[part], cell[part])

    assert (whole.totals() == expected).all()
    assert (half.totals() == expected[:, :64]).all()
    assert not nearness.majorities(half.totals())[1].any()
    assert (nearness.majorities(half.totals())[0] == nearness.majorities(whole.totals())[0]).all()


def test_near_majorities_are_linked_and_strangers_are_not() -> None:
    """
    Sketches some bits apart find each other through the bands.
    """
    rng = np.random.default_rng(2)
    high, low = noisy(rng, rng.random(128) < 0.5, 10, 5)
    far_high, far_low = strangers(rng, 200)
    parents = np.arange(210, dtype=np.int32)

    nearness.link_near(np.concatenate([high, far_high]), np.concatenate([low, far_low]), 18, parents)

    assert set(roots(parents)[:10].tolist()) == {0}
    assert len(set(roots(parents).tolist())) == 201


def test_only_those_with_the_same_key_are_linked() -> None:
    """
    Equal sketches under different keys stay apart.
    """
    high, parents = np.ones(3, np.uint64), np.arange(3, dtype=np.int32)

    nearness.link_within(np.array([7, 8, 7]), high, high, 0, parents)

    assert roots(parents).tolist() == [0, 1, 0]


def test_a_dense_cell_is_found_among_strangers() -> None:
    """
    A hundred near sketches of many owners are one cell; strangers are in none.
    """
    rng = np.random.default_rng(3)
    high, low = noisy(rng, rng.random(128) < 0.5, 100, 6)
    far_high, far_low = strangers(rng, 5000)

    found = nearness.cells(
        np.concatenate([far_high, high]),
        np.concatenate([far_low, low]),
        np.arange(5100) % 40,
        radius=24,
        least=20,
        least_owners=5,
    )

    assert len(found.name) == 1
    assert (found.cell[5000:] == 0).mean() > 0.9
    assert (found.cell[:5000] == -1).all()


def test_a_cell_of_one_owner_is_none() -> None:
    """
    However dense, what too few owners send is no cell.
    """
    rng = np.random.default_rng(4)
    high, low = noisy(rng, rng.random(128) < 0.5, 100, 6)

    found = nearness.cells(high, low, np.zeros(100, np.int64), radius=24, least=20, least_owners=5)

    assert len(found.name) == 0
    assert (found.cell == -1).all()


def test_cells_do_not_depend_on_the_order_of_rows() -> None:
    """
    Shuffled rows give the same names and the same members.
    """
    rng = np.random.default_rng(5)
    groups = [noisy(rng, rng.random(128) < 0.5, 80, 8) for _ in range(4)] + [strangers(rng, 2000)]
    high, low = (np.concatenate([g[half] for g in groups]) for half in (0, 1))
    owner, order = rng.integers(0, 30, len(high)), rng.permutation(len(high))

    plain = nearness.cells(high, low, owner, 24, 20, 5)
    shuffled = nearness.cells(high[order], low[order], owner[order], 24, 20, 5)

    assert len(plain.name) >= 4
    assert plain.name.tolist() == shuffled.name.tolist()
    assert (plain.cell[order] == shuffled.cell).all()


def test_nothing_gives_no_cell() -> None:
    """
    Too few sketches for a cell are a valid input.
    """
    nothing = np.empty(0, np.uint64)

    assert len(nearness.cells(nothing, nothing, np.empty(0, np.int64), 24, 20, 5).name) == 0
