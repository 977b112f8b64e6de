"""Any integers as small numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.methods.numbering import in_runs, numbered

values = st.lists(st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)), max_size=60)


@given(values)
def test_numbers_follow_first_appearance(listed: list[int]) -> None:
    """Equal values have one number, the next new value the next one."""
    numbers, n = numbered(np.array(listed, np.int64))

    firsts = list(dict.fromkeys(listed))
    assert numbers.tolist() == [firsts.index(value) for value in listed]
    assert n == len(firsts)


@given(values)
def test_equal_values_stand_together_or_not(listed: list[int]) -> None:
    """As a look at every value says."""
    together = all(value not in listed[: at - 1] for at, value in enumerate(listed) if at and value != listed[at - 1])

    assert in_runs(*numbered(np.array(listed, np.int64))) == together
