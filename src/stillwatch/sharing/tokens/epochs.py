"""
The keys of the token service: one file an epoch, readable by its owner only, destroyed when the epoch ends.

They never touch the exchange's database or its process. What was tokenised under a destroyed key can never be computed
again, which is the retention policy of tokens.
"""

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import orjson

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import times
from stillwatch.sharing.tokens.group import Group, scalar_bytes, scalar_from
from stillwatch.sharing.tokens.voprf import Voprf

LIVE_EPOCHS = 2
_NAME = re.compile(r"[a-z0-9-]{1,16}")


@dataclass(frozen=True, slots=True)
class Epoch:
    """A key and its public side; never printed whole."""

    name: str
    private: int
    public: bytes
    expires: int

    def __repr__(self) -> str:
        return f"Epoch({self.name}, public={self.public.hex()})"


class Epochs:
    """
    The keys in a folder.

    Args:
        folder: Made if it is not there, closed to others.
        group: Backend.
    """

    def __init__(self, folder: Path, group: Group) -> None:
        self._folder = folder
        self._group = group
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            raise SharingError(f"{folder}: others can look into the folder of keys. Close it with: chmod 700 {folder}")

    def add(self, name: str, days: int) -> Epoch:
        """
        Make a key.

        Raises:
            SharingError: the name is taken or malformed, or two epochs live already.
        """
        if _NAME.fullmatch(name) is None:
            raise SharingError("an epoch's name has 1 to 16 of a-z, 0-9 and dash, for example 2026q4")
        if self._path(name).exists():
            raise SharingError(f"epoch {name} has a key already; a key is never replaced")
        if len(self.live()) >= LIVE_EPOCHS:
            raise SharingError("two epochs live already. Destroy the older one first: exchange tokens destroy")
        seed = secrets.token_bytes(32)
        private = Voprf(self._group).derive_key(seed, f"stillwatch {name}".encode())
        epoch = Epoch(name, private, self._group.times_base(private), times.now_us() + days * times.DAY_US)
        told = orjson.dumps({"epoch": name, "private": scalar_bytes(private).hex(), "expires": epoch.expires})
        with os.fdopen(os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(told)
            out.flush()
            os.fsync(out.fileno())
        return epoch

    def live(self) -> list[Epoch]:
        """The epochs that have not ended, by name; keys of ended ones are destroyed on the way."""
        found = [self._read(path) for path in sorted(self._folder.glob("*.json"))]
        now = times.now_us()
        for epoch in found:
            if epoch.expires <= now:
                self.destroy(epoch.name)
        return [epoch for epoch in found if epoch.expires > now]

    def destroy(self, name: str) -> None:
        """
        Overwrite and remove a key; what was made under it can never be made again.

        Raises:
            SharingError: there is no such key.
        """
        path = self._path(name)
        if _NAME.fullmatch(name) is None or not path.exists():
            raise SharingError(f"there is no epoch '{name}'. See: exchange tokens list")
        with path.open("r+b") as out:
            out.write(bytes(path.stat().st_size))
            out.flush()
            os.fsync(out.fileno())
        path.unlink()

    def _read(self, path: Path) -> Epoch:
        try:
            told = orjson.loads(path.read_bytes())
            private = scalar_from(bytes.fromhex(told["private"]))
            return Epoch(told["epoch"], private, self._group.times_base(private), told["expires"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SharingError(f"{path}: is no key of an epoch, or cannot be read") from error

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
