"""
Do we share a campaign? Private set intersection between two members, in two messages that travel as files.

The asker learns which of its own items the other has, and how many the other has; the answerer learns how many were asked.
Neither learns anything else, as long as both follow the protocol. An asker can ask about guesses, so the answerer bounds how many
items it answers, and answers each ask once.

References:
    Diffie-Hellman PSI as in Meadows, 1986, with a Golomb-coded set for the answerer's side; openmined-psi 2. Cost on one core:
    docs/research.md, exchange.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from stillwatch.errors import SharingError

try:
    import private_set_intersection.python as openmined
except ImportError as missing:
    raise SharingError("this needs openmined-psi. Install it with: pip install 'stillwatch[psi]'") from missing

FALSE_POSITIVES = 1e-9  # chance that any item of the asker is reported wrongly
MAX_ITEMS = 1_000_000
_ASK, _ANSWER = b"stillwatch psi ask 1\n", b"stillwatch psi answer 1\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the asker keeps until the answer comes: the key of this one ask, and its items in their order."""

    key: bytes
    items: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Asked({len(self.items)} items)"

    def save(self, path: Path) -> None:
        """Write it, readable by its owner only; never over another."""
        told = orjson.dumps({"key": self.key.hex(), "items": self.items})
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(told)
        except FileExistsError as error:
            raise SharingError(f"{path}: exists already. An ask is never overwritten; choose another file") from error

    @classmethod
    def load(cls, path: Path) -> "Asked":
        """
        Read it back.

        Raises:
            SharingError: the file holds no ask.
        """
        try:
            told = orjson.loads(path.read_bytes())
            return cls(bytes.fromhex(told["key"]), tuple(told["items"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SharingError(f"{path}: is no ask that was kept here") from error


def ask(items: Sequence[str]) -> tuple[Asked, bytes]:
    """
    Begin: what to keep, and the message to send.

    Raises:
        SharingError: no items, or more than a million.
    """
    unique = tuple(sorted(set(items)))
    _check_size(len(unique))
    client = openmined.client.CreateWithNewKey(True)
    return Asked(client.GetPrivateKeyBytes(), unique), _seal(_ASK, client.CreateRequest(list(unique)).SerializeToString())


def n_asked(message: bytes) -> int:
    """
    How many items a message asks about.

    Raises:
        SharingError: it is no ask.
    """
    return len(_request(message).encrypted_elements)


def answer(message: bytes, items: Sequence[str], at_most: int) -> bytes:
    """
    Answer an ask with a key that is used this once.

    Args:
        at_most: More items than this are not answered: each is a guess that the asker gets confirmed.

    Raises:
        SharingError: no ask, too many items asked, or none of one's own.
    """
    request = _request(message)
    asked = len(request.encrypted_elements)
    if asked > at_most:
        raise SharingError(f"the message asks about {asked} items, more than the {at_most} that you answer. See --at-most")
    unique = sorted(set(items))
    _check_size(len(unique))
    server = openmined.server.CreateWithNewKey(True)
    try:
        response = server.ProcessRequest(request).SerializeToString()
    except RuntimeError as error:
        raise SharingError("the message is damaged: an item in it is no point of the curve") from error
    setup = server.CreateSetupMessage(FALSE_POSITIVES, asked, unique, openmined.DataStructure.GCS).SerializeToString()
    return _seal(_ANSWER, len(setup).to_bytes(8, "big") + bytes(setup) + bytes(response))


def reveal(asked: Asked, message: bytes) -> list[str]:
    """
    The items that both have, sorted.

    Raises:
        SharingError: no answer, or one to another ask.
    """
    body = _unseal(_ANSWER, message)
    size = int.from_bytes(body[:8], "big")
    setup, response = openmined.ServerSetup(), openmined.Response()
    try:
        setup.ParseFromString(body[8 : 8 + size])
        response.ParseFromString(body[8 + size :])
        if len(response.encrypted_elements) != len(asked.items):
            raise SharingError("this answers another ask")
        client = openmined.client.CreateFromKey(asked.key, True)
        client.CreateRequest(list(asked.items))
        places = client.GetIntersection(setup, response)
    except SharingError:
        raise
    except Exception as error:  # the library raises its own protobuf errors and RuntimeError for what is damaged
        raise SharingError("the answer is damaged, or answers another ask") from error
    return sorted(asked.items[place] for place in places)


def _request(message: bytes) -> Any:
    request = openmined.Request()
    try:
        request.ParseFromString(_unseal(_ASK, message))
    except SharingError:
        raise
    except Exception as error:  # protobuf's DecodeError, which the library does not export
        raise SharingError("the message is damaged") from error
    if not request.reveal_intersection or not 1 <= len(request.encrypted_elements) <= MAX_ITEMS:
        raise SharingError("the message asks for nothing that is answered here")
    return request


def _seal(kind: bytes, body: bytes) -> bytes:
    """A message with a checksum against damage on the way; who sent it is for the channel to say."""
    return kind + hashlib.sha256(kind + body).digest() + body


def _unseal(kind: bytes, message: bytes) -> bytes:
    seal, body = message[len(kind) : len(kind) + 32], message[len(kind) + 32 :]
    if not message.startswith(kind) or hashlib.sha256(kind + body).digest() != seal:
        raise SharingError("this is no such message of stillwatch share psi, or it was damaged on the way")
    return body


def _check_size(n: int) -> None:
    if not 1 <= n <= MAX_ITEMS:
        raise SharingError(f"a set has 1 to {MAX_ITEMS} items")
