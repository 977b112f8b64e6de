"""The server refuses to listen where keys could be overheard."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.exchanging import Api, basic

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii.app import build
from stillwatch.sharing.taxii.exchange import Exchange, Options
from stillwatch.sharing.taxii.server import Listen, Start, check
from stillwatch.sharing.taxii.sqlite import SqliteDatabase


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A file that stands for a certificate."""
    path = tmp_path / "x.pem"
    path.write_text("x")
    return path


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_nothing(host: str) -> None:
    """What does not leave the machine may be plain."""
    check(Start("x.db", Listen(host)))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "exchange.example.org"])
def test_any_other_address_needs_tls_or_a_proxy(host: str, pem: Path) -> None:
    """Plain keys on a network are refused, with the three ways out."""
    with pytest.raises(SharingError, match="--trusted-proxy"):
        check(Start("x.db", Listen(host)))

    check(Start("x.db", Listen(host, certificate=pem, private_key=pem)))
    check(Start("x.db", Listen(host), Options(trusted_proxies=frozenset({"192.0.2.9"}))))


def test_half_of_tls_is_an_error(pem: Path) -> None:
    """A certificate without its key, a missing file, client certificates without TLS."""
    for listen in (Listen(certificate=pem), Listen(certificate=pem, private_key=pem / "no"), Listen(client_authorities=pem)):
        with pytest.raises(SharingError):
            check(Start("x.db", listen))


def test_behind_a_proxy_nobody_else_connects(api: Api, database: SqliteDatabase) -> None:
    """Addresses that are not the proxy's are refused before any key is looked at."""
    options = Options(trusted_proxies=frozenset({"192.0.2.9"}))
    headers = {"Authorization": basic("ada", api.keys["ada"])}

    with TestClient(build(Exchange(database, options)), client=("192.0.2.8", 1)) as stranger:
        refused = stranger.get("/taxii2/", headers=headers)
    with TestClient(build(Exchange(database, options)), client=("192.0.2.9", 1)) as proxy:
        served = proxy.get("/taxii2/", headers=headers)

    assert (refused.status_code, served.status_code) == (403, 200)


def test_a_certificate_is_a_second_factor(api: Api, database: SqliteDatabase) -> None:
    """A member with a certificate needs it with every key, told by the proxy and by nobody else."""
    from dataclasses import replace

    digest = "ab" * 32
    api.members.change(replace(api.members.get("ada"), certificate=digest))
    headers = {"Authorization": basic("ada", api.keys["ada"])}
    options = Options(trusted_proxies=frozenset({"192.0.2.9"}))

    with TestClient(build(Exchange(database, options)), client=("192.0.2.9", 1)) as proxy:
        codes = [
            proxy.get("/taxii2/", headers=headers | extra).status_code
            for extra in ({}, {"X-Client-Cert-SHA256": "cd" * 32}, {"X-Client-Cert-SHA256": digest})
        ]

    assert codes == [403, 403, 200]
    assert api.get("/taxii2/").status_code == 403  # no proxy is trusted here, so no header counts
    assert api.request("GET", "/taxii2/", headers={"X-Client-Cert-SHA256": digest}).status_code == 403


def test_a_lost_database_is_503_and_says_to_send_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was answered that is not stored."""
    from stillwatch.sharing.taxii.database import DatabaseLostError

    def lost(*_: object, **__: object) -> None:
        raise DatabaseLostError("gone")

    monkeypatch.setattr("stillwatch.sharing.taxii.objects.Objects.post", lost)

    answer = api.post([api.indicator()])

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


def test_a_fault_of_ours_is_500_without_its_text(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is an error object; log and answer name the place, never a value."""

    def broken(*_: object, **__: object) -> None:
        raise KeyError("jane@example.org")

    monkeypatch.setattr("stillwatch.sharing.taxii.objects.Objects.post", broken)

    answer = api.post([api.indicator()])

    assert answer.status_code == 500
    assert answer.json()["title"] == "Internal error"
    assert "jane" not in answer.text + caplog.text
    assert "KeyError" in caplog.text
