"""One member exports and pushes, another hunts in its log through the exchange, and answers with a sighting."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.exchanging import NO_LIMITS, PLACE, indicator, later, marked
from tests.serving import Served

from stillwatch.privacy import Key
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import sketch
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.taxii import database, marking
from stillwatch.sharing.taxii.members import EXCHANGE, Member, Members
from stillwatch.sharing.taxii.objects import Objects

WORDS = [f"w{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
TEMPLATE = " ".join(random.Random(1).sample(WORDS, 60))
START = datetime(2026, 11, 2, tzinfo=UTC)


def stillwatch(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    command = [sys.executable, "-c", "from stillwatch.cli.main import main; main()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of thirty ordinary accounts and six that run the template, three from a network that a peer knows."""
    rng = random.Random(4)
    lines = []
    for i in range(360):
        fleet = i % 36 < 6
        prompt = f"{TEMPLATE} number {i}" if fleet else " ".join(rng.choices(WORDS, k=40))
        ip = f"203.0.113.{i % 36}" if i % 36 < 3 else f"198.51.100.{i % 36}"
        seen_at = (START + timedelta(hours=i)).isoformat().replace("+00:00", "Z")
        lines.append(
            {"exchange_id": f"x{i}", "seen_at": seen_at, "account_id": f"acct-{i % 36}", "model": "m", "prompt": prompt, "ip": ip}
        )
    path = tmp_path / "log.ndjson"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


@pytest.fixture
def peers(tmp_path: Path) -> Path:
    """A bundle of a peer: a sketch and a network."""
    epoch = Epoch("2026q4", Key(bytes.fromhex("ab" * 32)))
    (tmp_path / "epoch.key").write_text("ab" * 32)
    made = sketch.sketch(TEMPLATE, epoch)
    assert made is not None
    extension: dict[str, Any] = {
        "extension_type": "property-extension",
        "algorithm": "minhash-b8",
        "num_perm": 128,
        "shingle": "word-4",
        "normalizer": "dx-norm-1",
        "key_id": "2026q4",
        "match_threshold": 0.7,
    }
    things = [
        indicator(pattern=f"[artifact:x_dx_minhash = '{sketch.write(made)}']", extensions={catalogue.EXTENSION: extension}),
        indicator(pattern="[ipv4-addr:value = '203.0.113.0/24']"),
    ]
    path = tmp_path / "peers.json"
    path.write_text(json.dumps({"type": "bundle", "objects": things}))
    return path


def test_a_hunt_in_a_log(log: Path, peers: Path, tmp_path: Path) -> None:
    """Six accounts by the template, three by the network, thirty by nothing; every hit stands in the Parquet file."""
    out = tmp_path / "hits.parquet"
    keys: list[str | Path] = ["--epoch", "2026q4", "--epoch-key", tmp_path / "epoch.key"]

    done = stillwatch("hunt", log, "--indicators", peers, *keys, "--out", out, "-o", "json", code=3)

    rows = {row["kind"]: row for row in json.loads(done.stdout)}
    assert (rows["template"]["n_accounts"], rows["template"]["n_exchanges"]) == (6, 60)
    assert (rows["network"]["n_accounts"], rows["network"]["n_exchanges"]) == (3, 30)
    hits = pq.read_table(out).to_pylist()
    assert {hit["account_id"] for hit in hits} == {f"acct-{i}" for i in range(6)}
    assert len(hits) == 90
    assert not any(word in done.stdout for word in TEMPLATE.split())


def test_a_hunt_that_finds_nothing(log: Path, tmp_path: Path) -> None:
    """Exit code 0, and what could not be matched is named."""
    path = tmp_path / "peers.json"
    path.write_text(json.dumps({"objects": [indicator(pattern="[ipv4-addr:value = '192.0.2.0/24']"), indicator(revoked=True)]}))

    done = stillwatch("hunt", log, "--indicators", path)

    assert "left out: 1 indicator: withdrawn" in done.stderr
    assert "1 values looked for" in done.stderr


def test_through_an_exchange_and_back(log: Path, peers: Path, tmp_path: Path) -> None:
    """Indicators are read from the collection; the sighting is admitted there, and makes the indicator actionable."""
    store = str(tmp_path / "exchange.db")
    opened = database.connect(store)
    members = Members(opened)
    place = members.add_collection(PLACE)
    objects = Objects(opened)
    objects.post(place, Member(EXCHANGE, "moderator", clearance=marking.RED), catalogue.everything())
    for name in ("ada", "ben"):
        members.add(Member(name, "contributor", limits=NO_LIMITS))
    identity = members.identity("ada", place)
    things = [
        one | {"created_by_ref": identity, "object_marking_refs": marked(marking.AMBER)}
        for one in json.loads(peers.read_text())["objects"]
    ]
    assert objects.post(place, members.get("ada"), things)["success_count"] == 2
    for name in ("ada", "ben"):
        (tmp_path / f"{name}.key").write_text(members.issue_key(name, 1))
    (tmp_path / "own.key").write_text("cd" * 32)
    served = Served(store)
    served.start()
    url = f"{served.url}/api/collections/{place.id}/"
    sign_in: list[str | Path] = ["--member", "ben", "--member-key", tmp_path / "ben.key"]
    answer = tmp_path / "sightings.json"
    try:
        producer = stillwatch("share", "producer", "--collection", url, *sign_in).stdout.strip()
        told: list[str | Path] = ["--sightings", answer, "--producer", producer, "--key-file", tmp_path / "own.key"]
        keys: list[str | Path] = ["--epoch", "2026q4", "--epoch-key", tmp_path / "epoch.key"]
        stillwatch("hunt", log, "--indicators", url, *sign_in, *keys, *told, code=3)
        stillwatch("share", "push", answer, "--collection", url, *sign_in)
        own = stillwatch("hunt", log, "--indicators", url, "--member", "ada", "--member-key", tmp_path / "ada.key", *keys)
        members.change(replace(members.get("ben"), quarantined=True))
        waits = stillwatch("share", "push", answer, "--collection", url, *sign_in)
    finally:
        served.stop()

    (sighting,) = json.loads(answer.read_text())["objects"]
    assert (sighting["sighting_of_ref"], sighting["count"]) == (things[0]["id"], 32)
    assert "left out: 2 indicators: published by yourself" in own.stderr  # exit code 0: one is no peer of one's own
    assert "0 of 1 objects taken, 1 wait for a moderator" in waits.stderr
    actionable = later(things[0], 60, labels=["dx:actionable"])
    assert objects.post(place, members.get("ada"), [actionable])["success_count"] == 1
