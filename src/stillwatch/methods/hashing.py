"""
64-bit hashing inside numba kernels: a public word hash, and SipHash to key it.

Why two steps: a word is hashed once, publicly and fast, eight bytes at a time; what is stored is SipHash-1-3 of that
under the house's key. A plain multiply-and-shift mixer with a secret XORed in would be undone from a single known word.

References:
    Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012; the 1-3 variant is the one of CPython.
    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (the 64-bit finaliser).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

U = np.uint64
_M1 = U(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
_M2 = U(0xD6E8FEB86659FD93)
_S0, _S1 = U(0x736F6D6570736575), U(0x646F72616E646F6D)  # SipHash's four constants
_S2, _S3 = U(0x6C7967656E657261), U(0x7465646279746573)
_TAIL = U(8 << 56)  # SipHash's last block for a message of eight bytes
_FF = U(0xFF)
_64 = U(64)
_8 = U(8)
_7F, _80 = U(0x7F7F7F7F7F7F7F7F), U(0x8080808080808080)
_30, _76 = U(0x3030303030303030), U(0x7676767676767676)
_ALL = U(0xFFFFFFFFFFFFFFFF)


@intrinsic
def load8(context: Any, data: Any, index: Any) -> Any:
    """Eight bytes of a uint8 array from `index` on, little-endian, unaligned, unchecked."""

    def build(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = ctx.make_array(signature.args[0])(ctx, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.intp), build


@intrinsic
def store8(context: Any, data: Any, index: Any, value: Any) -> Any:
    """Write eight bytes into a uint8 array at `index`, unaligned, unchecked."""

    def build(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = ctx.make_array(signature.args[0])(ctx, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        builder.store(args[2], builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)
        return ctx.get_dummy_value()

    return types.void(data, types.intp, types.uint64), build


@intrinsic
def lowest_bit(context: Any, bits: Any) -> Any:
    """Place of the lowest set bit of a uint64; 64 where there is none."""

    def build(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


@intrinsic
def ones(context: Any, bits: Any) -> Any:
    """Set bits of a uint64."""

    def build(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), build


@intrinsic
def borrowed(context: Any, array: Any) -> Any:
    """
    The same array without its reference count, which numba would otherwise raise and lower atomically at every inner call.

    Only for arrays that the kernel's caller holds for as long as the kernel runs.
    """

    def build(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        held = ctx.make_array(signature.args[0])(ctx, builder, args[0])
        held.meminfo = ir.Constant(held.meminfo.type, None)
        held.parent = ir.Constant(held.parent.type, None)
        return held._getvalue()

    return array(array), build


@njit(cache=True, nogil=True, inline="always")
def rotate(x: Any, by: Any) -> Any:
    """The bits of a uint64 turned left by `by`, 1…63."""
    return (x << by) | (x >> (_64 - by))


_R13, _R16, _R17, _R21, _R32 = U(13), U(16), U(17), U(21), U(32)


@njit(cache=True, nogil=True)
def sip(x: np.uint64, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """
    SipHash-1-3 of the eight bytes of `x` under the 128-bit key (k0, k1).

    Args:
        x: The message, uint64.
        k0: Lower half of the key.
        k1: Upper half of the key.
    """
    v0, v1, v2, v3 = k0 ^ _S0, k1 ^ _S1, k0 ^ _S2, k1 ^ _S3
    v3 ^= x
    for i in range(5):
        v0 += v1
        v2 += v3
        v1 = rotate(v1, _R13) ^ v0
        v3 = rotate(v3, _R16) ^ v2
        v0 = rotate(v0, _R32)
        v2 += v1
        v0 += v3
        v1 = rotate(v1, _R17) ^ v2
        v3 = rotate(v3, _R21) ^ v0
        v2 = rotate(v2, _R32)
        if i == 0:
            v0 ^= x
            v3 ^= _TAIL
        elif i == 1:
            v0 ^= _TAIL
            v2 ^= _FF
    return v0 ^ v1 ^ v2 ^ v3


@njit(cache=True, nogil=True)
def sip_all(values: Any, n: int, k0: np.uint64, k1: np.uint64, out: Any) -> None:
    """`sip` of values[:n] into `out`, several at a time."""
    for i in range(n):
        out[i] = sip(values[i], k0, k1)


@njit(cache=True, nogil=True, inline="always")
def marked(block: np.uint64, byte: np.uint64) -> np.uint64:
    """The high bit of every byte of `block` that equals the byte repeated in `byte`."""
    x = block ^ byte
    return ~(((x & _7F) + _7F) | x) & _80


@njit(cache=True, nogil=True, inline="always")
def mix(x: np.uint64) -> np.uint64:
    """A public bijection of uint64 in which every bit of `x` moves every bit of the result."""
    x ^= x >> _R32
    x *= _M2
    x ^= x >> _R32
    x *= _M2
    return x ^ (x >> _R32)


@njit(cache=True, nogil=True, inline="always")
def fold_digits(block: np.uint64) -> np.uint64:
    """Eight bytes with every ASCII digit turned into '0'."""
    t = block ^ _30
    digit = (~(((t & _7F) + _76) | t)) & _80
    spread = (digit >> U(7)) * _FF
    return (block & ~spread) | (_30 & spread)


@njit(cache=True, nogil=True, inline="always")
def tail_mask(n_bytes: int) -> np.uint64:
    """Mask of the lowest `n_bytes` (1…8) bytes of a block."""
    return _ALL >> (U(8 - n_bytes) << U(3))


@njit(cache=True, nogil=True, inline="always")
def hash_block(block: np.uint64) -> np.uint64:
    """`hash_bytes` of at most eight bytes, zeros behind them."""
    h = (_M1 ^ block) * _M2
    h ^= h >> _R32
    return h * _M1 ^ (h >> _R32)


@njit(cache=True, nogil=True)
def hash_bytes(text: Any, start: int, end: int) -> np.uint64:
    """
    Public hash of text[start:end]; readable memory must reach seven bytes beyond `end`.

    Args:
        text: uint8 array.
        start: First byte.
        end: One past the last byte.
    """
    h = _M1
    i = start
    while end - i > 8:
        h = (h ^ load8(text, i)) * _M2
        h ^= h >> _R32
        i += 8
    if i < end:
        h = (h ^ (load8(text, i) & tail_mask(end - i))) * _M2
        h ^= h >> _R32
    return h * _M1 ^ (h >> _R32)


@njit(cache=True, nogil=True)
def hash_twice(text: Any, start: int, end: int) -> tuple[np.uint64, np.uint64]:
    """`hash_bytes` of text[start:end], not empty: as it stands, and with every ASCII digit read as '0'."""
    h, g = _M1, _M1
    i = start
    while end - i > 8:
        block = load8(text, i)
        h = (h ^ block) * _M2
        h ^= h >> _R32
        g = (g ^ fold_digits(block)) * _M2
        g ^= g >> _R32
        i += 8
    block = load8(text, i) & tail_mask(end - i)
    h = (h ^ block) * _M2
    h ^= h >> _R32
    g = (g ^ fold_digits(block)) * _M2
    g ^= g >> _R32
    return h * _M1 ^ (h >> _R32), g * _M1 ^ (g >> _R32)
