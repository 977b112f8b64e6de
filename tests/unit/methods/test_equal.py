"""Equal strings of a column."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.methods.equal import firsts

TEXTS = st.lists(st.none() | st.binary(max_size=40) | st.sampled_from([b"", b"a" * 16, b"a" * 33, b"ab"]), max_size=60)


@settings(deadline=None)  # the first call compiles
@given(TEXTS)
def test_the_first_equal_row_is_found(texts: list[bytes | None]) -> None:
    """
    Each row points to the first row with the same bytes, itself where there is none before, and absent rows to none.
    """
    offsets = np.cumsum([0, *(len(t or b"") for t in texts)], dtype=np.int64)
    present = np.array([t is not None for t in texts], bool)

    told = firsts(np.frombuffer(b"".join(t or b"" for t in texts), np.uint8), offsets, present, np.uint64(5))

    assert told.tolist() == [-1 if t is None else texts.index(t) for t in texts]


def test_strings_whose_hashes_collide_stay_apart() -> None:
    """
    More strings than places, so that many share one: each is still its own.
    """
    texts = [b"%05d" % i for i in range(3_000)] * 2
    offsets = np.arange(0, 5 * len(texts) + 1, 5)

    told = firsts(np.frombuffer(b"".join(texts), np.uint8), offsets, np.ones(len(texts), bool), np.uint64(0))

    assert told.tolist() == [*range(3_000), *range(3_000)]
