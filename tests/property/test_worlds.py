"""Building blocks of worlds against slow obvious versions."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.methods.apportion import apportion
from stillwatch.methods.ragged import within
from stillwatch.worlds.grammar import joined
from stillwatch.worlds.hashing import hex_ids, mix
from stillwatch.worlds.skins import N_SKINS, item_of, row_and_skin

WORDS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4)


def slow_scramble(value: int) -> int:
    """splitmix64 as published, in Python's integers."""
    whole = 2**64 - 1
    z = (value + 0x9E3779B97F4A7C15) & whole
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & whole
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & whole
    return z ^ (z >> 31)


@given(WORDS)
def test_mixing_is_splitmix_word_by_word(words: list[int]) -> None:
    """Over any 64-bit words."""
    state = 0
    for word in words:
        state = slow_scramble(state ^ word)

    assert int(mix(*[np.array([w], np.uint64) for w in words])[0]) == state


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=40), st.integers(0, 5_000))
def test_numbers_are_spread_without_loss(weights: list[float], total: int) -> None:
    """They sum to the total; each is within one of its exact part, and at least one where there is enough."""
    whole = apportion(np.array(weights), total)
    base = 1 if total >= len(weights) else 0
    exact = np.array(weights) / sum(weights) * (total - base * len(weights)) + base

    assert whole.sum() == total
    assert whole.min() >= (base if total else 0)
    assert np.abs(whole - exact).max() <= 1 + 1e-6 or total == 0


@given(st.lists(st.text(max_size=4), min_size=1, max_size=6), st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=8))
def test_joining_pieces_is_joining_strings(pieces: list[str], rows: list[list[int]]) -> None:
    """Any pieces, any runs of them, also none."""
    chosen = [[i % len(pieces) for i in row] for row in rows]
    pieces = [p.encode("utf-8", "ignore").decode() for p in pieces]
    flat = np.array([i for row in chosen for i in row], np.int32)

    got = joined(pa.array(pieces, pa.string()), flat, np.array([len(r) for r in chosen], np.int64))

    assert got.to_pylist() == ["".join(pieces[i] for i in row) for row in chosen]


@given(st.lists(st.integers(0, 6), max_size=20))
def test_places_within_runs(lengths: list[int]) -> None:
    """As a loop would count them."""
    assert within(np.array(lengths, np.int64)).tolist() == [i for n in lengths for i in range(n)]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=10), st.integers(1, 16))
def test_ids_are_hex(values: list[int], digits: int) -> None:
    """The lowest digits, with leading zeros."""
    got = hex_ids("x-", np.array(values, np.uint64), digits).to_pylist()

    assert got == [f"x-{v:016x}"[:2] + f"{v:016x}"[16 - digits :] for v in values]


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, N_SKINS - 1)), min_size=1, max_size=10))
def test_rows_and_skins_come_back(pairs: list[tuple[int, int]]) -> None:
    """From one item each."""
    rows, skins = (np.array(v, np.int64) for v in zip(*pairs, strict=True))

    back = row_and_skin(item_of(rows, skins))

    assert (back[0].tolist(), back[1].tolist()) == (rows.tolist(), skins.tolist())
