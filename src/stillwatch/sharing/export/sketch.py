"""
A template as 128 bytes that only holders of the epoch's key can compare, as it stands in an indicator.

How the bytes are made is signatures/shared.py; here is how they are named, written and compared.
"""

import base64

from stillwatch.records.tables import SKETCH_BYTES
from stillwatch.signatures.shared import SHINGLE_WORDS, Epoch, parts, shingles, sketches

__all__ = [
    "Epoch",
    "parts",
    "read",
    "read_contract",
    "shingles",
    "similarity",
    "sketch",
    "sketches",
    "write",
    "write_contract",
]

PERMUTATIONS = SKETCH_BYTES
THRESHOLD = 0.7
ALGORITHM, SHINGLE, NORMALIZER = "minhash-b8", f"word-{SHINGLE_WORDS}", "dx-norm-1"
CONTRACT_ALGORITHM = "contract-1"  # signatures/shape.py


def sketch(text: str, epoch: Epoch) -> bytes | None:
    """The sketch of one text: 128 bytes, or None where it has no four words in a row."""
    return sketches([text], epoch)[0]


def similarity(one: bytes, other: bytes) -> float:
    """
    Estimated Jaccard similarity of two templates, 0…1; a byte agrees by chance once in 256.

    Raises:
        ValueError: the sketches differ in length.
    """
    if len(one) != len(other) or not one:
        raise ValueError("two sketches must be of one length")
    agree = sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
    return max(0.0, (agree - 1 / 256) / (1 - 1 / 256))


def write(sketched: bytes) -> str:
    """As it stands in a pattern: base64url."""
    return base64.urlsafe_b64encode(sketched).decode()


def read(text: str) -> bytes:
    """The bytes of a written sketch."""
    return base64.b64decode(text, altchars=b"-_", validate=True)


def write_contract(contract: int) -> str:
    """
    A contract's digest as it stands in a pattern: 16 hex digits.

    >>> write_contract(-1)
    'ffffffffffffffff'
    """
    return f"{contract & 0xFFFFFFFFFFFFFFFF:016x}"


def read_contract(text: str) -> int:
    """
    The signed digest of a written contract.

    >>> read_contract("ffffffffffffffff")
    -1
    """
    return int.from_bytes(int(text, 16).to_bytes(8, "big"), "big", signed=True)
