"""The one pass over texts."""

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.privacy import Key
from stillwatch.signatures.build import scanner_of
from stillwatch.signatures.scan import HEAD_BYTES, MAX_FILL, MAX_TOKENS, TAIL_BYTES, seeds_of
from stillwatch.signatures.texts import scan_column

KEY = Key(b"k" * 32)
SCANNER = scanner_of(KEY)


def words(n: int, of: int, seed: int = 1) -> str:
    """A text of `n` words from `of` different ones."""
    rng = np.random.default_rng(seed)
    return " ".join("w" + "".join(chr(97 + (i // 26**k) % 26) for k in range(4)) for i in rng.integers(0, of, n))


@pytest.mark.parametrize(("n", "of"), [(1, 9), (30, 30), (100, 200), (128, 200), (129, 200), (700, 20), (700, 60), (5000, 5000)])
def test_tokens_are_the_smallest_distinct_digests(n: int, of: int) -> None:
    """
    However long and repetitive the text, the kept words are the 48 smallest of all its words.
    """
    text = words(n, of)
    each = scan_column(SCANNER, pa.array(sorted(set(text.split()))), 32)
    digests = sorted({int(row[0]) for row in each.tokens})

    scanned = scan_column(SCANNER, pa.array([text]), 32)

    assert scanned.tokens[0, : scanned.n_tokens[0]].tolist() == digests[:MAX_TOKENS]


def test_fill_is_the_smallest_word_pairs_and_sees_numbers() -> None:
    """
    Eight sorted pairs at most; two sums with other numbers are two fills.
    """
    scanned = scan_column(SCANNER, pa.array([words(300, 300), "add 12 and 30", "add 47 and 11", "one"]), 32)

    fills = [scanned.fill[i, : scanned.n_fill[i]].tolist() for i in range(4)]
    assert [len(f) for f in fills] == [MAX_FILL, 3, 3, 1]
    assert fills[0] == sorted(fills[0])
    assert fills[1] != fills[2]


def test_a_giant_prompt_costs_what_its_ends_cost() -> None:
    """
    Ten megabytes are signed by the words of their two ends, and their middle still moves S0.
    """
    head, tail = words(HEAD_BYTES // 6, 5000), words(TAIL_BYTES // 6, 5000, 2)
    texts = [head + " " + middle * 1_600_000 + " " + tail for middle in ("middle ", "puddle ")]

    scanned = scan_column(SCANNER, pa.array(texts), 32)

    assert scanned.n_words[0] < (HEAD_BYTES + TAIL_BYTES) / 2
    assert scanned.tokens[0].tolist() == scanned.tokens[1].tolist()
    assert scanned.text[0] != scanned.text[1]


def test_every_purpose_has_its_own_seed() -> None:
    """
    No two kinds of digest share a seed, and another key shares none.
    """
    ours, theirs = set(seeds_of(KEY).tolist()), set(seeds_of(Key(b"j" * 32)).tolist())

    assert len(ours) == len(seeds_of(KEY))
    assert not ours & theirs
