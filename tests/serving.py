"""Real processes for tests: an exchange on a loopback port, and Debian's PostgreSQL as an unprivileged user."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """`stillwatch exchange serve` (or another server of ours) over one store, on one port through all its restarts."""

    store: str
    workers: int = 1
    command: tuple[str, ...] = ("exchange", "serve")
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        arguments = [*self.command, "--store", self.store, "--port", str(self.port)]
        arguments += ["--workers", str(self.workers)] if self.workers > 1 else []
        code = "from stillwatch.cli.main import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while True:
            with (
                contextlib.suppress(urllib.error.URLError, ConnectionError),
                urllib.request.urlopen(f"{self.url}/healthz") as answer,
            ):
                assert answer.read() == b"ok\n"
                return
            assert self.process.poll() is None, "the exchange ended before it answered"
            assert time.monotonic() < deadline, "the exchange does not answer"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to it (SIGKILL: to all its processes) and wait for its end; returns the exit code."""
        assert self.process is not None
        if how == signal.SIGKILL:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        return self.process.wait(30)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """
    A PostgreSQL server of our own; yields the URL of an empty database.

    Skips where Debian's server is not installed. It runs as `postgres` where the tests run as root, which it refuses to; in a
    folder outside pytest's own, which pytest closes to every other user.
    """
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("needs Debian's package postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="stillwatch-postgres-") as folder:
        if user is not None:
            shutil.chown(folder, user)
        with _postgres(Path(folder), binaries[-1], user) as url:
            yield url


@contextlib.contextmanager
def _postgres(home: Path, binaries: Path, user: str | None) -> Iterator[str]:
    name = user or pwd.getpwuid(os.geteuid()).pw_name
    data, port = home / "data", free_port()

    def run(*command: str | Path) -> int:
        done = subprocess.run([str(part) for part in command], user=user, cwd=home, capture_output=True, text=True, check=False)
        return done.returncode

    made = run(binaries / "initdb", "--pgdata", data, "--auth=trust", "--no-sync", "--encoding=UTF8", "--username", name)
    assert made == 0, "initdb failed"
    settings = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen([binaries / "postgres", "-D", data, *settings], user=user, cwd=home, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while run(binaries / "pg_isready", "--host", "127.0.0.1", "--port", str(port)) != 0:
            assert server.poll() is None, "PostgreSQL ended before it answered"
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)
        yield f"postgresql://{name}@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown
        server.wait(60)
