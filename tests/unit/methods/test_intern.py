"""Dense numbers for sparse values."""

import numpy as np

from stillwatch.methods.intern import Interner, number_of


def test_numbers_are_dense_and_stable_while_the_table_grows() -> None:
    """
    Values keep their numbers through many growths, and `values` gives them back.
    """
    values = np.random.default_rng(1).integers(-(2**63), 2**63, 20_000)
    numbers = Interner(room=4)

    first = numbers.add(values[:10])
    later = numbers.add(values)

    assert (later[:10] == first).all()
    assert sorted(set(later.tolist())) == list(range(len(numbers)))
    assert (numbers.values[later] == values).all()
    assert (numbers.find(values) == later).all()


def test_an_unknown_value_has_no_number() -> None:
    """
    What was never added is -1, and looking does not add it.
    """
    numbers = Interner()
    numbers.add(np.array([5]))

    assert numbers.find(np.array([6, 5])).tolist() == [-1, 0]
    assert number_of(numbers.table, 6) == -1
    assert len(numbers) == 1
