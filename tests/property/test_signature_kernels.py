"""The kernels of the signatures against slow, obvious versions."""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.methods import semantic
from stillwatch.methods.distinct import MOST, sort_distinct
from stillwatch.methods.fragments import BODY_SHINGLE, EDGE_SHINGLE, EDGE_WINDOW, EDGE_WORDS, select
from stillwatch.methods.hashing import U, hash_bytes, hash_twice, mix, sip
from stillwatch.methods.words import DIGIT, IGNORED, LETTER, UNSPACED, any_words, character_classes
from stillwatch.privacy import Key
from stillwatch.signatures import scan, sign

MASK = 2**64 - 1
KEY = Key(b"k" * 32)
SIGNS = semantic.projection(5)
# words of a text by their hashes: few different ones in some texts, many in others
HASHES = st.integers(1, 400).flatmap(lambda of: st.lists(st.integers(0, of).map(lambda i: int(mix(U(i + 1)))), max_size=400))


def low(value: int) -> int:
    """The lower half as a signed number."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


@given(st.lists(st.integers(-5, 5) | st.integers(-(2**31), 2**31 - 1), max_size=MOST), st.sampled_from([np.int32, np.int64]))
@settings(deadline=None, max_examples=200)
def test_distinct_values_come_out_sorted(values: list[int], kind: type) -> None:
    """
    Whatever the values, each of them stands once, smallest first.
    """
    out: npt.NDArray[np.signedinteger[Any]] = np.zeros(MOST, kind)

    n = sort_distinct(np.array(values, kind), len(values), np.zeros(MOST, kind), out)

    assert out[:n].tolist() == sorted(set(values))


def rotated(value: int, by: int) -> int:
    """A 64-bit number turned left."""
    return ((value << by) | (value >> (64 - by))) & MASK if by else value


def run(words: list[int], salt: int = 0) -> int:
    """One value for some words in their order."""
    return (salt + sum(rotated(w, 11 * j & 63) for j, w in enumerate(words))) & MASK


def fragments(words: list[int], limit: int) -> list[int]:
    """The fragments of a text as the module's docstring tells them."""
    if not words:
        return []
    edges: set[int] = set()
    for part in (words[:EDGE_WORDS], words[-EDGE_WORDS:]):
        runs = [run(part[i : i + EDGE_SHINGLE]) for i in range(len(part) - EDGE_SHINGLE + 1)]
        edges |= {min(runs[i : i + EDGE_WINDOW]) for i in range(max(1, len(runs) - EDGE_WINDOW + 1)) if runs}
        if len(words) >= EDGE_WORDS:
            edges.add(run(part, 0xE7037ED1A0B428DB))
    if len(words) < EDGE_SHINGLE:
        edges = {run(words, 0xA0761D6478BD642F)}
    kept = sorted(edges)[:limit]
    body = {run(words[i : i + BODY_SHINGLE]) for i in range(len(words) - BODY_SHINGLE + 1)}
    kept += sorted(b for b in body if b < 1 << 60)[: limit - len(kept)]
    return sorted(int(U(sip(U(k), U(7), U(8))).view(np.int64)) for k in kept)


@given(HASHES, st.sampled_from([16, 32, 48]))
@settings(deadline=None, max_examples=200)
def test_fragments_are_those_of_the_definition(words: list[int], limit: int) -> None:
    """
    However long and repetitive the text, the same fragments are kept, to the last one.
    """
    out = np.empty(MOST, np.int64)

    n = select(np.array(words, np.uint64), len(words), limit, np.empty((2, MOST), np.uint64), U(7), U(8), out)

    assert out[:n].tolist() == fragments(words, limit)


@given(HASHES)
@settings(deadline=None, max_examples=200)
def test_tokens_and_fill_are_the_smallest_distinct_digests(words: list[int]) -> None:
    """
    48 of the words and 8 of the neighbouring pairs, sorted.
    """
    n, given_words = len(words), np.array(words, np.uint64)
    tokens, fill, room = np.zeros(48, np.int32), np.zeros(8, np.int32), np.zeros(n + 1, np.uint64)
    table, full, few = np.zeros(321, np.int64), np.zeros(5, np.uint64), np.zeros((3, MOST + 1), np.int32)

    n_tokens = scan._tokens(given_words, n, table, full, tokens)
    n_fill = scan._fill(given_words, n, U(7), U(8), room, room.copy(), few, fill)

    prime = 0x9FB21C651E98DF25
    pairs = [(a * prime + b) & MASK for a, b in pairwise(words)] or [w * prime & MASK for w in words]
    assert tokens[:n_tokens].tolist() == sorted({low(w) for w in words})[:48]
    assert fill[:n_fill].tolist() == sorted({low(int(sip(U(p), U(7), U(8)))) for p in pairs})[:8]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=600))
@settings(deadline=None, max_examples=100)
def test_a_sketch_is_the_weighted_sum_of_the_signs(words: list[tuple[int, int]]) -> None:
    """
    Each stem counts by its letters and by how often it came before, and a text of one part has the signs of its sum.
    """
    stems, letters = (np.array([w[i] for w in words], kind) for i, kind in ((0, np.uint64), (1, np.uint8)))
    total, lanes = np.zeros(semantic.BITS, np.int32), np.empty(semantic.BITS, np.int16)
    semantic.accumulate(stems, letters, len(words), U(9), SIGNS, np.empty(semantic.BUCKETS, np.uint8), lanes, total)

    seen: Counter[int] = Counter()
    wanted = np.zeros(semantic.BITS, np.int64)
    for stem, size in words:
        bucket, weight = int(mix(U(stem) ^ U(9)) >> U(52)), (0, 0, 0, 1, 2, 4, 5, 6)[min(size, 7)]
        if weight and seen[bucket] < 8:
            wanted += weight * (12, 6, 4, 3, 2, 2, 2, 1)[seen[bucket]] * SIGNS[bucket].astype(np.int64)
            seen[bucket] += 1
    halves = semantic.signs_of(total, np.zeros_like(total))
    bits = [(half >> i) & 1 for half in halves for i in range(64)]
    assert total.tolist() == wanted.tolist()
    assert bits == (wanted > 0).astype(int).tolist()


WORDS = ("rate", "the", "answer", "of", "each", "one", "from", "1", "to", "10", "and", "say", "why,", "für", "uns")
TEXT = st.lists(st.sampled_from(WORDS), max_size=90).map(" ".join)


@given(st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT), min_size=1, max_size=6))
@settings(deadline=None, max_examples=100)
def test_an_exchange_holds_what_its_two_texts_hold(pairs: list[tuple[str | None, str | None]]) -> None:
    """
    Words and fragments of an exchange are the smallest of those of its turn and of its system prompt, in any company.
    """

    def signed(prompts: list[str | None], systems: list[str | None]) -> list[dict[str, list[int]]]:
        columns = {
            "exchange_id": [str(i) for i in range(len(prompts))],
            "seen_at": pa.array([0] * len(prompts), pa.timestamp("us", tz="UTC")),
            "account_id": ["a"] * len(prompts),
            "model": ["m"] * len(prompts),
            "prompt": pa.array(prompts, pa.string()),
            "system_prompt": pa.array(systems, pa.string()),
        }
        rows = sign(pa.RecordBatch.from_pydict(columns), 0, KEY).select(["fragments", "tokens", "fill", "n_words"]).to_pylist()
        return [{name: value or [] for name, value in row.items()} for row in rows]

    turns, systems = [p for p, _ in pairs], [s for _, s in pairs]
    none: list[str | None] = [None] * len(pairs)
    both, one, two = signed(turns, systems), signed(turns, none), signed(none, systems)

    for i in range(len(pairs)):
        for name in ("fragments", "tokens"):
            assert both[i][name] == sorted({*one[i][name], *two[i][name]})[:48]
        assert both[i]["fill"] == one[i]["fill"]


def words_of(text: str) -> list[tuple[str, str, int]]:
    """Each word of a text in lower case, its stem and its weight, character by character."""
    classes, found = character_classes(), []
    letters, run = "", ""
    for c in [*text, "\0"]:
        kind = 0 if c == "\0" else int(classes[ord(c)])
        if kind == IGNORED:
            continue
        if kind == LETTER or kind >= DIGIT:
            letters += c if kind == LETTER else str(kind - DIGIT)
        elif letters:
            found.append((letters, letters[:5], len(letters)))
            letters = ""
        if kind == UNSPACED:
            run += c
        elif run:
            pairs = [run[i : i + 2] for i in range(max(1, len(run) - 1))]
            found += [(pair, pair, 4) for pair in pairs]
            run = ""
    return found


MIXED = st.text(st.sampled_from("abcdefgxyz0189 .-:été語文字\u200b٣ñ“”"), max_size=60) | st.lists(
    st.sampled_from(["extraordinarily", "a", "words", "été", "x9", "語文", " ", ", ", "12345678", "“so”", "na\u00efve"]),
    max_size=20,
).map("".join)


def hashed(text: str, fold: bool) -> int:
    """The public hash of a word, as it stands or with digits folded."""
    raw = np.frombuffer(text.encode() + bytes(8), np.uint8)
    return int(hash_twice(raw, 0, len(raw) - 8)[1] if fold else hash_bytes(raw, 0, len(raw) - 8))


@given(MIXED)
@settings(deadline=None, max_examples=400)
def test_words_beyond_ascii_are_hashed_one_by_one(text: str) -> None:
    """
    Words, stems and weights of a text in any script are those that a look at each character gives, in their order.
    """
    raw = np.frombuffer(text.encode(), np.uint8)
    room = 2 * len(raw) + 160
    out = (np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint8))

    n, _, _ = any_words(raw, 0, len(raw), np.zeros(room, np.uint8), character_classes(), out, 0, U(1))

    told = sorted(zip(out[0][:n].tolist(), out[1][:n].tolist(), out[2][:n].tolist(), out[3][:n].tolist(), strict=True))
    assert told == sorted((hashed(w, True), hashed(w, False), hashed(s, True), k) for w, s, k in words_of(text))
