"""
Who publishes, and the ids of what is published: HMACs under the member's own key, written as UUIDs.

So sending again is idempotent, and an id tells nothing to whoever guesses its content.
"""

import hashlib
import hmac
import uuid
from dataclasses import dataclass

import orjson

from stillwatch.privacy import Key
from stillwatch.sharing.taxii import marking


@dataclass(frozen=True, slots=True)
class Publisher:
    """
    Who publishes, as the exchange knows them.

    Args:
        identity: The identity that the exchange gave the member for the collection (`x_stillwatch_producer`).
        key: The member's own key; salts every id and never leaves.
        tlp: Marking of what is published.
    """

    identity: str
    key: Key
    tlp: int = marking.AMBER_STRICT

    def __post_init__(self) -> None:
        if self.tlp >= marking.RED:
            raise ValueError("TLP:RED goes to named persons, never into a bundle")

    def id_of(self, kind: str, *says: object) -> str:
        """The salted id of an object that says this."""
        told = orjson.dumps([self.identity, kind, [str(one) for one in says]])
        digest = hmac.new(self.key.secret, b"stillwatch share id" + told, hashlib.sha256).digest()
        return f"{kind}--{uuid.UUID(bytes=digest[:16], version=4)}"
