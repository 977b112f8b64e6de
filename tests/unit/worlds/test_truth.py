"""The labels of a world."""

from pathlib import Path

import orjson
import pyarrow.parquet as pq
from tests.planting import planted

from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.truth import Truth
from stillwatch.worlds.world import World

PART = Hydra(accounts=10, exchanges=100, cover=0.4)


def test_labels_say_who_and_what(tmp_path: Path) -> None:
    """Accounts by kind, campaign and part; exchanges by campaign and whether harvested; the world by its dials."""
    planted_part = planted(PART)
    truth = Truth(tmp_path, World("w", {"mine": PART, "rest": ChatUsers()}), planted_part.people, 1)
    truth.add(planted_part.table.slice(0, 60), planted_part.events, 0, 60)
    truth.add(planted_part.table.slice(60), planted_part.events, 60, 100)
    truth.close({"text": "shipped grammars"})

    accounts = pq.read_table(tmp_path / "accounts.parquet").to_pylist()
    exchanges = pq.read_table(tmp_path / "exchanges.parquet")
    told = orjson.loads((tmp_path / "world.json").read_bytes())

    assert {(a["kind"], a["campaign"], a["part"]) for a in accounts} == {("hydra", "mine", "mine")}
    assert exchanges["exchange_id"].to_pylist() == planted_part.column("exchange_id")
    assert exchanges["harvested"].to_pylist() == planted_part.events.harvested.tolist()
    assert (told["seed"], told["parts"][0]["dials"]["cover"]) == (1, 0.4)
    assert told["sources"] == {"text": "shipped grammars"}
