"""Building a world."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

from stillwatch.worlds import World, build, preset
from stillwatch.worlds.build import digest, grammar
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.look_alikes.viral import Viral
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.shapes.split import Split

WORLD = World(
    "tiny", {"people": ChatUsers(30, 300), "viral": Viral(20, 60), "hydra": Hydra(10, 100), "split": Split(10, 100)}, days=5.0
)


def test_the_log_and_its_truth_agree(tmp_path: Path) -> None:
    """Same exchanges in the same order, every account labelled, harvest only by campaigns."""
    report = build(WORLD, 3, tmp_path)
    log, truth = pq.read_table(report.log), pq.read_table(report.truth / "exchanges.parquet")
    accounts = {a["account_id"]: a for a in pq.read_table(report.truth / "accounts.parquet").to_pylist()}

    assert log["exchange_id"].to_pylist() == truth["exchange_id"].to_pylist()
    assert log["account_id"].to_pylist() == truth["account_id"].to_pylist()
    assert len(set(log["exchange_id"].to_pylist())) == report.n_exchanges == 560
    assert set(log["account_id"].to_pylist()) == set(accounts)
    assert len(accounts) == report.n_accounts == 70
    for row in truth.to_pylist():
        assert row["campaign"] == accounts[row["account_id"]]["campaign"]
        assert row["campaign"] or not row["harvested"]
    assert sum(truth["harvested"].to_pylist()) == report.n_harvested == 100
    assert report.campaigns == ("hydra", "split")


def test_the_log_is_sorted_over_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also across files, however small the chunks; and the chunks move nothing."""
    whole = pq.read_table(build(WORLD, 3, tmp_path / "a").log)
    module = __import__("sys").modules["stillwatch.worlds.build"]
    monkeypatch.setattr(module, "PART_ROWS", 200)
    monkeypatch.setattr(module, "CHUNK_ROWS", 64)
    files = sorted(build(WORLD, 3, tmp_path / "b").log.glob("*.parquet"))

    assert len(files) == 3
    pieces = [pq.read_table(f) for f in files]
    at = np.concatenate([p["seen_at"].to_numpy() for p in pieces])
    assert (np.diff(at) >= np.timedelta64(0)).all()
    assert [r for p in pieces for r in p.to_pylist()] == whole.to_pylist()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Another seed or another dial does not."""
    logs = [
        build(world, seed, tmp_path / str(i)).log
        for i, (world, seed) in enumerate([(WORLD, 3), (WORLD, 3), (WORLD, 4), (replace(WORLD, days=6.0), 3)])
    ]

    assert digest(logs[0]) == digest(logs[1])
    assert len({digest(log) for log in logs}) == 3
    assert (tmp_path / "0/truth/exchanges.parquet").read_bytes() == (tmp_path / "1/truth/exchanges.parquet").read_bytes()


def test_a_part_is_the_same_whatever_stands_beside_it(tmp_path: Path) -> None:
    """Its prompts follow from its own name, the seed and its dials."""
    alone = build(World("w", {"split": Split(10, 100)}, days=5.0), 3, tmp_path / "a")
    together = build(WORLD, 3, tmp_path / "b")

    def harvest(folder: Path) -> set[str]:
        log, truth = pq.read_table(folder / "log"), pq.read_table(folder / "truth/exchanges.parquet").to_pylist()
        return {p for p, t in zip(log["prompt"].to_pylist(), truth, strict=True) if t["campaign"] == "split" and t["harvested"]}

    assert harvest(alone.log.parent) == harvest(together.log.parent)


def test_a_world_can_be_built_from_real_text(tmp_path: Path, corpus_folder: Path) -> None:
    """What was used is told."""
    world = World("w", {"people": ChatUsers(20, 200), "split": Split(5, 60)})

    report = build(world, 1, tmp_path, corpus_folder, "A")
    prompts = pq.read_table(report.log)["prompt"].to_pylist()
    told = orjson.loads((report.truth / "world.json").read_bytes())

    assert sum(p.startswith("Tell me about") for p in prompts) == 230
    assert told["sources"]["text"] == "corpus"
    assert told["sources"]["half"] == "A"
    assert told["sources"]["times_each_turn_was_dealt"] > 1


def test_a_world_may_be_written_as_json_lines(tmp_path: Path) -> None:
    """One object an exchange."""
    report = build(WORLD, 3, tmp_path, form="ndjson")

    assert len((report.log / "part-000000.ndjson").read_bytes().splitlines()) == 560


def test_progress_is_told_in_rows(tmp_path: Path) -> None:
    """All of them, in two stages."""

    class Notes:
        def __init__(self) -> None:
            self.stages: list[tuple[str, int | None]] = []
            self.rows = 0

        def stage(self, name: str, total_rows: int | None) -> None:
            self.stages.append((name, total_rows))

        def advance(self, rows: int) -> None:
            self.rows += rows

        def done(self) -> None:
            self.stages.append(("done", None))

        def say(self, sentence: str) -> None:
            raise AssertionError(sentence)

    notes = Notes()
    build(WORLD, 3, tmp_path, observer=notes)

    assert notes.stages == [("plan", None), ("done", None), ("write", 560), ("done", None)]
    assert notes.rows == 560


def test_the_languages_are_compiled_once() -> None:
    """They are the same object for every world of a process."""
    assert grammar() is grammar()


def test_the_small_preset_has_everything(tmp_path: Path) -> None:
    """5,000 exchanges, all kinds."""
    report = build(preset("small"), 1, tmp_path)
    kinds = set(pq.read_table(report.truth / "accounts.parquet")["kind"].to_pylist())

    assert report.n_exchanges == 5_000
    assert len(kinds) == 14
