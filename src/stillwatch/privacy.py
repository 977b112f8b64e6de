"""
Keyed pseudonyms, and the smallest group whose wording a person may see.

Everything that leaves a log line is a digest under a key that stays in the house: without it a guess cannot be confirmed.
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from stillwatch.errors import SettingsError

MIN_ACCOUNTS_FOR_WORDING = 20  # docs/decisions.md: below this a template can be one customer's own words
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """
    The secret that keys every digest; never printed, logged or stored with results.

    Args:
        secret: 32 random bytes.
    """

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise SettingsError("the key is shorter than 16 bytes. Make one with: openssl rand -hex 32 > key")

    def __repr__(self) -> str:
        return f"Key(id={self.key_id})"

    @property
    def key_id(self) -> str:
        """Eight hex digits that name the key without revealing it."""
        return hmac.new(self.secret, b"stillwatch key id", hashlib.sha256).hexdigest()[:8]

    def seed(self, purpose: str) -> int:
        """
        A 64-bit seed for one purpose, derived by HMAC-SHA-256 (RFC 2104).

        >>> Key(b"0" * 32).seed("words") == Key(b"0" * 32).seed("words")
        True
        >>> Key(b"0" * 32).seed("words") == Key(b"0" * 32).seed("accounts")
        False
        """
        digest = hmac.new(self.secret, purpose.encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:8], "little")

    def digest(self, purpose: str, value: str) -> int:
        """Signed 64-bit pseudonym of one value under one purpose (keyed BLAKE2b, RFC 7693)."""
        raw = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8, key=self.secret[:64], person=tag(purpose))
        return int.from_bytes(raw.digest(), "little", signed=True)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """
        Read a key: 64 hex digits or raw bytes.

        Raises:
            SettingsError: the file cannot be read or holds fewer than 16 bytes.
        """
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise SettingsError(
                f"{path}: the key cannot be read ({error.strerror}). Pass --key-file, or remove the setting"
            ) from error
        text = raw.strip()
        try:
            return cls(bytes.fromhex(text.decode("ascii")))
        except ValueError:
            return cls(raw)

    @classmethod
    def of_this_machine(cls, path: Path | None = None) -> Self:
        """The machine's own key, made on first use in `~/.config/stillwatch/key`, readable by its owner only."""
        path = path or default_key_path()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                return cls.from_file(path)
            with os.fdopen(handle, "w") as out:
                out.write(secrets.token_hex(_KEY_BYTES) + "\n")
        return cls.from_file(path)


def default_key_path() -> Path:
    """Where the machine's key lives: `$XDG_CONFIG_HOME/stillwatch/key`, else `~/.config/stillwatch/key`."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "stillwatch" / "key"


def pseudonym(account: int) -> str:
    """
    How a keyed digest is written for people: 16 hex digits.

    >>> pseudonym(-1)
    'ffffffffffffffff'
    """
    return f"{account & 0xFFFFFFFFFFFFFFFF:016x}"


def digest(pseudonym: str) -> int:
    """
    The keyed digest that `pseudonym` wrote.

    >>> digest("ffffffffffffffff")
    -1
    """
    number = int(pseudonym, 16)
    return number - ((number >> 63) << 64)


@cache
def tag(purpose: str) -> bytes:
    """The personalisation of a purpose's digests, 16 bytes: kernels that digest a whole column need it."""
    return hashlib.sha256(purpose.encode()).digest()[:16]
