"""
The contract of a text: what the operator's parser depends on, and hence what is costly to vary.

Wording is cheap to paraphrase; the keys that a script reads from the answer are not. Elements are collected as a set, so
that their order, the prose around them and ordinary text in a slot do not matter: JSON keys asked for, closing tags
that are not HTML, `[[marks]]`, score ranges, formats asked for by name. Labels that begin a line come with many fills, so
they count only where there is little else. A slot that brings firmer elements (code, a form) does change the contract;
S1 still sees such a template.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.fragments import keep_small
from stillwatch.methods.hashing import U, hash_bytes, load8, lowest_bit, marked, mix

MAX_ELEMENTS = 24
_KEY, _TAG, _MARK, _RANGE, _LABEL, _FORMAT = 1, 2, 3, 4, 5, 6
_MARKED = (0, 1, 2, 2, 2, 3, 1)  # the lowest two bits of an element, by kind: its weight, and 3 for labels, which weigh one
_LABEL_MARK = U(3)
NEEDED_WEIGHT = 2

_ONES = U(0x0101010101010101)
_COLON, _LESS, _BRACKET, _ZERO = U(58) * _ONES, U(60) * _ONES, U(91) * _ONES, U(48) * _ONES
_EVEN = U(0xFE) * _ONES  # 48 and 49, the digits that begin a range, differ in the lowest bit

_HTML = (
    "a abbr b blockquote body br button center code dd div dl dt em font footer form h1 h2 h3 h4 h5 h6 head header html i img "
    "input label li link main meta nav ol option p pre s script section select small span strong style sub sup svg table tbody "
    "td textarea tfoot th thead title tr u ul video"
)
_REASONING = "think thinking thought thoughts reasoning scratchpad reflection answer solution"
_FORMATS = "json jsonl yaml csv xml markdown latex"
_BESIDE_FORMAT = "valid in as format object array list only schema output strict strictly return"
_HIGHEST = np.array([3, 4, 5, 6, 7, 10, 20, 100], np.int64)


def public_hashes(words: str) -> npt.NDArray[np.uint64]:
    """Public hashes of space-separated words, for look-ups inside the kernels."""
    found = []
    for word in words.split():
        text = np.frombuffer(word.encode() + bytes(8), np.uint8).copy()
        found.append(hash_bytes(text, 0, len(word)))
    return np.array(found, np.uint64)


def vocabulary() -> tuple[npt.NDArray[np.uint64], ...]:
    """What the kernels look up: HTML names, reasoning tags, formats, words beside a format."""
    return public_hashes(_HTML), public_hashes(_REASONING), public_hashes(_FORMATS), public_hashes(_BESIDE_FORMAT)


@njit(cache=True, nogil=True)
def _among(value: np.uint64, known: Any) -> bool:
    for i in range(len(known)):  # noqa: SIM110  numba compiles loops, not any()
        if known[i] == value:
            return True
    return False


@njit(cache=True, nogil=True)
def _add(kind: int, name: np.uint64, elements: Any, n: int) -> int:
    """An element: 62 bits of a hash over kind and name, its mark in the lowest two."""
    value = (mix(name + U(kind)) & ~U(3)) | U(_MARKED[kind])
    return keep_small(elements, n, MAX_ELEMENTS, value)


@njit(cache=True, nogil=True)
def _is_name(c: int) -> bool:
    return 97 <= c <= 122 or 48 <= c <= 57 or c == 95 or c == 45 or c >= 128


@njit(cache=True, nogil=True)
def _name_end(low: Any, start: int, size: int, longest: int) -> int:
    """Where the name that begins at `start` ends."""
    end = start
    while end < size and end - start < longest and _is_name(low[end]):
        end += 1
    return end


@njit(cache=True, nogil=True)
def _skip_blank(low: Any, i: int, size: int) -> int:
    while i < size and (low[i] == 32 or low[i] == 9):
        i += 1
    return i


@njit(cache=True, nogil=True)
def _colon(low: Any, i: int, size: int, elements: Any, n: int) -> int:
    """The quoted key or the label at the beginning of a line that the colon at `i` closes."""
    end = i
    while end > 0 and (low[end - 1] == 32 or low[end - 1] == 9):
        end -= 1
    if end > 0 and (low[end - 1] == 34 or low[end - 1] == 39):
        return _key(low, end - 1, elements, n)
    if end < i or (i + 1 < size and low[i + 1] == 47):  # http://
        return n
    return _label(low, i, elements, n)


@njit(cache=True, nogil=True)
def _key(low: Any, end: int, elements: Any, n: int) -> int:
    """A key whose closing quote stands at `end`."""
    start = end
    while start > 0 and end - start < 41 and (_is_name(low[start - 1]) or low[start - 1] == 32):
        start -= 1
    if start == end or start == 0 or low[start - 1] != low[end]:
        return n
    return _add(_KEY, hash_bytes(low, start, end), elements, n)


@njit(cache=True, nogil=True)
def _label(low: Any, end: int, elements: Any, n: int) -> int:
    """A label that begins a line: at most three words before a colon; list marks and numbers before it are skipped."""
    start, blanks = end, 0
    while start > 0 and end - start < 41 and (_is_name(low[start - 1]) or low[start - 1] == 32):
        start -= 1
    while start < end and not (97 <= low[start] <= 122 or low[start] >= 128):
        start += 1
    for k in range(start, end):
        blanks += low[k] == 32
    if end - start < 2 or end - start > 32 or blanks > 2:
        return n
    line = start
    while line > 0 and start - line < 8 and low[line - 1] != 10 and not (97 <= low[line - 1] <= 122 or low[line - 1] >= 128):
        line -= 1
    if line > 0 and low[line - 1] != 10:
        return n
    return _add(_LABEL, hash_bytes(low, start, end), elements, n)


@njit(cache=True, nogil=True)
def _tag(low: Any, i: int, size: int, html: Any, reasoning: Any, elements: Any, n: int) -> int:
    closing = i + 1 < size and low[i + 1] == 47
    start = i + 2 if closing else i + 1
    end = _name_end(low, start, size, 32)
    if end == start or end >= size or low[end] != 62:
        return n
    name = hash_bytes(low, start, end)
    if _among(name, reasoning) or (closing and not _among(name, html)):
        n = _add(_TAG, name, elements, n)
    return n


@njit(cache=True, nogil=True)
def _mark(low: Any, i: int, size: int, elements: Any, n: int) -> int:
    if i + 1 >= size or low[i + 1] != 91:
        return n
    end = _name_end(low, i + 2, size, 32)
    if end > i + 2 and end + 1 < size and low[end] == 93 and low[end + 1] == 93:
        n = _add(_MARK, hash_bytes(low, i + 2, end), elements, n)
    return n


@njit(cache=True, nogil=True)
def _joiner(low: Any, i: int, size: int) -> int:
    """Where what joins two ends of a range (-, en dash, to, and) stops; -1 where there is none."""
    if i < size and low[i] == 45:
        return i + 1
    if i + 2 < size and low[i] == 0xE2 and low[i + 1] == 0x80 and (low[i + 2] == 0x93 or low[i + 2] == 0x94):
        return i + 3
    if i + 2 < size and low[i] == 116 and low[i + 1] == 111 and low[i + 2] == 32:
        return i + 2
    if i + 3 < size and low[i] == 97 and low[i + 1] == 110 and low[i + 2] == 100 and low[i + 3] == 32:
        return i + 3
    return -1


@njit(cache=True, nogil=True)
def _range(low: Any, i: int, size: int, elements: Any, n: int) -> int:
    if i + 2 >= size or 48 <= low[i + 1] <= 57:
        return n
    if i > 0 and (_is_name(low[i - 1]) or low[i - 1] == 46):
        return n
    after = _joiner(low, _skip_blank(low, i + 1, size), size)
    if after < 0:
        return n
    start = _skip_blank(low, after, size)
    end, highest = start, 0
    while end < size and end - start < 4 and 48 <= low[end] <= 57:
        highest = highest * 10 + int(low[end]) - 48
        end += 1
    if end == start or (end < size and _is_name(low[end])):
        return n
    for known in _HIGHEST:
        if known == highest:
            return _add(_RANGE, U(highest * 2 + int(low[i]) - 48), elements, n)
    return n


@njit(cache=True, nogil=True)
def _element(low: Any, i: int, size: int, html: Any, reasoning: Any, elements: Any, n: int) -> int:
    """The element that the special byte at `i` may begin."""
    c = low[i]
    if c == 58:
        return _colon(low, i, size, elements, n)
    if c == 60:
        return _tag(low, i, size, html, reasoning, elements, n)
    if c == 91:
        return _mark(low, i, size, elements, n)
    return _range(low, i, size, elements, n)


@njit(cache=True, nogil=True, inline="always")
def _special(block: np.uint64) -> np.uint64:
    """The high bit of each byte of `block` that may begin an element."""
    return marked(block, _COLON) | marked(block, _LESS) | marked(block, _BRACKET) | marked(block & _EVEN, _ZERO)


@njit(cache=True, nogil=True)
def elements_of(low: Any, size: int, known: Any, words: Any, n_words: int, elements: Any) -> int:
    """
    Collect the contract's elements of one text.

    Args:
        low: The text in lower case, uint8, with 32 bytes of room behind `size`.
        size: Bytes of the text.
        known: `vocabulary()`.
        words: Public word hashes.
        n_words: How many of them.
        elements: (24,) uint64, receives the smallest 24 elements, sorted.

    Returns:
        Number of elements.
    """
    html, reasoning, formats, beside = known
    n = 0
    for base in range(0, size, 32):  # most stretches of 32 bytes hold nothing special, and one branch says so
        first, second = _special(load8(low, base)), _special(load8(low, base + 8))
        third, fourth = _special(load8(low, base + 16)), _special(load8(low, base + 24))
        if (first | second | third | fourth) == U(0):
            continue
        for part in range(4):
            special = (first, second, third, fourth)[part]
            while special != U(0):
                i = base + 8 * part + (lowest_bit(special) >> 3)
                special &= special - U(1)
                if i < size:
                    n = _element(low, i, size, html, reasoning, elements, n)
    seen = U(0)
    for word in formats:
        seen |= U(1) << (word >> U(58))
    for i in range(n_words):
        if (seen >> (words[i] >> U(58))) & U(1) and _among(words[i], formats):
            before = i > 0 and _among(words[i - 1], beside)
            after = i + 1 < n_words and _among(words[i + 1], beside)
            if before or after:
                n = _add(_FORMAT, words[i], elements, n)
    return n


@njit(cache=True, nogil=True)
def contract_of(first: Any, n_first: int, second: Any, n_second: int, tools: np.uint64, scratch: Any) -> np.uint64:
    """
    One value for the elements of system prompt and newest turn and the tools offered; 0 where they weigh less than two.

    Args:
        first: Elements of one text, sorted.
        n_first: How many.
        second: Elements of the other.
        n_second: How many.
        tools: Value of the set of tools, 0 where there are none.
        scratch: (24,) uint64.
    """
    n = 0
    for i in range(n_first):
        n = keep_small(scratch, n, MAX_ELEMENTS, first[i])
    for i in range(n_second):
        n = keep_small(scratch, n, MAX_ELEMENTS, second[i])
    weight, labels = U(NEEDED_WEIGHT) if tools != U(0) else U(0), U(0)
    value, with_labels = mix(tools), mix(tools)
    for i in range(n):
        with_labels = mix(with_labels ^ scratch[i])
        if scratch[i] & U(3) == _LABEL_MARK:
            labels += U(1)
        else:
            weight += scratch[i] & U(3)
            value = mix(value ^ scratch[i])
    if weight < U(NEEDED_WEIGHT):  # labels come with many fills, so they count only where there is nothing firmer
        weight += labels
        value = with_labels
    if weight < U(NEEDED_WEIGHT):
        return U(0)
    return value if value != U(0) else U(1)
