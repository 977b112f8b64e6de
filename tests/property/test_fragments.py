"""Heavy fragments, sketches and words against slow, obvious versions."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.methods.fragments import keep_small
from stillwatch.methods.hashing import U, mix
from stillwatch.methods.postings import SKETCH, jaccard
from stillwatch.methods.words import UNSPACED, any_words, character_classes
from stillwatch.privacy import Key
from stillwatch.signatures.build import scanner_of
from stillwatch.signatures.texts import scan_column
from stillwatch.templates.heavy import heavy
from stillwatch.templates.stream import Held

SCANNER = scanner_of(Key(b"k" * 32))


def n_words(text: str) -> int:
    """Words of any text, by the rule told in words.py."""
    table = character_classes()
    clean = unicodedata.normalize("NFKC", text).lower()
    kinds = [0 if c == "\0" else int(table[ord(c)]) if ord(c) < 0x10000 else UNSPACED for c in clean]
    marks = "".join({0: " ", 1: "w", UNSPACED: "u", 3: ""}.get(k, "w") for k in kinds)
    words = len(re.findall("w+", marks))
    return words + sum(max(1, len(run) - 1) for run in re.findall("u+", marks))


@given(st.text(st.characters(max_codepoint=0xFFFF, codec="utf-8"), max_size=200))
@settings(deadline=None, max_examples=150)
def test_words_are_counted_as_the_rule_says(text: str) -> None:
    """
    In any text of the basic plane the kernels find the words of the obvious version.
    """
    raw = np.frombuffer(unicodedata.normalize("NFKC", text).lower().encode(), np.uint8)
    room = 2 * len(raw) + 160
    out = (np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint8))

    n, _, _ = any_words(raw, 0, len(raw), np.zeros(room, np.uint8), character_classes(), out, 0, U(1))

    assert n == n_words(text)


@given(st.lists(st.text(max_size=80), max_size=8))
@settings(deadline=None, max_examples=100)
def test_any_text_is_signed_the_same_alone_and_in_company(texts: list[str]) -> None:
    """
    Whatever the text, its words, fragments and fill do not depend on its neighbours.
    """
    encodable = [t.encode("utf-8", "replace").decode() for t in texts]
    together = scan_column(SCANNER, pa.array(encodable, pa.string()), 32)

    for i, text in enumerate(encodable):
        alone = scan_column(SCANNER, pa.array([text]), 32)
        assert alone.text[0] == together.text[i]
        assert alone.fragments[0, : alone.n_fragments[0]].tolist() == together.fragments[i, : together.n_fragments[i]].tolist()
        assert alone.tokens[0, : alone.n_tokens[0]].tolist() == together.tokens[i, : together.n_tokens[i]].tolist()
        assert alone.fill[0, : alone.n_fill[0]].tolist() == together.fill[i, : together.n_fill[i]].tolist()


@given(
    st.lists(st.tuples(st.integers(0, 6), st.lists(st.integers(0, 12), max_size=5)), max_size=60),
    st.integers(1, 5),
    st.integers(1, 4),
)
@settings(deadline=None)
def test_heavy_values_are_those_of_a_plain_count(rows: list[tuple[int, list[int]]], requests: int, accounts: int) -> None:
    """
    Exactly the values of enough requests and accounts, whatever the rows.
    """
    lists = [sorted(set(values)) for _, values in rows]
    offsets = np.concatenate([[0], np.cumsum([len(v) for v in lists])]).astype(np.int64)
    held = Held(np.array([v for values in lists for v in values], np.int64), offsets, np.array([a for a, _ in rows], np.int64))

    found = heavy(lambda: [held], len(held.values), requests, accounts)

    carriers = {v: [a for (a, _), values in zip(rows, lists, strict=True) if v in values] for v in range(13)}
    expected = [v for v in range(13) if len(carriers[v]) >= requests and len(set(carriers[v])) >= accounts]
    assert found.value.tolist() == expected
    assert found.n_requests.tolist() == [len(carriers[v]) for v in expected]
    assert found.n_accounts.tolist() == [len(set(carriers[v])) for v in expected]


@given(st.sets(st.integers(0, 400), min_size=1, max_size=300), st.sets(st.integers(0, 400), min_size=1, max_size=300))
@settings(deadline=None)
def test_the_jaccard_estimate_is_that_of_the_smallest_of_the_union(first: set[int], second: set[int]) -> None:
    """
    The estimate is the share, among the 32 smallest hashes of the union, that both sets hold; of small sets it is the truth.
    """
    hashed = {v: int(mix(U(v))) >> 32 for v in first | second}
    sketches = []
    for members in (first, second):
        kept, n = np.empty(SKETCH, np.uint32), 0
        for member in members:
            n = keep_small(kept, n, SKETCH, np.uint32(hashed[member]))
        sketches += [kept, n]

    told = jaccard(*sketches)

    small = len(first) < SKETCH and len(second) < SKETCH
    smallest = sorted(first | second, key=hashed.__getitem__)
    if not small:
        smallest = smallest[:SKETCH]
    assert abs(told - sum(v in first and v in second for v in smallest) / len(smallest)) < 1e-9
