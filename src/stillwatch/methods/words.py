"""
Words of a text, in any script, as public hashes, inside numba kernels.

A word is a run of letters, marks and digits. Scripts that write no spaces (Han, kana, Thai, Lao, Khmer, Burmese, Tibetan)
give overlapping character pairs instead, so that a template in them is as visible as one in English. ASCII texts take a
path of their own, 64 bytes a step; every other text is decoded code point by code point, and both hash a word alike.
"""

import functools
import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, fold_digits, hash_block, hash_twice, load8, lowest_bit, store8, tail_mask

SEPARATOR, LETTER, UNSPACED, IGNORED, DIGIT = 0, 1, 2, 3, 16  # DIGIT + its value

_ONES = U(0x0101010101010101)
_HIGH = U(0x8080808080808080)
_GATHER = U(0x0102040810204080)  # brings the lowest bits of eight bytes together in the top byte
_FROM_A, _PAST_Z = U(0x80 - 65) * _ONES, U(0x80 - 91) * _ONES
_FROM_LA, _PAST_LZ = U(0x80 - 97) * _ONES, U(0x80 - 123) * _ONES
_FROM_0, _PAST_9 = U(0x80 - 48) * _ONES, U(0x80 - 58) * _ONES
_U0, _U1, _U2, _U7, _U32, _U56, _U63 = U(0), U(1), U(2), U(7), U(32), U(56), U(63)
_PRIME = U(0xD6E8FEB86659FD93)
STEM_CHARACTERS = 5  # truncation at five letters is the classic stemmer that knows no language (McNamee & Mayfield 2004)

_UNSPACED_BLOCKS = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x312F),  # Han radicals, kana, Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
)


@functools.cache
def character_classes() -> npt.NDArray[np.uint8]:
    """
    Class of every code point below 65,536: shape (65536,) uint8.

    >>> table = character_classes()
    >>> int(table[ord("é")]), int(table[ord("語")]), int(table[0x200B]), int(table[ord("٣")]) - DIGIT
    (1, 2, 3, 3)
    """
    table = np.zeros(0x10000, np.uint8)
    for code in range(0x10000):
        table[code] = _class_of(chr(code))
    return table


@functools.cache
def settled_characters() -> npt.NDArray[np.bool_]:
    """
    Code points below 65,536 that NFKC leaves as they are, wherever in a text they stand: shape (65536,) bool.

    Left out are those that it changes or reorders, those that may join the one before, and those that a newer Unicode than
    Python's may have settled otherwise.

    >>> table = settled_characters()
    >>> [bool(table[ord(c)]) for c in "é“語…\u0301ｆ"]
    [True, True, True, False, False, False]
    """
    table = np.zeros(0x10000, np.bool_)
    for code in range(0x10000):
        c = chr(code)
        plain = unicodedata.category(c) not in ("Cn", "Cs") and not unicodedata.combining(c)
        table[code] = plain and unicodedata.is_normalized("NFKC", c)
    for code in range(0x10000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            table[int(parts[1], 16)] = False
    table[0x1160:0x1200] = False  # Hangul vowels and final consonants, which join by a rule and not by a list
    return table


@njit(cache=True, nogil=True)
def is_settled(data: Any, start: int, end: int, settled: Any) -> bool:
    """Does NFKC leave the UTF-8 text data[start:end] as it is? False where it cannot be told at a glance."""
    i = start
    while i < end:
        if data[i] < 0x80:
            i += 1
            continue
        code, width = _decode(data, i, end)
        if code < 0x80 or code > 0xFFFF or not settled[code]:
            return False
        i += width
    return True


def _class_of(character: str) -> int:
    code, category = ord(character), unicodedata.category(character)
    if category == "Cf" or 0xFE00 <= code <= 0xFE0F:
        return IGNORED
    if category == "Nd":
        return DIGIT + unicodedata.decimal(character)
    if category == "So":
        return UNSPACED
    if category[0] in "LMN":
        return UNSPACED if any(first <= code <= last for first, last in _UNSPACED_BLOCKS) else LETTER
    return SEPARATOR


@njit(cache=True, nogil=True, inline="always")
def _gap(low: Any, start: int, end: int, h: np.uint64) -> np.uint64:
    """Fold what stands between two words, white space left out, into a running hash."""
    for i in range(start, end):
        if low[i] > 32:
            h = (h ^ U(low[i])) * _PRIME
    return h


@njit(cache=True, nogil=True, inline="always")
def lowered(x: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Eight ASCII bytes in lower case, and one bit a byte: is it a letter or digit."""
    upper = ((x + _FROM_A) & ~(x + _PAST_Z)) & _HIGH
    x |= upper >> _U2
    word = (((x + _FROM_LA) & ~(x + _PAST_LZ)) | ((x + _FROM_0) & ~(x + _PAST_9))) & _HIGH
    return x, ((word >> _U7) * _GATHER) >> _U56


@njit(cache=True, nogil=True)
def ascii_words(data: Any, start: int, end: int, low: Any, out: Any, n: int, h: np.uint64) -> tuple[int, int, np.uint64]:
    """
    Words of the ASCII text data[start:end].

    Args:
        data: uint8 array.
        start: First byte.
        end: One past the last byte.
        low: Scratch, uint8, at least end - start + 80 long; receives the text in lower case.
        out: Four scratch arrays: word hashes with digits folded, as they stand, stems, weights by length.
        n: Words already in `out`.
        h: Running hash of the whole text.

    Returns:
        Words now in `out`, bytes in `low`, and the running hash.
    """
    words, exact, stems, weights = out
    length = end - start
    safe = len(data) - 8
    carry, opened, closed = _U0, -1, 0
    base = 0
    while base <= length:  # one bit past the end closes the last word
        bits = _U0
        for j in range(8):
            at = base + 8 * j
            if at >= length:
                break
            if start + at <= safe:
                x = load8(data, start + at)
            else:
                x = _U0
                for b in range(min(8, length - at)):
                    x |= U(data[start + at + b]) << U(8 * b)
            if length - at < 8:
                x &= (_U1 << U(8 * (length - at))) - _U1
            x, eight = lowered(x)
            store8(low, at, x)
            bits |= eight << U(8 * j)
        edges = bits ^ ((bits << _U1) | carry)
        carry = bits >> _U63
        while edges != _U0:
            at = base + lowest_bit(edges)
            edges &= edges - _U1
            if opened < 0:
                opened = at
                continue
            if opened - closed != 1 or low[closed] > 32:
                h = _gap(low, closed, opened, h)
            size = at - opened
            block = load8(low, opened)
            if size <= 8:
                block &= tail_mask(size)
                folded = fold_digits(block)
                words[n] = hash_block(folded)
                exact[n] = words[n] if folded == block else hash_block(block)
            else:
                exact[n], words[n] = hash_twice(low, opened, at)
            stems[n] = hash_block(fold_digits(block) & tail_mask(min(size, STEM_CHARACTERS)))
            weights[n] = min(size, 255)
            h = (h ^ exact[n]) * _PRIME
            h ^= h >> _U32
            n += 1
            opened, closed = -1, at
        base += 64
    return n, length, _gap(low, closed, length, h)


@njit(cache=True, nogil=True)
def _decode(data: Any, i: int, end: int) -> tuple[int, int]:
    """The code point at `i` and its bytes; a torn one counts as a separator of one byte."""
    c = int(data[i])
    if c < 0x80:
        return c, 1
    if c < 0xC0:
        return 0, 1
    size = 2 if c < 0xE0 else (3 if c < 0xF0 else 4)
    if i + size > end:
        return 0, 1
    code = c & (0x3F >> (size - 1))
    for k in range(1, size):
        code = (code << 6) | (int(data[i + k]) & 0x3F)
    return code, size


@njit(cache=True, nogil=True)
def _class(code: int, classes: Any) -> int:
    if code < 0x10000:
        return int(classes[code])
    if code >= 0xE0000:
        return IGNORED
    if code < 0x1F000 and code < 0x1B000:
        return LETTER
    return UNSPACED  # emoji, rare Han, kana supplements


@njit(cache=True, nogil=True)
def _plain_run(x: np.uint64) -> int:
    """How many of eight bytes, from the first on, are lower-case ASCII letters or digits."""
    y = x & ~_HIGH
    word = ((y + _FROM_LA) & ~(y + _PAST_LZ)) | ((y + _FROM_0) & ~(y + _PAST_9))
    return lowest_bit(~(word & ~x) & _HIGH) >> 3


@njit(cache=True, nogil=True)
def any_words(data: Any, start: int, end: int, low: Any, classes: Any, out: Any, n: int, h: np.uint64) -> Any:
    """Words of any UTF-8 text that is already NFKC and lower case; arguments and result as in `ascii_words`."""
    size = 0  # bytes in low
    opened, stem_end, letters = -1, 0, 0  # the word that is open
    run, previous = -1, -1  # of unspaced characters: where it began, where its last one began
    closed = 0
    i = start
    safe = min(end, len(data)) - 8
    while i < end:
        length = _plain_run(load8(data, i)) if i <= safe else 0
        if length > 0:  # most of such a text is ASCII words after all
            if run >= 0:
                if previous == run:
                    n, h = _close(low, closed, run, size, size, 4, out, n, h)
                run, closed = -1, size
            if opened < 0:
                opened, letters = size, 0
            if letters < STEM_CHARACTERS:
                stem_end = size + min(length, STEM_CHARACTERS - letters)
            store8(low, size, load8(data, i))
            letters += length
            size += length
            i += length
            continue
        code, width = _decode(data, i, end)
        kind = _class(code, classes)
        if kind == IGNORED:
            i += width
            continue
        letter = kind == LETTER or kind >= DIGIT
        if opened >= 0 and not letter:
            n, h = _close(low, closed, opened, size, stem_end, letters, out, n, h)
            opened, closed = -1, size
        if run >= 0 and kind != UNSPACED:
            if previous == run:
                n, h = _close(low, closed, run, size, size, 4, out, n, h)
            run, closed = -1, size
        at = size
        if kind >= DIGIT:
            low[size] = 48 + kind - DIGIT
            size += 1
        else:
            for k in range(width):
                low[size + k] = data[i + k]
            size += width
        i += width
        if letter:
            if opened < 0:
                opened, letters = at, 0
            letters += 1
            if letters <= STEM_CHARACTERS:
                stem_end = size
        elif kind == UNSPACED:
            if run < 0:
                run = at
            else:
                n, h = _close(low, min(closed, previous), previous, size, size, 4, out, n, h)
                closed = at
            previous = at
    if opened >= 0:
        n, h = _close(low, closed, opened, size, stem_end, letters, out, n, h)
        closed = size
    if run >= 0:
        if previous == run:
            n, h = _close(low, closed, run, size, size, 4, out, n, h)
        closed = size
    return n, size, _gap(low, closed, size, h)


@njit(cache=True, nogil=True)
def _close(low: Any, closed: int, start: int, end: int, stem: int, letters: int, out: Any, n: int, h: np.uint64) -> Any:
    h = _gap(low, closed, start, h)
    words, exact, stems, weights = out
    exact[n], words[n] = hash_twice(low, start, end)
    _, stems[n] = hash_twice(low, start, stem)
    weights[n] = min(letters, 255)
    h = (h ^ exact[n]) * _PRIME
    return n + 1, h ^ (h >> _U32)
