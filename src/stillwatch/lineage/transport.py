"""
One HTTP exchange with an endpoint that may be slow, huge, broken or hostile, and never longer or larger than allowed.

Redirects are refused: they would carry the API key to another host. The key is taken out of everything that comes back, because
some servers quote it in their error texts.

Why not a client library: deadlines over a whole exchange and a cap on the body need our own read loop in every one of them, and
what is left after that is `http.client`.
"""

import http.client
import os
import socket
import ssl
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from stillwatch.errors import LineageError

_CHUNK = 1 << 16
_NEVER_KEPT = frozenset({"set-cookie", "authorization", "proxy-authorization", "www-authenticate"})
HIDDEN = "[key]"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The credential of an endpoint; never printed, logged, stored or signed."""

    secret: str

    def __post_init__(self) -> None:
        if not self.secret.strip() or not self.secret.isascii() or not self.secret.isprintable():
            raise LineageError(
                "the API key is empty or has characters that no header may carry. Look at the environment variable"
            )

    def __repr__(self) -> str:
        return "ApiKey(...)"

    def hide(self, raw: bytes) -> bytes:
        """`raw` without the key."""
        return raw.replace(self.secret.encode(), HIDDEN.encode())


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how large one exchange may be."""

    idle_s: float = 30.0  # without a byte
    total_s: float = 120.0  # whole exchange: a slow drip of bytes ends here
    max_bytes: int = 1 << 26  # a full vocabulary of 262,144 log-probabilities is 25 MB of JSON


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Why nothing came back, in words; `passing` says whether trying again can help."""

    reason: str
    passing: bool = True


@dataclass(frozen=True, slots=True)
class Transport:
    """
    Exchanges with one server.

    Args:
        url: Base address such as `https://host/v1`; no user name, no fragment.
        key: Sent as a bearer token.
        limits: Of one exchange.
    """

    url: str
    key: ApiKey | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise LineageError(f"{self.address}: not an address: it must begin with https:// or http:// and name a host")
        if parts.username or parts.password:
            raise LineageError(f"{self.address}: put no user name or password in the address; pass --api-key-env")
        if parts.scheme == "http" and self.key is not None and not _is_loopback(parts.hostname):
            raise LineageError(f"{self.address}: an API key is never sent over plain http. Use https://")

    @property
    def address(self) -> str:
        """The address for people: scheme, host and path only (a query may hold a credential)."""
        parts = urllib.parse.urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path.rstrip('/')}"

    def send(self, method: str, path: str, body: bytes | None = None) -> Reply | Fault:
        """One exchange. A `Fault` where no whole answer came; whatever status a whole answer has is a `Reply`."""
        connection = self._connection()
        late = threading.Event()
        try:
            connection.connect()
            with _deadline(connection.sock, self.limits.total_s, late):
                connection.request(method, self._target(path), body, self._headers(body))
                said = self._read(connection.getresponse())
            return self._too_late() if late.is_set() else said
        except TimeoutError:
            return Fault(f"no answer within {self.limits.idle_s:g} s")
        except ssl.SSLCertVerificationError as error:
            return Fault(f"its certificate is not trusted ({error.verify_message})", passing=False)
        except socket.gaierror:
            return Fault("its host name is not known here")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return self._too_late() if late.is_set() else Fault(f"broken exchange ({type(error).__name__})")
        finally:
            connection.close()

    def _too_late(self) -> Fault:
        return Fault(f"no whole answer within {self.limits.total_s:g} s")

    def _read(self, response: http.client.HTTPResponse) -> Reply | Fault:
        if 300 <= response.status < 400:
            return Fault(f"it redirects (status {response.status}): give the final address", passing=False)
        parts, size = [], 0
        while chunk := response.read1(_CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if size > self.limits.max_bytes:
                return Fault(f"its answer is larger than {self.limits.max_bytes} bytes", passing=False)
        if response.length:
            return Fault("the answer broke off")
        return Reply(response.status, self._kept(response), self.key.hide(b"".join(parts)) if self.key else b"".join(parts))

    def _kept(self, response: http.client.HTTPResponse) -> dict[str, str]:
        told = {name.lower(): value for name, value in response.getheaders() if name.lower() not in _NEVER_KEPT}
        if self.key is None:
            return told
        return {n: self.key.hide(v.encode("latin-1", "replace")).decode("latin-1") for n, v in told.items()}

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "stillwatch"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key.secret}"
        return headers

    def _target(self, path: str) -> str:
        parts = urllib.parse.urlsplit(self.url)
        query = f"?{parts.query}" if parts.query else ""
        target = f"{parts.path.rstrip('/')}{path}{query}"
        return f"http://{parts.netloc}{target}" if self._proxy() and parts.scheme == "http" else target

    def _connection(self) -> http.client.HTTPConnection:
        parts = urllib.parse.urlsplit(self.url)
        assert parts.hostname
        proxy = self._proxy()
        host, port = (proxy.hostname or "", proxy.port or 8080) if proxy else (parts.hostname, parts.port)
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.limits.idle_s)
        connection = http.client.HTTPSConnection(host, port, timeout=self.limits.idle_s, context=ssl.create_default_context())
        if proxy:
            connection.set_tunnel(parts.hostname, parts.port or 443)
        return connection

    def _proxy(self) -> urllib.parse.SplitResult | None:
        parts = urllib.parse.urlsplit(self.url)
        found = urllib.request.getproxies().get(parts.scheme)
        if not found or urllib.request.proxy_bypass(parts.hostname or "") or _is_loopback(parts.hostname or ""):
            return None
        return urllib.parse.urlsplit(found if "//" in found else f"http://{found}")


def key_from_environment(name: str) -> ApiKey | None:
    """The API key that an environment variable holds; None where the variable is not set."""
    secret = os.environ.get(name)
    return ApiKey(secret) if secret is not None else None


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


@contextmanager
def _deadline(wire: socket.socket, seconds: float, late: threading.Event) -> Iterator[None]:
    """Cut the wire after `seconds`: whoever waits on it wakes with an error or an end of file."""

    def cut() -> None:
        late.set()
        with suppress(OSError):  # it had ended by itself
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
