"""
Counter-based randomness: a value is a function of what it is for, so any chunk of a world can be made alone.

Why not one generator that is read in order: text is written chunk by chunk after all events were sorted by time, and the
same item must read the same wherever and whenever it is sent.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U64 = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # splitmix64: Steele, Lea, Flood, OOPSLA 2014
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def scramble(value: U64) -> U64:
    """One splitmix64 step, a bijection of 64-bit words; wraps on purpose."""
    z = value + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


def mix(*words: Any) -> U64:
    """
    A 64-bit hash of integers or integer arrays, broadcast together; always an array.

    >>> int(mix(1, 2)[0]) == int(mix(1, 2)[0]), int(mix(1, 2)[0]) == int(mix(2, 1)[0])
    (True, False)
    """
    state = np.zeros(1, np.uint64)
    for word in words:
        state = scramble(state ^ np.atleast_1d(np.asarray(word)).astype(np.uint64))
    return state


def unit(value: U64) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1) from hashes."""
    return (value >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def below(value: U64, bound: Any) -> npt.NDArray[np.int64]:
    """Uniform integers in [0, bound) from hashes; `bound` is a number or one a value."""
    return (unit(value) * np.asarray(bound)).astype(np.int64)


def tag(name: str) -> int:
    """A 63-bit number for a name, to keep uses of one seed apart."""
    word = np.zeros(1, np.uint64)
    for byte in name.encode():
        word = scramble(word ^ np.uint64(byte))
    return int(word[0] >> np.uint64(1))


def hex_ids(prefix: str, values: U64, digits: int = 16) -> pa.Array:
    """Opaque ids: `prefix` and the hex digits of each value, as an Arrow string array."""
    head = np.frombuffer(prefix.encode(), np.uint8)
    width = len(head) + digits
    out = np.empty((len(values), width), np.uint8)
    out[:, : len(head)] = head
    for place in range(digits):
        shift = np.uint64(4 * (digits - 1 - place))
        out[:, len(head) + place] = _HEX[((values >> shift) & np.uint64(15)).astype(np.int64)]
    offsets = np.arange(len(values) + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(out.tobytes()))
