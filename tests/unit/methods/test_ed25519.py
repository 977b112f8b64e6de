"""Ed25519 keys as files hold them."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillwatch.methods.ed25519 import key_id, private_key

PLAIN = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
LOCKED = (*PLAIN[:2], serialization.BestAvailableEncryption(b"x"))


def test_a_key_comes_back() -> None:
    """What was written is read, and has one id."""
    key = Ed25519PrivateKey.generate()

    again = private_key(key.private_bytes(*PLAIN))

    assert key_id(again.public_key()) == key_id(key.public_key())
    assert key_id(Ed25519PrivateKey.generate().public_key()) != key_id(key.public_key())


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (b"junk", "not an unencrypted PEM key"),
        (
            Ed25519PrivateKey.generate().private_bytes(*PLAIN[:2], serialization.BestAvailableEncryption(b"x")),
            "not an unencrypted",
        ),
        (generate_private_key(SECP256R1()).private_bytes(*PLAIN), "not an Ed25519 key"),
    ],
    ids=["junk", "encrypted", "another kind"],
)
def test_what_is_no_key_is_told_with_what_to_do(pem: bytes, words: str) -> None:
    """Junk, an encrypted key and one of another kind: the message says how to make one."""
    with pytest.raises(ValueError, match=rf"{words}.*openssl genpkey"):
        private_key(pem)
