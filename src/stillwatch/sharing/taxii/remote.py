"""A TAXII 2.1 collection elsewhere, read and written with nothing but the standard library; sending again is safe."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii.provenance import HEADER

MEDIA_TYPE = "application/taxii+json;version=2.1"
BATCH = 500
MAX_ANSWER_BYTES = 64 * 1024 * 1024  # a page of ours ends at 8 MiB
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What came beside a resource: its bytes, the date of the last object, signatures."""

    raw: bytes
    last: str | None
    signature: str | None


@dataclass(slots=True)
class Sent:
    """What became of objects that were sent: how many were taken, how many wait for a review, why others were refused."""

    taken: int = 0
    waiting: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Remote:
    """
    A collection elsewhere.

    Args:
        url: Address of the collection, `https://…/collections/ID/`; plain http only on this machine.
        member: Name for HTTP Basic.
        key: The member's key.
    """

    url: str
    member: str
    key: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
            raise SharingError(f"{self.url}: a key may cross a network over https only")

    def identity(self) -> str | None:
        """
        The identity under which the member publishes there; None where the collection gives none.

        Raises:
            SharingError: the collection cannot be read.
        """
        identity = self._ask("").get("x_stillwatch_producer")
        return identity if isinstance(identity, str) else None

    def producer(self) -> str:
        """
        The same, where there must be one.

        Raises:
            SharingError: the collection cannot be read, or gives no identities.
        """
        identity = self.identity()
        if identity is None:
            raise SharingError(f"{self.url}: this collection gives no identities. Name yours with --producer")
        return identity

    def send(self, objects: Sequence[dict[str, Any]]) -> "Sent":
        """
        Add objects, some hundred at a time.

        Raises:
            SharingError: the server refused a request or cannot be reached.
        """
        sent = Sent()
        for start in range(0, len(objects), BATCH):
            told = self._ask("objects/", {"objects": list(objects[start : start + BATCH])})
            sent.taken += told["success_count"]
            sent.waiting += told["pending_count"]
            sent.refused += [f"{one['id']}: {one.get('message', 'refused')}" for one in told.get("failures", ())]
        return sent

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """
        All objects of one type, newest versions, page by page.

        Raises:
            SharingError: the server refused a request or cannot be reached.
        """
        return [one for page, _ in self.pages({"match[type]": kind}) for one in page]

    def identifier(self) -> str:
        """
        The id of the collection, where the address may name an alias.

        Raises:
            SharingError: the collection cannot be read.
        """
        return str(self._ask("").get("id"))

    def pages(self, query: dict[str, str]) -> Iterator[tuple[list[dict[str, Any]], str | None]]:
        """
        Pages of objects, each with the date of its last one; `SharingError` as in `objects`.

        Args:
            query: Parameters (TAXII 2.1 section 3.4); repeated beside the cursor, since some servers ask for that.
        """
        for told, answer in self.answers(query):
            yield told.get("objects", []), answer.last

    def answers(self, query: dict[str, str]) -> Iterator[tuple[dict[str, Any], "Answer"]]:
        """The same pages whole, each with what came beside it."""
        cursor: dict[str, str] = {}
        while True:
            told, answer = self._answer("objects/?" + urlencode(query | cursor), None)
            yield told, answer
            if not told.get("more") or "next" not in told:
                return
            if told["next"] == cursor.get("next"):
                raise SharingError(f"{self.url}: the server hands out one page for ever. Tell its operator")
            cursor = {"next": str(told["next"])}

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._answer(path, body)[0]

    def _answer(self, path: str, body: dict[str, Any] | None) -> tuple[dict[str, Any], "Answer"]:
        token = base64.b64encode(f"{self.member}:{self.key}".encode()).decode()
        headers = {"Accept": MEDIA_TYPE, "Authorization": f"Basic {token}"} | ({"Content-Type": MEDIA_TYPE} if body else {})
        raw = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url.rstrip("/") + "/" + path, raw, headers)  # noqa: S310 (checked above)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=ssl.create_default_context()) as answer:  # noqa: S310
                raw = answer.read(MAX_ANSWER_BYTES + 1)
                if len(raw) > MAX_ANSWER_BYTES:
                    raise ValueError("too much")
                told = json.loads(raw)
                if not isinstance(told, dict):
                    raise ValueError("no TAXII resource")
                return told, Answer(raw, answer.headers.get("X-TAXII-Date-Added-Last"), answer.headers.get(HEADER))
        except urllib.error.HTTPError as error:
            raise SharingError(f"{self.url}: the server answered {error.code} ({_title(error)})") from error
        except (OSError, ValueError) as error:
            raise SharingError(f"{self.url}: cannot be reached, or does not speak TAXII 2.1. Check the address") from error


def _title(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["title"])[:80]
    except (ValueError, KeyError, TypeError):
        return "without a reason"
