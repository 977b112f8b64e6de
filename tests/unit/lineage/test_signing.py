"""Ed25519 in a DSSE envelope."""

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stillwatch.errors import LineageError
from stillwatch.lineage.signing import seal, signing_key, unseal
from stillwatch.methods.ed25519 import key_id


def test_what_was_sealed_comes_out_as_signed() -> None:
    """Payload, signer, and a signature that holds; it is DSSE's, over its pre-authentication encoding."""
    key = Ed25519PrivateKey.generate()

    raw = seal(b"payload", key)

    assert unseal(raw, "b") == (b"payload", key_id(key.public_key()), True)
    tree = json.loads(raw)
    signed = base64.b64decode(tree["signatures"][0]["sig"])
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(tree["signatures"][0]["public_key"]))
    public.verify(signed, b"DSSEv1 28 application/vnd.in-toto+json 7 payload")


def test_a_changed_payload_is_noticed() -> None:
    """One byte is enough."""
    tree = json.loads(seal(b"payload", Ed25519PrivateKey.generate()))
    tree["payload"] = base64.b64encode(b"Payload").decode()

    payload, _, valid = unseal(json.dumps(tree).encode(), "b")

    assert (payload, valid) == (b"Payload", False)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"payloadType": "application/vnd.in-toto+json", "signatures": []}'])
def test_what_is_no_envelope(raw: bytes) -> None:
    """Other files are refused by name."""
    with pytest.raises(LineageError, match=r"bundle\.json: not an evidence bundle"):
        unseal(raw, "bundle.json")


def test_the_machines_key_is_made_once_and_for_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first use makes it, the second reads it; nobody else can."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    first, second = signing_key(), signing_key()

    assert key_id(first.public_key()) == key_id(second.public_key())
    assert stat.S_IMODE((tmp_path / "stillwatch" / "lineage-signing-key.pem").stat().st_mode) == 0o600


def test_two_processes_that_make_the_key_at_once_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second takes what is there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    there = signing_key()
    missing_once = iter([False])
    real = Path.exists
    monkeypatch.setattr(Path, "exists", lambda self: next(missing_once, real(self)))

    assert key_id(signing_key().public_key()) == key_id(there.public_key())


def test_keys_that_cannot_sign(tmp_path: Path) -> None:
    """Missing, not PEM, or of another kind: the message says how to make one."""
    other = generate_private_key(SECP256R1())
    pem = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "ec.pem").write_bytes(pem)
    (tmp_path / "junk.pem").write_text("junk")

    with pytest.raises(LineageError, match="not an Ed25519 key"):
        signing_key(tmp_path / "ec.pem")
    with pytest.raises(LineageError, match="not an unencrypted PEM key"):
        signing_key(tmp_path / "junk.pem")
    with pytest.raises(LineageError, match="cannot be read"):
        signing_key(tmp_path / "missing.pem")
