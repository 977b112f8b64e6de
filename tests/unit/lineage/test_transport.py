"""One exchange: deadlines, size, redirects, and a key that never comes back."""

import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from stillwatch.errors import LineageError
from stillwatch.lineage.transport import ApiKey, Fault, Limits, Reply, Transport, key_from_environment

SECRET = "sk-very-secret-0123456789"


def test_a_whole_answer_is_a_reply_whatever_its_status(serve: Any, told: Any) -> None:
    """Status, headers in lower case and body come back, also of a refusal."""
    server = serve(lambda _: told({"error": "no"}, 404, {"X-Server": "toy"}))

    reply = Transport(server.url).send("POST", "/chat/completions", b"{}")

    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers["x-server"], reply.body) == (404, "toy", b'{"error": "no"}')
    assert server.asked[0].path == "/v1/chat/completions"


def test_the_key_goes_out_and_never_comes_back(serve: Any, told: Any) -> None:
    """A server that quotes the key in headers and body does not get it into a reply; cookies are dropped."""
    server = serve(lambda asked: told(asked.headers["authorization"].encode(), 200, {"X-Echo": SECRET, "Set-Cookie": "a=b"}))

    reply = Transport(server.url, ApiKey(SECRET)).send("GET", "/models")

    assert isinstance(reply, Reply)
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in str(reply)
    assert reply.body == b"Bearer [key]"
    assert "set-cookie" not in reply.headers


def test_a_redirect_is_refused(serve: Any, told: Any) -> None:
    """Nobody follows a redirect: it could carry the key elsewhere."""
    server = serve(lambda _: told(b"", 307, {"Location": "http://127.0.0.1:9/"}))

    fault = Transport(server.url).send("GET", "/models")

    assert fault == Fault("it redirects (status 307): give the final address", passing=False)
    assert len(server.asked) == 1


def test_an_answer_too_large_is_given_up(serve: Any, told: Any) -> None:
    """No more is read than allowed, and trying again would not help."""
    server = serve(lambda _: told(b"x" * 70_000))

    fault = Transport(server.url, limits=Limits(max_bytes=65_536)).send("GET", "/models")

    assert fault == Fault("its answer is larger than 65536 bytes", passing=False)


def test_an_answer_that_breaks_off_is_no_answer(serve: Any, told: Any) -> None:
    """Fewer bytes than announced are a passing fault."""
    server = serve(lambda _: told(b"{}", 200, {"Content-Length": "900", "Connection": "close"}))

    fault = Transport(server.url).send("GET", "/models")

    assert isinstance(fault, Fault)
    assert fault.passing


def test_nobody_listening_is_a_passing_fault() -> None:
    """A refused connection is named by its kind."""
    assert Transport("http://127.0.0.1:9/v1").send("GET", "/models") == Fault("broken exchange (ConnectionRefusedError)")


def test_a_host_without_a_name_is_a_passing_fault() -> None:
    """A host that no resolver knows is said to be unknown here."""
    assert Transport("https://no-such-host.invalid/v1").send("GET", "/m") == Fault("its host name is not known here")


def test_a_slow_drip_ends_at_the_deadline(serve: Any, told: Any) -> None:
    """A server that waits longer than the whole exchange may take is cut off."""
    gate = threading.Event()
    server = serve(lambda _: (gate.wait(5), told({}))[1])

    fault = Transport(server.url, limits=Limits(idle_s=5.0, total_s=0.15)).send("GET", "/models")
    gate.set()

    assert fault == Fault("no whole answer within 0.15 s")


def test_silence_ends_at_the_idle_limit(serve: Any, told: Any) -> None:
    """No byte for so long is a fault of its own."""
    gate = threading.Event()
    server = serve(lambda _: (gate.wait(5), told({}))[1])

    fault = Transport(server.url, limits=Limits(idle_s=0.15, total_s=5.0)).send("GET", "/models")
    gate.set()

    assert fault == Fault("no answer within 0.15 s")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/v1", "not an address"),
        ("https:///v1", "not an address"),
        ("https://user:pass@host/v1", "no user name or password"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, words: str) -> None:
    """The message says what is wrong and quotes neither password nor query."""
    with pytest.raises(LineageError, match=words) as caught:
        Transport(url)

    assert "pass@" not in str(caught.value)


def test_a_key_is_never_sent_in_the_clear() -> None:
    """Plain http to another machine is refused where there is a key."""
    with pytest.raises(LineageError, match="never sent over plain http"):
        Transport("http://example.org/v1", ApiKey(SECRET))


def test_the_address_shown_has_no_query() -> None:
    """A query may hold a credential: it is sent, and never shown."""
    transport = Transport("https://host:8443/v1/?token=hush")

    assert transport.address == "https://host:8443/v1"
    assert transport._target("/models") == "/v1/models?token=hush"


def test_proxies_of_the_environment_are_used(serve: Any, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http goes to the proxy with the whole address; loopback never does."""
    proxy = serve(lambda asked: told({"seen": asked.path}))
    monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)

    reply = Transport("http://example.org/v1").send("GET", "/models")

    assert isinstance(reply, Reply)
    assert reply.body == b'{"seen": "http://example.org/v1/models"}'
    assert Transport("http://127.0.0.1:9/v1")._proxy() is None


def test_https_goes_through_a_proxy_by_a_tunnel(serve: Any, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses the tunnel is a fault, and the key was not shown to it."""
    proxy = serve(lambda _: told({}))
    monkeypatch.setenv("https_proxy", proxy.url.removeprefix("http://").removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)

    fault = Transport("https://example.org/v1", ApiKey(SECRET)).send("GET", "/models")

    assert isinstance(fault, Fault)
    assert proxy.asked == []


def test_a_key_keeps_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key prints as nothing, comes from a named variable, and an unusable one is refused without being quoted."""
    monkeypatch.setenv("MY_KEY", SECRET)

    key = key_from_environment("MY_KEY")

    assert key is not None
    assert SECRET not in repr(key)
    assert key_from_environment("NOT_SET_ANYWHERE") is None
    with pytest.raises(LineageError) as caught:
        ApiKey("a\nb")
    assert "a\nb" not in str(caught.value)


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """A self-signed server is named as such, trying again does not help, and nothing was sent."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    pem = builder.sign(key, None).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "both.pem").write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        wire, _ = listener.accept()
        with suppress(OSError), wire, context.wrap_socket(wire, server_side=True):
            pass

    thread = threading.Thread(target=greet)
    thread.start()
    fault = Transport(f"https://127.0.0.1:{listener.getsockname()[1]}/v1", ApiKey(SECRET)).send("GET", "/models")
    thread.join()
    listener.close()

    assert isinstance(fault, Fault)
    assert "certificate is not trusted" in fault.reason
    assert not fault.passing
