"""A member's server on a loopback port is told ids, signed, again after a failure or a crash, and nothing else."""

import base64
import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import NO_LIMITS, PLACE, indicator, later, marked
from tests.serving import Served

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import database, marking, times, webhook
from stillwatch.sharing.taxii.members import Member, Members
from stillwatch.sharing.taxii.objects import Objects
from stillwatch.sharing.taxii.webhook import Hook, Webhooks


def documented() -> Any:
    """The receiver's function as docs/how-to/run-an-exchange.md shows it."""
    page = (Path(__file__).parents[3] / "docs/how-to/run-an-exchange.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["genuine"]


class Receiver(ThreadingHTTPServer):
    """A real server that answers as it is told to and keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The member's server."""
    made = Receiver()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


class House:
    """An exchange with a member whose clearance is green, its hook, and another member who publishes."""

    def __init__(self, store: str, folder: Path, url: str) -> None:
        self.opened = database.connect(store)
        self.members = Members(self.opened)
        self.place = self.members.add_collection(replace(PLACE, alias=None))
        for name, clearance in (("ada", marking.AMBER_STRICT), ("ben", marking.GREEN)):
            self.members.add(Member(name, "contributor", clearance=clearance, limits=NO_LIMITS))
        self.secret = webhook.new_secret()
        (folder / "secret").write_text(self.secret)
        self.hooks = Webhooks(self.opened)
        self.hook = Hook("ben-siem", "ben", self.place.n, url, str(folder / "secret"), allow_private=True)

    def post(self, *things: dict[str, Any]) -> None:
        """Ada publishes."""
        told = Objects(self.opened).post(self.place, self.members.get("ada"), things)
        assert "failures" not in told, told["failures"]

    def thing(self, level: int = marking.GREEN) -> dict[str, Any]:
        """An indicator of hers."""
        return indicator(created_by_ref=self.members.identity("ada", self.place), object_marking_refs=marked(level))


@pytest.fixture
def house(store: str, tmp_path: Path, receiver: Receiver) -> Iterator[House]:
    """Over SQLite and over PostgreSQL."""
    made = House(store, tmp_path, f"http://127.0.0.1:{receiver.server_port}/hook?x=1")
    yield made
    made.opened.close()


def test_ids_by_what_became_of_them_and_nothing_else(house: House, receiver: Receiver) -> None:
    """What is old is not told, what the member may not see is not named; the body is signed for five minutes."""
    old, secret_one, kept, gone = house.thing(), house.thing(marking.AMBER_STRICT), house.thing(), house.thing()
    house.post(old)
    house.hooks.add(house.hook)
    house.post(secret_one, kept, gone)
    first = house.hooks.deliver(times.now_us())
    house.post(later(gone, 60, revoked=True), later(old, 60, name="Other"))
    house.hooks.deliver(times.now_us())
    again = house.hooks.deliver(times.now_us())

    (headers, body), (_, second) = receiver.got
    assert (first, again) == ({"delivered": 1, "failed": 0}, {"delivered": 0, "failed": 0})
    assert json.loads(body) == {"collection": house.place.id, "new": [kept["id"], gone["id"]]}
    assert json.loads(second) == {"collection": house.place.id, "updated": [old["id"]], "revoked": [gone["id"]]}
    raw, now = base64.b64decode(house.secret.removeprefix("whsec_")), int(headers["webhook-timestamp"])
    genuine = documented()
    assert genuine(house.secret, headers, body, lambda: now)
    assert not genuine(house.secret, headers, body + b" ", lambda: now)
    assert webhook.verify(raw, headers, body, now)
    assert not webhook.verify(raw, headers, body + b" ", now)
    assert not webhook.verify(raw, headers, body, now + webhook.REPLAY_WINDOW_S + 1)
    assert not webhook.verify(b"x" * 32, headers, body, now)
    assert not webhook.verify(raw, headers | {"webhook-id": "msg_other"}, body, now)
    assert not webhook.verify(raw, {}, body, now)


def test_a_failure_is_tried_again_later_as_the_same_batch(house: House, receiver: Receiver) -> None:
    """500, 410 and a redirect wait longer each time; what came meanwhile goes into the next batch."""
    house.hooks.add(house.hook)
    one, two = house.thing(), house.thing()
    house.post(one)
    now = times.now_us()
    waits = []
    for receiver.status in (500, 410, 302):
        assert house.hooks.deliver(now)["failed"] == 1
        (hook,) = house.hooks.all()
        waits.append(hook.next_us - now)
        assert house.hooks.deliver(now) == {"delivered": 0, "failed": 0}  # not yet
        now = hook.next_us
    house.post(two)
    receiver.status = 200
    assert house.hooks.deliver(now)["delivered"] == house.hooks.deliver(now)["delivered"] == 1

    assert [3 <= w / times.SECOND_US / 5 / 2**i * 5 <= 7 for i, w in enumerate(waits)] == [True] * 3
    assert len({headers["webhook-id"] for headers, _ in receiver.got[:4]}) == 1
    assert [json.loads(body)["new"] for _, body in receiver.got] == [[one["id"]]] * 4 + [[two["id"]]]
    assert house.hooks.all()[0].attempts == 0


def test_two_secrets_while_one_is_replaced(house: House, receiver: Receiver, tmp_path: Path) -> None:
    """Both sign, so the receiver may know either."""
    house.hooks.add(house.hook)
    new = webhook.new_secret()
    (tmp_path / "secret").write_text(f"{new}\n{house.secret}\n")
    house.post(house.thing())
    house.hooks.deliver(times.now_us())

    ((headers, body),) = receiver.got
    for secret in (new, house.secret):
        raw = base64.b64decode(secret.removeprefix("whsec_"))
        assert webhook.verify(raw, headers, body, int(headers["webhook-timestamp"]))


def test_a_killed_exchange_loses_no_id(store: str, tmp_path: Path, receiver: Receiver) -> None:
    """kill -9 of the served exchange while the receiver fails: after the restart every id arrives."""
    house = House(store, tmp_path, f"http://127.0.0.1:{receiver.server_port}/")
    house.hooks.add(house.hook)
    receiver.status = 503
    served = Served(store)
    served.start()
    things = [house.thing() for _ in range(20)]
    house.post(*things[:10])
    _until(lambda: bool(receiver.got))
    served.stop(signal.SIGKILL)
    house.post(*things[10:])
    receiver.status = 200
    receiver.got.clear()
    served.start()
    try:
        _until(lambda: len({n for _, body in receiver.got for n in json.loads(body)["new"]}) == 20, 90)
    finally:
        assert served.stop() in (0, -signal.SIGTERM)
        house.opened.close()

    assert {n for _, body in receiver.got for n in json.loads(body)["new"]} == {one["id"] for one in things}


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://hooks.example.org/", True),
        ("http://127.0.0.1:1/", False),
        ("ftp://hooks.example.org/", False),
        ("https://user:pass@hooks.example.org/", False),
        ("https:///x", False),
        ("https://hooks.example.org:x/", False),
    ],
)
def test_addresses_that_are_never_called(house: House, url: str, private: bool) -> None:
    """Plain http off this machine, another scheme, a password, no host: refused when it is registered."""
    with pytest.raises(SharingError, match="address"):
        house.hooks.add(replace(house.hook, url=url, allow_private=private))


def test_a_name_that_leads_inside_is_not_called(house: House, receiver: Receiver) -> None:
    """The name is looked up at each call; a private address is refused unless it was allowed."""
    house.hooks.add(replace(house.hook, url=f"https://localhost:{receiver.server_port}/", allow_private=False))
    house.post(house.thing())

    assert house.hooks.deliver(times.now_us())["failed"] == 1
    assert receiver.got == []
    assert "private" in (house.hooks.all()[0].last_error or "")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1"),
        *("ff02::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    ],
)
def test_private_addresses(address: str) -> None:
    """Also where IPv4 hides in IPv6."""
    assert not webhook.public(address)
    assert webhook.public("93.184.216.34")
    assert webhook.public("2606:2800:220:1::1")


def _until(done: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
