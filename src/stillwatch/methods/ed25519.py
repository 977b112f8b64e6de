"""Ed25519 keys as files hold them, and how they are called (RFC 8032; PEM: RFC 7468)."""

import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """
    The private key in a PEM text.

    Raises:
        ValueError: it is none of Ed25519, or encrypted; in words, with what to do.
    """
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not an unencrypted PEM key. Make one with: openssl genpkey -algorithm ed25519") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key. Make one with: openssl genpkey -algorithm ed25519")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """
    SHA-256 of the raw public key, 64 hex digits.

    >>> key_id(Ed25519PublicKey.from_public_bytes(bytes(32)))[:16]
    '66687aadf862bd77'
    """
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()
