"""
The group ristretto255 (RFC 9496), as far as a VOPRF needs it: four operations on 32-byte strings, and scalars as integers.

Two backends: libsodium, and plain Python for checking the former and for machines without it. Plain Python takes its time
from the secret (it is not constant-time), so a service that others can measure refuses to run on it.
"""

import hashlib
import secrets
from typing import Protocol

from stillwatch.errors import SharingError

ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = bytes(32)


class Group(Protocol):
    """ristretto255; elements are their canonical encodings."""

    name: str
    constant_time: bool

    def times(self, scalar: int, element: bytes) -> bytes:
        """
        scalar · element.

        Raises:
            ValueError: the element is no canonical encoding.
        """
        ...

    def times_base(self, scalar: int) -> bytes:
        """scalar · generator."""
        ...

    def add(self, one: bytes, other: bytes) -> bytes:
        """Sum of two elements; `ValueError` as in `times`."""
        ...

    def from_uniform(self, uniform: bytes) -> bytes:
        """The element that 64 uniform bytes map to (RFC 9496 section 4.3.4)."""
        ...


def random_scalar() -> int:
    """A scalar that is not zero."""
    return secrets.randbelow(ORDER - 1) + 1


def scalar_bytes(scalar: int) -> bytes:
    """Little-endian, 32 bytes."""
    return scalar.to_bytes(32, "little")


def scalar_from(raw: bytes) -> int:
    """
    A canonical scalar.

    Raises:
        ValueError: not 32 bytes, or not below the order.
    """
    scalar = int.from_bytes(raw, "little")
    if len(raw) != 32 or scalar >= ORDER:
        raise ValueError("not a canonical scalar")
    return scalar


def expand(message: bytes, tag: bytes, size: int) -> bytes:
    """
    expand_message_xmd with SHA-512 (RFC 9380 section 5.3.1).

    Raises:
        ValueError: more than 255 blocks are asked for.
    """
    blocks = -(-size // 64)
    if blocks > 255 or len(tag) > 255:
        raise ValueError("too much output, or too long a tag")
    suffix = tag + bytes([len(tag)])
    first = hashlib.sha512(bytes(128) + message + size.to_bytes(2, "big") + b"\x00" + suffix).digest()
    block = hashlib.sha512(first + b"\x01" + suffix).digest()
    out = block
    for number in range(2, blocks + 1):
        mixed = bytes(a ^ b for a, b in zip(first, block, strict=True))
        block = hashlib.sha512(mixed + bytes([number]) + suffix).digest()
        out += block
    return out[:size]


def best() -> Group:
    """
    libsodium.

    Raises:
        SharingError: it is not installed.
    """
    try:
        from stillwatch.sharing.tokens.libsodium import Libsodium  # an optional extra
    except ImportError as missing:
        raise SharingError("tokens need libsodium. Install it with: pip install 'stillwatch[tokens]'") from missing
    return Libsodium()
