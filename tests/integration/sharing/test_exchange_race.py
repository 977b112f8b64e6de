"""Nothing is lost and nothing comes twice, whoever writes, whoever polls, and whenever the server dies."""

import itertools
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.exchanging import NO_LIMITS, PLACE, TAXII, indicator
from tests.serving import Served

from stillwatch.sharing.taxii import audit, database
from stillwatch.sharing.taxii.members import Member, Members

WRITERS, POLLERS = 3, 3
HEADERS = {"Accept": TAXII, "Content-Type": TAXII}
OBJECTS = f"/api/collections/{PLACE.id}/objects/"


def register(store: str) -> tuple[list[tuple[str, str, str]], tuple[str, str]]:
    """Writers (name, key, identity) and one reader (name, key) in a new exchange."""
    opened = database.connect(store)
    members = Members(opened)
    place = members.add_collection(PLACE)
    writers = []
    for number in range(WRITERS):
        name = f"writer{number}"
        members.add(Member(name, "contributor", limits=NO_LIMITS))
        writers.append((name, members.issue_key(name, 1), members.identity(name, place) or ""))
    members.add(Member("reader", "reader", limits=NO_LIMITS))
    reader = ("reader", members.issue_key("reader", 1))
    opened.close()
    return writers, reader


def until_answered(ask: Callable[[], httpx2.Response]) -> httpx2.Response:
    """Ask again while the server is away; sending the same again is safe."""
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = ask()
            if answer.status_code < 500:
                return answer
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, "no answer within a minute"
        time.sleep(0.02)


def write(url: str, writer: tuple[str, str, str], sizes: list[int], sent: set[str], seed: int) -> None:
    """Post batches; remember what was acknowledged."""
    name, key, identity = writer
    rng = random.Random(seed)
    with httpx2.Client(base_url=url, auth=(name, key), headers=HEADERS, timeout=30) as client:
        for size in sizes:
            things = [indicator(created_by_ref=identity, x_seed=seed) for _ in range(size)]
            answer = until_answered(lambda things=things: client.post(OBJECTS, json={"objects": things}))  # type: ignore[misc]
            assert answer.status_code == 202, answer.text
            assert "failures" not in answer.json(), answer.json()["failures"][:3]
            sent.update(thing["id"] for thing in things)
            time.sleep(rng.random() * 0.01)


def poll(url: str, reader: tuple[str, str], seen: Counter[str], done: threading.Event, limit: int) -> None:
    """Follow the collection by X-TAXII-Date-Added-Last, as most clients do, until all writers are done and a page is empty."""
    after: str | None = None
    with httpx2.Client(base_url=url, auth=reader, headers=HEADERS, timeout=30) as client:
        while True:
            finished = done.is_set()
            params: dict[str, Any] = {"limit": limit, "match[version]": "all"} | ({"added_after": after} if after else {})
            answer = until_answered(lambda params=params: client.get(OBJECTS, params=params))  # type: ignore[misc]
            assert answer.status_code == 200, answer.text
            things = answer.json().get("objects", [])
            seen.update(thing["id"] for thing in things)
            after = answer.headers.get("x-taxii-date-added-last", after)
            if finished and not things:
                return


def race(store: str, batches: int, big: int, restarts: int, workers: int) -> tuple[set[str], list[Counter[str]]]:
    """Writers beside pollers, the server ended by SIGKILL and by SIGTERM in turn; what was acknowledged, what each poller saw."""
    writers, reader = register(store)
    served = Served(store, workers)
    served.start()
    sent: list[set[str]] = [set() for _ in writers]
    seen: list[Counter[str]] = [Counter() for _ in range(POLLERS)]
    done = threading.Event()
    faults: list[BaseException] = []

    def guarded(work: Callable[..., None], *values: Any) -> None:
        try:
            work(*values)
        except BaseException as fault:  # a thread's failure must fail the test
            faults.append(fault)

    # one writer of large batches beside writers of small ones: the mix in which stamps before the commit lose most
    sizes = [[big] * max(1, batches // 10), *([5] * batches for _ in writers[1:])]
    writing = [threading.Thread(target=guarded, args=(write, served.url, w, sizes[i], sent[i], i)) for i, w in enumerate(writers)]
    polling = [
        threading.Thread(target=guarded, args=(poll, served.url, reader, seen[i], done, (7, 100, 1_000)[i]))
        for i in range(POLLERS)
    ]
    for thread in writing + polling:
        thread.start()
    try:
        for how in itertools.islice(itertools.cycle((signal.SIGKILL, signal.SIGTERM)), restarts):
            time.sleep(0.7)
            served.stop(how)
            served.start()
        for thread in writing:
            thread.join(600)
        done.set()
        for thread in polling:
            thread.join(600)
    finally:
        done.set()
        served.stop()
    if faults:
        raise faults[0]
    return set().union(*sent), seen


def check(store: str, sent: set[str], seen: list[Counter[str]]) -> None:
    """Every poller saw each object that was acknowledged once, and nothing else; the audit log holds."""
    for counts in seen:
        assert set(counts) == sent, f"lost {len(sent - set(counts))}, foreign {len(set(counts) - sent)} of {len(sent)}"
        assert set(counts.values()) == {1}
    opened = database.connect(store)
    assert audit.verify(opened).broken_at is None
    opened.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_no_poller_loses_or_doubles_an_object(store: str, workers: int) -> None:
    """Three writers beside three pollers, four restarts in between, two of them by SIGKILL; one process and two."""
    sent, seen = race(store, batches=40, big=200, restarts=4, workers=workers)

    assert len(sent) == 4 * 200 + 2 * 40 * 5
    check(store, sent, seen)


@pytest.mark.nightly
def test_fifty_thousand_objects(store: str) -> None:
    """The same with 50,000 objects and twelve restarts."""
    sent, seen = race(store, batches=600, big=740, restarts=12, workers=2)

    assert len(sent) == 50_400
    check(store, sent, seen)


def test_what_was_acknowledged_survives_kill_9(store: str) -> None:
    """The server is killed in the middle of writing, again and again; all that was answered with 202 is there, whole."""
    writers, reader = register(store)
    served = Served(store)
    name, key, identity = writers[0]
    acknowledged: set[str] = set()
    for seed in range(4):
        served.start()
        killer = threading.Timer(0.15 + 0.1 * seed, served.stop, (signal.SIGKILL,))
        killer.start()
        with httpx2.Client(base_url=served.url, auth=(name, key), headers=HEADERS, timeout=30) as client:
            while True:
                things = [indicator(created_by_ref=identity) for _ in range(50)]
                try:
                    answer = client.post(OBJECTS, json={"objects": things})
                except httpx2.TransportError:
                    break
                assert answer.json()["success_count"] == 50
                acknowledged.update(thing["id"] for thing in things)
        killer.join()

    served.start()
    seen: Counter[str] = Counter()
    done = threading.Event()
    done.set()
    poll(served.url, reader, seen, done, 1_000)
    served.stop()

    assert len(acknowledged) >= 50
    assert acknowledged <= set(seen)
    assert len(seen) % 50 == 0  # a batch is stored whole or not at all
    assert set(seen.values()) == {1}


def test_a_cursor_survives_a_restart(store: str) -> None:
    """`next` of one process is good in the next."""
    writers, reader = register(store)
    served = Served(store)
    served.start()
    sent: set[str] = set()
    write(served.url, writers[0], [30], sent, 1)
    first = httpx2.get(served.url + OBJECTS, params={"limit": 10}, auth=reader, headers=HEADERS).json()
    served.stop()
    served.start()

    rest = httpx2.get(served.url + OBJECTS, params={"next": first["next"]}, auth=reader, headers=HEADERS).json()
    code = served.stop()

    assert {thing["id"] for thing in first["objects"] + rest["objects"]} == sent
    assert rest["more"] is False
    assert code == 0


def test_a_request_in_flight_is_finished_before_the_end(tmp_path: Path) -> None:
    """SIGTERM closes the door, finishes what is being answered, and writes the audit log."""
    store = str(tmp_path / "exchange.db")
    writers, reader = register(store)
    served = Served(store)
    served.start()
    name, key, identity = writers[0]
    things = [indicator(created_by_ref=identity) for _ in range(3_000)]
    answers: list[httpx2.Response] = []
    posting = threading.Thread(
        target=lambda: answers.append(
            httpx2.post(served.url + OBJECTS, json={"objects": things}, auth=(name, key), headers=HEADERS, timeout=60)
        )
    )
    httpx2.get(served.url + OBJECTS, auth=reader, headers=HEADERS)
    posting.start()
    time.sleep(0.15)

    code = served.stop()
    posting.join(60)

    assert code == 0
    assert answers[0].json()["success_count"] == 3_000
    opened = database.connect(store)
    assert [line.entry.action for line in audit.lines(opened, 0, 100)].count("read") == 1
    opened.close()
