"""Peers' indicators as evidence: scan with an epoch, hunt in the store, weigh the hits on resuming, verify, take them back."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.commands import Here
from tests.exchanging import indicator
from tests.golden.make import LOG

from stillwatch import pipeline
from stillwatch.errors import SettingsError
from stillwatch.privacy import Key
from stillwatch.settings import Settings, SharingSettings
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import sketch
from stillwatch.signatures import Epoch

EPOCH = Epoch("2026q4", Key(b"epoch key of all the members....."))


@pytest.fixture
def epoch(tmp_path: Path) -> list[str | Path]:
    """Settings that name an exchange's epoch and its key."""
    (tmp_path / "epoch.key").write_bytes(EPOCH.key.secret)
    config = tmp_path / "stillwatch.toml"
    config.write_text(f'[sharing]\nepoch = "2026q4"\nepoch_key_file = "{tmp_path / "epoch.key"}"\n')
    return ["--config", config, "--no-frontier"]


def bundle(path: Path, *things: dict[str, Any]) -> Path:
    """A peer's bundle."""
    path.write_text(json.dumps({"type": "bundle", "objects": things}))
    return path


def templates(results: dict[str, Any]) -> list[dict[str, Any]]:
    """What a peer publishes who has seen the same campaign: sketches of the wording of its recipes."""
    extension = {"algorithm": "minhash-b8", "num_perm": 128, "shingle": "word-4", "normalizer": "dx-norm-1", "key_id": "2026q4"}
    wording = [r["sketch"] for r in results["campaigns"][0]["recipes"] if r["sketch"]]
    made = [one for one in sketch.sketches(wording, EPOCH) if one is not None]
    return [
        indicator(
            pattern=f"[artifact:x_dx_minhash = '{sketch.write(one)}']",
            extensions={catalogue.EXTENSION: extension | {"match_threshold": 0.7, "benign_hits_per_million": 0.0}},
        )
        for one in made
    ]


def told(out: Path) -> dict[str, Any]:
    """The results of a scan."""
    read: dict[str, Any] = json.loads((out / "campaigns.json").read_bytes())
    return read


def test_hits_are_one_more_family_and_go_as_they_came(stillwatch: Here, epoch: list[str | Path], tmp_path: Path) -> None:
    """Indicators move bits and families, no p or q; `verify` agrees; without them the results are the first ones, to the byte."""
    out = tmp_path / "results"
    first = stillwatch.scan(LOG, "--out", out, *epoch)
    before, raw = told(out), (out / "campaigns.json").read_bytes()
    peers = bundle(tmp_path / "peers.json", *templates(before))

    hunted = stillwatch("hunt", out / "store", "--indicators", peers, "--key-file", tmp_path / "key", "-o", "json")
    again = stillwatch.scan(LOG, "--out", out, *epoch, "--resume", "--indicators", peers)
    after = told(out)
    checked = stillwatch("verify", out)
    stillwatch.scan(LOG, "--out", out, *epoch, "--resume")

    assert (first.code, hunted.code, again.code, checked.code) == (3, 3, 3, 0), checked.err + checked.out
    rows = json.loads(hunted.out)
    assert sum(row["n_exchanges"] for row in rows) > 20
    one, two = before["campaigns"][0], after["campaigns"][0]
    (said,) = [e for e in two["evidence"] if e["channel"] == "peers"]
    assert said["family"] == "peers"
    assert said["counted"]
    assert 1.0 < said["weight_bits"] <= 6.0
    assert two["score_bits"] == pytest.approx(one["score_bits"] + said["weight_bits"])
    assert (two["p_value"], two["q_value"]) == (one["p_value"], one["q_value"])
    assert [s["detector"] for s in before["coverage"]["skipped"] if s["detector"] == "peers"] == ["peers"]
    assert (out / "campaigns.json").read_bytes() == raw


def test_a_sighting_of_a_store_is_coarse(stillwatch: Here, epoch: list[str | Path], tmp_path: Path) -> None:
    """Hits in a store are answered as those in a log: powers of two, whole days, five accounts and more."""
    out = tmp_path / "results"
    stillwatch.scan(LOG, "--out", out, *epoch)
    peers = bundle(tmp_path / "peers.json", *templates(told(out)))
    seen = tmp_path / "seen.json"

    stillwatch(
        *("hunt", out / "store", "--indicators", peers, "--key-file", tmp_path / "key", "--sightings", seen),
        *("--producer", "identity--9e57a589-35fa-49a2-8a68-1a5df1a71103", "--out", tmp_path / "hits.parquet"),
    )

    objects = json.loads(seen.read_bytes())["objects"]
    assert objects
    assert all(one["count"] & (one["count"] - 1) == 0 for one in objects)
    assert all(one["first_seen"].endswith("T00:00:00.000Z") for one in objects)
    assert (tmp_path / "hits.parquet").stat().st_size > 0


def test_a_store_without_an_epoch_says_so(stillwatch: Here, tmp_path: Path) -> None:
    """Templates cannot be looked for, and that is told; networks can."""
    out = tmp_path / "results"
    stillwatch.scan(LOG, "--out", out, "--no-frontier")
    peers = bundle(tmp_path / "peers.json", *templates(told(out)), indicator(pattern="[ipv4-addr:value = '192.0.2.0/24']"))

    said = stillwatch("hunt", out / "store", "--indicators", peers, "--key-file", tmp_path / "key")

    assert said.code == 0
    assert "a sketch of another epoch" in said.err
    assert "1 values looked for" in said.err


def test_a_store_of_another_key_is_refused(stillwatch: Here, tmp_path: Path) -> None:
    """Networks would never match."""
    out = tmp_path / "results"
    stillwatch.scan(LOG, "--out", out, "--no-frontier")
    (tmp_path / "other").write_bytes(b"y" * 32)

    said = stillwatch("hunt", out, "--indicators", bundle(tmp_path / "p.json"), "--key-file", tmp_path / "other")

    assert said.code == 1
    assert "another key" in said.err


@pytest.mark.parametrize(
    "sharing", [SharingSettings(epoch="2026q4"), SharingSettings(epoch_key_file=Path("k")), SharingSettings("Q4 2026", Path("k"))]
)
def test_an_epoch_is_a_name_and_a_key(sharing: SharingSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without the other, or a name that is none, is told before anything is read."""
    monkeypatch.chdir(tmp_path)
    Path("k").write_bytes(b"k" * 32)

    with pytest.raises(SettingsError, match="sharing"):
        pipeline.epoch_of(Settings(sharing=sharing))
