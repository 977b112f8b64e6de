"""
Keyed BLAKE2b of many short strings inside one kernel, each distinct string digested once.

The digests are those of `hashlib.blake2b` under a key and a personalisation, bit by bit; a Python call a string costs ten
times as much. Equal strings of one column are found by a table of the rows seen, compared byte by byte, so that
nobody's choice of strings can make two of them one.

References:
    Saarinen and Aumasson, "The BLAKE2 cryptographic hash and message authentication code", RFC 7693, sections 2 and 3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.equal import place_of, table
from stillwatch.methods.hashing import U, borrowed, load8, rotate

BLOCK = 128
_IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.int64,
)  # fmt: skip
_ROUNDS = 12
_BY_32, _BY_24, _BY_16, _BY_63 = U(32), U(40), U(48), U(1)  # to the right, written as turns to the left
_ALL, _U0, _U3 = U(0xFFFFFFFFFFFFFFFF), U(0), U(3)


@dataclass(frozen=True, slots=True)
class Keyed:
    """
    BLAKE2b under one key and one personalisation, ready for messages.

    Args:
        begun: (8,) state before the block of the key.
        keyed: (8,) state after it.
        block: (16,) the block of the key.
    """

    begun: npt.NDArray[np.uint64]
    keyed: npt.NDArray[np.uint64]
    block: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, secret: bytes, person: bytes) -> "Keyed":
        """
        For digests of eight bytes.

        Args:
            secret: The key, 1…64 bytes.
            person: The personalisation, 16 bytes.
        """
        parameters = bytes([8, len(secret), 1, 1]) + bytes(44) + person
        begun = _IV ^ np.frombuffer(parameters, "<u8").astype(np.uint64)
        block = np.frombuffer(secret.ljust(BLOCK, b"\0"), "<u8").astype(np.uint64)
        keyed = begun.copy()
        _compress(keyed, block, U(BLOCK), False)
        return cls(begun, keyed, block)


def digest_all(
    keyed: Keyed, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], present: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """
    The digest of each string, as a signed little-endian number; 0 where there is none.

    Args:
        keyed: Key and personalisation.
        data: Bytes of all strings.
        offsets: (n + 1,) string i is data[offsets[i]:offsets[i + 1]].
        present: (n,) which strings there are.

    >>> import hashlib
    >>> texts, keyed = np.frombuffer(b"annann", np.uint8), Keyed.of(b"k" * 32, bytes(16))
    >>> told = digest_all(keyed, texts, np.array([0, 3, 6]), np.array([True, False]))
    >>> raw = hashlib.blake2b(b"ann", digest_size=8, key=b"k" * 32).digest()
    >>> int(told[0]) == int.from_bytes(raw, "little", signed=True), int(told[1])
    (True, 0)
    """
    out = np.zeros(len(present), np.int64)
    _digest_all(keyed.begun, keyed.keyed, keyed.block, data, offsets, present, table(len(present)), out)
    return out


@njit(cache=True, nogil=True)
def _mixed(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> Any:
    """The function G of RFC 7693, section 3.1."""
    a += b + x
    d = rotate(d ^ a, _BY_32)
    c += d
    b = rotate(b ^ c, _BY_24)
    a += b + y
    d = rotate(d ^ a, _BY_16)
    c += d
    b = rotate(b ^ c, _BY_63)
    return a, b, c, d


@njit(cache=True, nogil=True)
def _compress(h: Any, m: Any, n_bytes: np.uint64, last: bool) -> None:
    """The function F of RFC 7693, section 3.2; `h` is changed."""
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11 = _IV[0], _IV[1], _IV[2], _IV[3]
    v12, v13, v14, v15 = _IV[4] ^ n_bytes, _IV[5], _IV[6] ^ (_ALL if last else _U0), _IV[7]
    for r in range(_ROUNDS):
        s = _SIGMA[r % 10]
        v0, v4, v8, v12 = _mixed(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = _mixed(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = _mixed(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = _mixed(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = _mixed(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = _mixed(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = _mixed(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = _mixed(v3, v4, v9, v14, m[s[14]], m[s[15]])
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15


@njit(cache=True, nogil=True)
def _digest(begun: Any, keyed: Any, block: Any, data: Any, start: int, end: int, h: Any, m: Any) -> np.int64:
    if start == end:
        h[:] = begun
        _compress(h, block, U(BLOCK), True)
        return np.int64(h[0])
    h[:] = keyed
    at, done = start, BLOCK
    while at < end:
        size = min(BLOCK, end - at)
        m[:] = _U0
        for word in range(size >> 3):
            m[word] = load8(data, at + 8 * word)
        for i in range(size & ~7, size):
            m[i >> 3] |= U(data[at + i]) << (U(i & 7) << _U3)
        at += size
        done += size
        _compress(h, m, U(done), at == end)
    return np.int64(h[0])


@njit(cache=True, nogil=True)
def _digest_all(begun: Any, keyed: Any, block: Any, data: Any, offsets: Any, present: Any, seen: Any, out: Any) -> None:
    state, words = np.empty(8, np.uint64), np.empty(16, np.uint64)
    h, m, begun, keyed, block = borrowed(state), borrowed(words), borrowed(begun), borrowed(keyed), borrowed(block)
    data, offsets, seen = borrowed(data), borrowed(offsets), borrowed(seen)
    for i in range(len(out)):
        if not present[i]:
            continue
        at = place_of(data, offsets, i, keyed[0], seen)
        if seen[at] < 0:
            seen[at] = i
            out[i] = _digest(begun, keyed, block, data, offsets[i], offsets[i + 1], h, m)
        else:
            out[i] = out[seen[at]]
