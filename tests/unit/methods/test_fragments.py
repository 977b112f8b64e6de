"""Content-defined fragments."""

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.methods.distinct import MOST
from stillwatch.methods.fragments import EDGE_WORDS, keep_small, select
from stillwatch.methods.hashing import U

Words = npt.NDArray[np.uint64]


def words(n: int, seed: int = 0) -> Words:
    """So many random word hashes."""
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def fragments(of: Words, limit: int = 48) -> set[int]:
    """The fragments of a text."""
    scratch, out = np.empty((2, MOST), np.uint64), np.empty(64, np.int64)
    n = select(of.copy(), len(of), limit, scratch, U(1), U(2), out)
    found = out[:n].tolist()
    assert found == sorted(found)
    return set(found)


@pytest.mark.parametrize("start", range(7))
def test_a_twelve_word_template_is_never_missed(start: int) -> None:
    """
    Twelve words with a six-word slot anywhere among them leave a common fragment, whatever the fills.
    """
    for seed in range(200):
        template = words(12, seed)
        texts = [np.concatenate([template[:start], words(6, 1000 + 2 * seed + i), template[start:]]) for i in (0, 1)]

        shared = fragments(texts[0]) & fragments(texts[1])

        assert shared, f"seed {seed}"


@pytest.mark.parametrize("side", ["head", "tail"])
def test_a_template_at_either_end_of_a_long_fill_is_found(side: str) -> None:
    """
    A template of sixteen words before or after two thousand others leaves common fragments.
    """
    template = words(EDGE_WORDS)
    fills = [words(2000, seed) for seed in (1, 2)]
    parts = [(template, f) if side == "head" else (f, template) for f in fills]

    shared = fragments(np.concatenate(parts[0])) & fragments(np.concatenate(parts[1]))

    assert len(shared) >= 4


def test_texts_without_a_common_run_share_nothing() -> None:
    """
    Random texts have no fragment in common, and neither has the same bag of words in another order.
    """
    text = words(60)

    assert not fragments(text) & fragments(words(60, 1))
    assert not fragments(text) & fragments(text[::-1].copy())


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 15, 16, 17, 5000])
def test_the_number_of_fragments_is_bounded(n: int) -> None:
    """
    Every text with a word has a fragment, and none has more than the limit.
    """
    found = fragments(words(n), limit=32)

    assert min(n, 1) <= len(found) <= 32


def test_a_smaller_limit_gives_a_subset() -> None:
    """
    What a text keeps under a small limit, it keeps under a larger one.
    """
    text = words(3000)

    assert fragments(text, 24) < fragments(text, 48)


def test_the_key_moves_every_fragment() -> None:
    """
    Under another key nothing of a text's fragments is seen again.
    """
    text, scratch = words(40), np.empty((2, MOST), np.uint64)
    out = np.empty((2, 64), np.int64)

    n = [select(text.copy(), 40, 48, scratch, U(key), U(2), out[key]) for key in (0, 1)]

    assert not set(out[0, : n[0]].tolist()) & set(out[1, : n[1]].tolist())


def test_keep_small_keeps_the_smallest_distinct_values() -> None:
    """
    After any sequence the kept values are the sorted smallest of the distinct ones.
    """
    values = np.random.default_rng(3).integers(0, 50, 300)
    kept, n = np.empty(8, np.int64), 0

    for value in values:
        n = keep_small(kept, n, 8, value)

    assert kept[:n].tolist() == sorted(set(values.tolist()))[:8]
