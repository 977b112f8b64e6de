"""TLS and client certificates at the listener: a real handshake with a real server."""

import contextlib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.exchanging import NO_LIMITS, TAXII
from tests.serving import free_port

from stillwatch.sharing.taxii import database
from stillwatch.sharing.taxii.members import Member, Members

SIGN_IN = {"Accept": TAXII}


def openssl(folder: Path, *arguments: str) -> None:
    """Run it in a folder."""
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def certified(folder: Path, name: str, authority: str) -> None:
    """A key and a certificate signed by an authority of the folder."""
    request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"]
    openssl(folder, *request, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    by = ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2", "-extfile", "ext"]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", *by, "-out", f"{name}.pem")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities; a server and a member of the first, a stranger of the second."""
    folder = tmp_path_factory.mktemp("papers")
    for name in ("house", "other"):
        new = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
        ]
        openssl(folder, *new, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    certified(folder, "server", "house")
    certified(folder, "member", "house")
    certified(folder, "stranger", "other")
    return folder


def client(papers: Path, name: str | None) -> ssl.SSLContext:
    """What a member's program trusts, and the certificate that it shows."""
    context = ssl.create_default_context(cafile=papers / "house.pem")
    if name is not None:
        context.load_cert_chain(papers / f"{name}.pem", papers / f"{name}.key")
    return context


@contextlib.contextmanager
def serving(papers: Path, folder: Path, *more: str | Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """An exchange with TLS; yields its address and a member's sign-in, once the port answers."""
    store, port = str(folder / "exchange.db"), free_port()
    members = Members(database.connect(store))
    members.add(Member("ada", "contributor", limits=NO_LIMITS))
    key = members.issue_key("ada", 1)
    own = ["--tls-cert", papers / "server.pem", "--tls-key", papers / "server.key", "--host", "127.0.0.1", "--port", str(port)]
    code = ["-c", "from stillwatch.cli.main import main; main()", "exchange", "serve", "--store", store]
    command = [sys.executable, *code, *map(str, own), *map(str, more)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(f"https://127.0.0.1:{port}/healthz", verify=client(papers, "member"))
                break
            assert process.poll() is None, "the exchange ended before it answered"
            assert time.monotonic() < deadline, "the exchange does not answer"
            time.sleep(0.05)
        yield f"https://127.0.0.1:{port}/taxii2/", ("ada", key)
    finally:
        process.terminate()
        process.wait(30)


def test_a_client_certificate_is_demanded_before_any_request(papers: Path, tmp_path: Path) -> None:
    """Without one, or with one of another authority, there is no answer at all; with one the key is needed all the same."""
    with serving(papers, tmp_path, "--client-ca", papers / "house.pem") as (url, auth):
        for name in (None, "stranger"):
            with pytest.raises(httpx2.TransportError):
                httpx2.get(url, auth=auth, headers=SIGN_IN, verify=client(papers, name))
        served = httpx2.get(url, auth=auth, headers=SIGN_IN, verify=client(papers, "member"))
        keyless = httpx2.get(url, headers=SIGN_IN, verify=client(papers, "member"))

    assert (served.status_code, keyless.status_code) == (200, 401)


def test_tls_is_1_2_at_least_and_plain_http_is_no_answer(papers: Path, tmp_path: Path) -> None:
    """As TAXII 2.1 demands; discovery then names addresses of https."""
    with serving(papers, tmp_path) as (url, auth):
        told = httpx2.get(url, auth=auth, headers=SIGN_IN, verify=client(papers, None))
        old = client(papers, None)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLS"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx2.TransportError):
            httpx2.get(url, auth=auth, headers=SIGN_IN, verify=old)
        with pytest.raises(httpx2.TransportError):
            httpx2.get(url.replace("https", "http"), auth=auth, headers=SIGN_IN)

    assert told.status_code == 200
