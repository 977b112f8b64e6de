"""What any model's likelihood of a text follows."""

import numpy as np
import pytest

from stillwatch.methods.text_traits import surprise, topics, traits

TEXTS = [
    "the river ran over the stones",
    "the river ran under the bridge",
    "def f(x):\n    return x + 1",
    "XQ 99 %% zz",
    "",
    "ä€",
]


def test_traits_know_no_order() -> None:
    """Listed otherwise, each text has the same traits; an empty one has some, too."""
    at = np.random.default_rng(1).permutation(len(TEXTS))

    told, other = traits(TEXTS), traits([TEXTS[i] for i in at])

    assert set(told) == set(other)
    for name, column in told.items():
        assert np.isfinite(column).all()
        assert other[name] == pytest.approx(column[at])


def test_shares_are_of_characters() -> None:
    """Digits, capitals, white space, other signs; bytes a character beyond ASCII."""
    told = traits(TEXTS)

    assert told["digits"][3] == pytest.approx(2 / 11)
    assert told["capitals"][3] == pytest.approx(2 / 11)
    assert told["other signs"][3] == pytest.approx(2 / 11)
    assert told["bytes a character"][5] == pytest.approx(5 / 2)
    assert list(told["words"]) == [6, 6, 6, 4, 0, 1]


def test_a_text_is_surprising_by_the_others_alone() -> None:
    """A text like the others is usual; one that repeats itself and nobody else is not."""
    usual, odd = surprise([*TEXTS[:2] * 4, "zqzqzqzqzqzqzqzq"])[[0, -1]]

    assert usual < odd - 2


def test_topics_part_what_texts_are_about() -> None:
    """Prose and code lie apart in the first coordinate, of unit variance; no more coordinates than there are."""
    prose, code = [f"the river number {i} ran over stones" for i in range(30)], [f"def f{i}(x): return x" for i in range(30)]

    told = topics(prose + code, 8)

    assert told.shape == (60, 8)
    assert told.std(axis=0) == pytest.approx(1.0)
    assert max(told[:30, 0]) < min(told[30:, 0]) or min(told[:30, 0]) > max(told[30:, 0])
    assert topics(["same"] * 5, 8).shape == (5, 0)
