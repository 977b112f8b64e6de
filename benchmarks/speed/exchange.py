"""
speed.exchange: what a TAXII server spends on an object, a list, a manifest and an empty poll, and what its pollers lose.

    python -m benchmarks.speed.exchange [--peers medallion opentaxii] [--objects 10000] [--big 1000000] [--dry]

Server CPU seconds (user and system, all its processes, from /proc), because wall times of a shared machine say little. The same
driver for all: 100 objects a POST, pages of 1,000. Peers are installed from the package index into a throw-away environment:
medallion 3.0.0 (memory backend; 1,000 objects, because its list grows with the square) and OpenTAXII 0.9.3 (SQLite, 2 gunicorn
workers; it stores objects but answers 500 to the POST, so the driver goes on). Ours: SQLite, one process, every check of the
production server, no limits.

The race: one writer of 200-object batches beside one of 5-object batches and one poller that follows
X-TAXII-Date-Added-Last, four rounds; an object that the poller never saw is lost.
"""

import argparse
import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
from benchmarks.record import record
from tests.exchanging import NO_LIMITS, PLACE, TAXII, indicator
from tests.serving import Served, free_port

from stillwatch.sharing.taxii import database
from stillwatch.sharing.taxii.members import Member, Members

HEADERS = {"Accept": TAXII, "Content-Type": TAXII}
BATCH, PAGE = 100, 1_000
EMPTY_POLLS = 200
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Target:
    """A running server: address of a collection, sign-in, its process, the identity to write as, whether it answers its POSTs."""

    name: str
    version: str
    url: str
    auth: tuple[str, str]
    process: int
    identity: str
    tolerant: bool = False

    def client(self) -> httpx2.Client:
        """A client that keeps its connection."""
        return httpx2.Client(base_url=self.url, auth=self.auth, headers=HEADERS, timeout=600)

    def cpu_s(self) -> float:
        """CPU of the server and all its children so far."""
        return sum(_cpu(pid) for pid in _family(self.process))

    def objects(self, n: int) -> list[dict[str, Any]]:
        """New indicators."""
        return [indicator(created_by_ref=self.identity) for _ in range(n)]

    def post(self, client: httpx2.Client, things: list[dict[str, Any]]) -> None:
        """One POST."""
        answer = client.post("objects/", content=orjson.dumps({"objects": things}))
        if not self.tolerant:
            answer.raise_for_status()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _family(pid: int) -> list[int]:
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").iterdir():
            queue += [int(child) for child in (task / "children").read_text().split()]
    return found


def spent(target: Target, work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of the server during some work, and what the work returned."""
    before = target.cpu_s()
    got = work()
    return target.cpu_s() - before, got


def walk(client: httpx2.Client, path: str) -> tuple[int, str | None]:
    """All pages of an endpoint: records, and the date of the last."""
    params: dict[str, Any] = {"limit": PAGE}
    n, last = 0, None
    while True:
        answer = client.get(path, params=params)
        answer.raise_for_status()
        page = answer.json()
        n += len(page.get("objects", []))
        last = answer.headers.get("x-taxii-date-added-last", last)
        if not page.get("more"):
            return n, last
        # the manifest of one peer says `more` without a `next`: then on by date
        params = {"limit": PAGE} | ({"next": page["next"]} if "next" in page else {"added_after": last})


def all_of(target: Target, client: httpx2.Client, batches: list[list[dict[str, Any]]]) -> None:
    """One POST a batch."""
    for batch in batches:
        target.post(client, batch)


def costs(target: Target, n: int) -> dict[str, Any]:
    """What each kind of request costs the server, milliseconds of CPU."""
    with target.client() as client:
        batches = [target.objects(BATCH) for _ in range(n // BATCH)]
        began = time.perf_counter()
        post_s, _ = spent(target, lambda: all_of(target, client, batches))
        wall_s = time.perf_counter() - began
        list_s, (listed, last) = spent(target, lambda: walk(client, "objects/"))
        manifest_s, _ = spent(target, lambda: walk(client, "manifest/"))
        polls = EMPTY_POLLS if list_s < 1 else 1
        poll_s, _ = spent(target, lambda: [client.get("objects/", params={"added_after": last}) for _ in range(polls)])
    return {
        "n": n,
        "post_ms_an_object": round(post_s / n * 1e3, 4),
        "objects_a_s": round(n / wall_s, 1),
        "listed": listed,
        "list_ms": round(list_s * 1e3, 1),
        "manifest_ms": round(manifest_s * 1e3, 1),
        "empty_poll_ms": round(poll_s / polls * 1e3, 3),
    }


def race(target: Target, rounds: int = 4, big: int = 200) -> dict[str, Any]:
    """Objects that a poller never saw, of those that two writers sent."""
    sent: set[str] = set()
    seen: Counter[str] = Counter()
    done = threading.Event()

    def write(size: int, times: int) -> None:
        with target.client() as client:
            for _ in range(times):
                things = target.objects(size)
                sent.update(thing["id"] for thing in things)
                target.post(client, things)

    def poll() -> None:
        after = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        with target.client() as client:
            while True:
                finished = done.is_set()
                answer = client.get("objects/", params={"added_after": after, "limit": PAGE})
                things = answer.json().get("objects", []) if answer.status_code == 200 else []
                seen.update(thing["id"] for thing in things)
                after = answer.headers.get("x-taxii-date-added-last", after) if things else after
                if finished and not things:
                    return

    time.sleep(1.1)  # nothing of before is younger than the poller's start
    polling = threading.Thread(target=poll)
    polling.start()
    for _ in range(rounds):
        writers = [threading.Thread(target=write, args=one) for one in ((big, 1), (5, 20))]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    done.set()
    polling.join()
    return {"sent": len(sent), "lost": len(sent - set(seen)), "doubled": sum(n > 1 for n in seen.values())}


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Target]:
    """The exchange of this repository."""
    store = str(folder / "exchange.db")
    members = Members(database.connect(store))
    place = members.add_collection(PLACE)
    members.add(Member("writer", "contributor", limits=NO_LIMITS))
    key, identity = members.issue_key("writer", 1), members.identity("writer", place)
    served = Served(store)
    served.start()
    assert served.process is not None
    assert identity is not None
    try:
        url = f"{served.url}/api/collections/{PLACE.id}/"
        yield Target("stillwatch", "this commit", url, ("writer", key), served.process.pid, identity)
    finally:
        served.stop()


def installed(folder: Path, *packages: str) -> Path:
    """A throw-away environment with packages of a peer; returns its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    quiet: list[str | Path] = [folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*quiet, *packages], check=True, stderr=subprocess.DEVNULL)
    return folder / "venv/bin"


@contextlib.contextmanager
def running(command: list[str | Path], port: int, folder: Path, **environment: str) -> Iterator[int]:
    """A server process, once its port answers; yields its process id."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(f"http://127.0.0.1:{port}/taxii2/", timeout=5)
                break
            assert process.poll() is None, (folder / "log").read_text()[-2_000:]
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def medallion(folder: Path) -> Iterator[Target]:
    """medallion of the package index, memory backend, one collection."""
    programs, port = installed(folder, "medallion==3.0.0"), free_port()
    collection = {
        "id": PLACE.id,
        "title": "bench",
        "can_read": True,
        "can_write": True,
        "media_types": ["application/stix+json;version=2.1"],
        "objects": [],
        "manifest": [],
    }
    information = {"title": "bench", "versions": [TAXII], "max_content_length": 10_000_000}
    root = f"http://127.0.0.1:{port}/bench/"
    seed = {
        "/discovery": {"title": "bench", "default": root, "api_roots": [root]},
        "bench": {"information": information, "status": [], "collections": [collection]},
    }
    (folder / "seed.json").write_text(json.dumps(seed))
    backend = {
        "module": "medallion.backends.memory_backend",
        "module_class": "MemoryBackend",
        "filename": str(folder / "seed.json"),
    }
    config = {"backend": backend, "users": {"admin": "Password0"}, "taxii": {"max_page_size": PAGE}}
    (folder / "medallion.json").write_text(json.dumps(config))
    with running([programs / "medallion", "--port", str(port), folder / "medallion.json"], port, folder) as pid:
        yield Target(
            "medallion", "3.0.0", f"{root}collections/{PLACE.id}/", ("admin", "Password0"), pid, f"identity--{uuid.uuid4()}"
        )


OPENTAXII = """
import os
from opentaxii.http import app
with app.app_context():
    api = app.taxii_server.servers.taxii2.persistence.api
    root = api.add_api_root(title="bench", default=True)
    made = api.add_collection(root.id, title="bench", is_public=True, is_public_write=True)
    app.taxii_server.auth.api.create_account("admin", "Password0", is_admin=True)
    print(root.id, made.id)
"""


@contextlib.contextmanager
def opentaxii(folder: Path) -> Iterator[Target]:
    """OpenTAXII of the package index over SQLite, two gunicorn workers."""
    programs, port = installed(folder, "opentaxii==0.9.3", "gunicorn", "setuptools<81"), free_port()
    (folder / "ot.yml").write_text(
        f"""
domain: "127.0.0.1:{port}"
support_basic_auth: yes
return_server_error_details: no
auth_api:
  class: opentaxii.auth.sqldb.SQLDatabaseAPI
  parameters: {{db_connection: "sqlite:///{folder}/auth.db", create_tables: yes, secret: bench}}
taxii1:
taxii2:
  title: bench
  max_content_length: 10000000
  public_discovery: yes
  allow_custom_properties: yes
  persistence_api:
    class: opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI
    parameters: {{db_connection: "sqlite:///{folder}/data.db", create_tables: yes}}
logging: {{opentaxii: error, root: error}}
"""
    )
    settings = {"OPENTAXII_CONFIG": str(folder / "ot.yml")}
    made = subprocess.run(
        [programs / "python", "-c", OPENTAXII], capture_output=True, text=True, check=False, env={**os.environ, **settings}
    )
    assert made.returncode == 0, made.stderr[-2_000:]
    root, collection = made.stdout.split()[-2:]
    command: list[str | Path] = [programs / "gunicorn", "opentaxii.http:app", "--workers=2", f"--bind=127.0.0.1:{port}"]
    with running(command, port, folder, **settings) as pid:
        url = f"http://127.0.0.1:{port}/taxii2/{root}/collections/{collection}/"
        yield Target("opentaxii", "0.9.3", url, ("admin", "Password0"), pid, f"identity--{uuid.uuid4()}", tolerant=True)


PEERS: dict[str, tuple[Callable[[Path], contextlib.AbstractContextManager[Target]], int]] = {
    "medallion": (medallion, 1_000),
    "opentaxii": (opentaxii, 2_000),
}


def measure(make: Callable[[Path], contextlib.AbstractContextManager[Target]], n: int) -> dict[str, Any]:
    """Costs and race of one server, each on a fresh one."""
    with tempfile.TemporaryDirectory() as folder, make(Path(folder)) as target:
        told = {"server": target.name, "version": target.version} | costs(target, n)
    with tempfile.TemporaryDirectory() as folder, make(Path(folder)) as target:
        return told | {"race": race(target)}


_ASKED: tuple[tuple[str, int, str | None], ...] = (
    ("oldest_page_ms", 20, None),
    ("newest_page_ms", 20, "before"),
    ("empty_poll_ms", EMPTY_POLLS, "2100-01-01T00:00:00Z"),
)


def again(client: httpx2.Client, params: dict[str, str], times: int) -> None:
    """The same GET of objects so many times."""
    for _ in range(times):
        client.get("objects/", params=params)


def growth(sizes: list[int]) -> list[dict[str, Any]]:
    """What the oldest page of 1,000, the newest and an empty poll cost as a collection of ours grows."""
    told: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, ours(Path(folder)) as target, target.client() as client:
        stored, before = 0, ""
        for size in sizes:
            while stored < size:
                before = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
                target.post(client, target.objects(1_000))
                stored += 1_000
            line: dict[str, Any] = {"stored": stored}
            for name, times, after in _ASKED:
                params = {"limit": str(PAGE)} | ({"added_after": before if after == "before" else after} if after else {})
                cpu_s, _ = spent(target, functools.partial(again, client, params, times))
                line[name] = round(cpu_s / times * 1e3, 3)
            told.append(line)
    return told


def main() -> None:
    """Run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", choices=sorted(PEERS), default=sorted(PEERS))
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--big", type=int, default=1_000_000)
    parser.add_argument("--dry", action="store_true", help="do not record")
    given = parser.parse_args()
    # ours with the number of objects that each peer had, so that nothing is compared across sizes
    wanted = [(ours, given.objects), *(one for name in given.peers for one in (PEERS[name], (ours, PEERS[name][1])))]
    runs = []
    for make, n in wanted:
        runs.append(measure(make, n))
        print(runs[-1], flush=True)
    sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= given.big]
    told = {"runs": runs, "growth": growth(sizes)}
    print(told["growth"])
    if not given.dry:
        print(record("speed.exchange", told))


if __name__ == "__main__":
    main()
