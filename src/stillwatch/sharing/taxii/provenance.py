"""
Who a page comes from: an exchange signs the pages it serves (Ed25519, RFC 8032), a puller holds them against keys it has pinned.

Signed is the collection's id with the page's bytes, as served; so nothing has to be made canonical. TLS shows who was
connected to, a signature who made it, behind any proxy or mirror. It does not show that nothing was left out: TLS does.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stillwatch.errors import SharingError
from stillwatch.methods.ed25519 import key_id, private_key

HEADER = "X-Stillwatch-Signature"
POLICIES = ("accept", "require")
_MAX_SIGNATURES = 4


class Signer:
    """
    The keys of an exchange; all sign, so that one can be replaced without a gap.

    Args:
        paths: PEM files, newest first.

    Raises:
        SharingError: a file holds no Ed25519 key that is not encrypted.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._keys = [_private(Path(path)) for path in paths]

    def header(self, collection_id: str, body: bytes) -> str | None:
        """What stands in the header; None without keys."""
        told = _signed(collection_id, body)
        parts = [f"{_name(key.public_key())}:{base64.b64encode(key.sign(told)).decode()}" for key in self._keys]
        return ", ".join(parts) or None

    @property
    def public(self) -> list[str]:
        """The public keys in hex, as peers pin them."""
        return [key.public_key().public_bytes_raw().hex() for key in self._keys]


def refusal(pinned: Sequence[str], policy: str, collection_id: str, body: bytes, header: str | None) -> str | None:
    """
    Why a page may not come in, or None.

    Args:
        pinned: Public keys in hex.
        policy: `require` takes only what a pinned key signed; `accept` also what is unsigned or signed by keys that are not
            pinned. A wrong signature under a pinned key is refused by both.
    """
    keys = {_name(key): key for key in (parse(one) for one in pinned)}
    signed, wrong = False, False
    for part in (header or "").split(",")[:_MAX_SIGNATURES]:
        name, _, written = part.strip().partition(":")
        if name not in keys:
            continue
        try:
            keys[name].verify(base64.b64decode(written, validate=True), _signed(collection_id, body))
            signed = True
        except (InvalidSignature, ValueError):
            wrong = True
    if wrong:
        return "the signature of a pinned key does not fit the page: it was altered on the way, or is not the peer's"
    if signed or policy == "accept":
        return None
    return "the page is not signed" if header is None else "the page is signed, but by no key that is pinned"


def parse(text: str) -> Ed25519PublicKey:
    """
    A public key in hex.

    Raises:
        SharingError: it is none.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError as error:
        raise SharingError(
            "a pinned key is 64 hex digits, as the peer's operator prints it with: exchange signing-key"
        ) from error


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        return private_key(path.read_bytes())
    except OSError as error:
        raise SharingError(f"{path}: the signing key cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SharingError(f"{path}: {error}") from error


def _name(key: Ed25519PublicKey) -> str:
    return key_id(key)[:16]


def _signed(collection_id: str, body: bytes) -> bytes:
    return b"stillwatch page 1\n" + collection_id.encode() + b"\n" + hashlib.sha256(body).digest()
