"""Which file is this? Told by its bytes, so that a log that was moved, or is named again, is not read again."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from stillwatch.ingest import files

_CHUNK = 1 << 20
Stamp = tuple[str, int, int, int]  # path, bytes, time of the last change (ns), inode


@dataclass(frozen=True, slots=True)
class Identity:
    """
    Args:
        digest: SHA-256 of the bytes, hexadecimal.
        stamp: Where and when they were seen: while that holds, they need not be looked at again.
        replaces: Digest of what the file held when it was shorter, where it only grew.
    """

    digest: str
    stamp: Stamp
    replaces: str | None = None


def stamp_of(path: str) -> Stamp:
    """
    Where a file lies, and what of it changes whenever its bytes are written.

    Raises:
        OSError: there is no such file.
    """
    told = os.stat(path)
    return os.path.abspath(path), told.st_size, told.st_mtime_ns, told.st_ino


def identify(path: str, known: Mapping[Stamp, str], earlier: Mapping[str, tuple[int, str]]) -> Identity:
    """
    The identity of a file; its bytes are read where nothing is known of it or it was written since.

    Args:
        known: Digests by stamp.
        earlier: By path: how many bytes the file once held, and their digest.

    Raises:
        LogFormatError: it cannot be opened.
    """
    with files.opened(path) as file:
        stamp = stamp_of(path)
        if stamp in known:
            return Identity(known[stamp], stamp)
        n_bytes, digest = earlier.get(stamp[0], (stamp[1], ""))
        told = hashlib.sha256()
        _update(told, file, n_bytes)
        grown = n_bytes < stamp[1] and told.hexdigest() == digest
        _update(told, file, stamp[1] - n_bytes)  # what is written from now on makes it a file that grew
    return Identity(told.hexdigest(), stamp, digest if grown else None)


def _update(told: "hashlib._Hash", file: BinaryIO, n_bytes: int) -> None:
    while n_bytes > 0 and (chunk := file.read(min(n_bytes, _CHUNK))):
        told.update(chunk)
        n_bytes -= len(chunk)
