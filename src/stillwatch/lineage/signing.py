"""
Ed25519 signatures in a DSSE envelope, so that others can read our bundles with tools of theirs.

Who a key belongs to is not known here: a valid signature says that whoever holds the key signed this, and no more.

References:
    Ed25519: RFC 8032. Envelope: DSSE 1.0 (secure-systems-lab). Statement: in-toto Attestation Framework, Statement v1.
"""

import base64
import os
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stillwatch.errors import LineageError
from stillwatch.methods.ed25519 import key_id, private_key
from stillwatch.privacy import default_key_path

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def signing_key(path: Path | None = None) -> Ed25519PrivateKey:
    """
    The key that signs bundles: a PEM file, this machine's own by default, made on first use and readable by its owner only.

    Raises:
        LineageError: the file holds no Ed25519 key that is not encrypted.
    """
    where = path or default_key_path().with_name("lineage-signing-key.pem")
    if not where.exists() and path is None:
        _make(where)
    try:
        return private_key(where.read_bytes())
    except OSError as error:
        raise LineageError(f"{where}: the signing key cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise LineageError(f"{where}: {error}") from error


def seal(payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """A DSSE envelope around a payload; the public key stands beside the signature."""
    public = key.public_key()
    signature = {
        "keyid": key_id(public),
        "public_key": base64.b64encode(public.public_bytes_raw()).decode("ascii"),
        "sig": base64.b64encode(key.sign(_authenticated(payload))).decode("ascii"),
    }
    tree = {"payload": base64.b64encode(payload).decode("ascii"), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    return orjson.dumps(tree, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def unseal(raw: bytes, where: str) -> tuple[bytes, str, bool]:
    """
    Payload, key id and whether the signature holds.

    Raises:
        LineageError: not an envelope.
    """
    try:
        tree = orjson.loads(raw)
        if tree["payloadType"] != PAYLOAD_TYPE or len(tree["signatures"]) != 1:
            raise ValueError("another kind of envelope")
        signature = tree["signatures"][0]
        payload = base64.b64decode(tree["payload"], validate=True)
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"], validate=True))
        signed = base64.b64decode(signature["sig"], validate=True)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise LineageError(f"{where}: not an evidence bundle of Stillwatch") from error
    try:
        public.verify(signed, _authenticated(payload))
    except InvalidSignature:
        return payload, key_id(public), False
    return payload, key_id(public), True


def _authenticated(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _make(where: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    where.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another process was faster: its key is as good
    with os.fdopen(handle, "wb") as out:
        out.write(pem)
