"""ristretto255 by libsodium, through rbcl's bindings; constant-time."""

import rbcl

from stillwatch.sharing.tokens.group import IDENTITY, ORDER, scalar_bytes


class Libsodium:
    """The backend that services and clients run on."""

    name = "libsodium"
    constant_time = True

    def times(self, scalar: int, element: bytes) -> bytes:
        """scalar · element."""
        _check(element)
        if element == IDENTITY or scalar % ORDER == 0:
            return IDENTITY
        return bytes(rbcl.crypto_scalarmult_ristretto255(scalar_bytes(scalar % ORDER), element))

    def times_base(self, scalar: int) -> bytes:
        """scalar · generator."""
        return bytes(rbcl.crypto_scalarmult_ristretto255_base(scalar_bytes(scalar % ORDER))) if scalar % ORDER else IDENTITY

    def add(self, one: bytes, other: bytes) -> bytes:
        """Sum of two elements."""
        _check(one)
        _check(other)
        return bytes(rbcl.crypto_core_ristretto255_add(one, other))

    def from_uniform(self, uniform: bytes) -> bytes:
        """The element that 64 uniform bytes map to."""
        return bytes(rbcl.crypto_core_ristretto255_from_hash(uniform))


def _check(element: bytes) -> None:
    if len(element) != 32 or not rbcl.crypto_core_ristretto255_is_valid_point(element):
        raise ValueError("not a canonical element of ristretto255")
