"""A scan of the golden world gives the golden output, byte for byte; tables of every version can be read."""

from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from tests.golden import make

from stillwatch.engine import parts
from stillwatch.records import tables

SPECS = {spec.name: spec for spec in tables.ALL}
STORED = sorted(make.TABLES.glob("*.parquet"))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The golden log, scanned now."""
    return make.outputs(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", ["campaigns.json", "accounts.jsonl", "exchanges.jsonl", "terminal.txt", "explain.txt"])
def test_the_output_is_the_stored_one(outputs: dict[str, bytes], name: str) -> None:
    """Every output equals the stored one, byte for byte."""
    stored = (make.WORLD / name).read_bytes()

    now = outputs[name]

    assert now.decode().splitlines() == stored.decode().splitlines(), "read the difference, then: make golden"
    assert now == stored


def test_the_golden_campaign_is_the_planted_one(outputs: dict[str, bytes]) -> None:
    """What the golden output tells of is the planted campaign, found with bits to spare, and nobody else at core."""
    planted = set(make.PLANTED.read_text().split())
    (campaign,) = orjson.loads(outputs["campaigns.json"])["campaigns"]
    accounts = [orjson.loads(line) for line in outputs["accounts.jsonl"].splitlines()]

    core = {a["account_id"] for a in accounts if a["membership"] == "core"}
    named = core | {a["account_id"] for a in accounts if a["membership"] == "probable"}

    assert campaign["verdict"] == "likely"
    assert campaign["q_value"] < 0.02
    assert named <= planted
    assert len(named) >= 0.9 * len(planted)
    assert len(core) >= 0.5 * len(planted), "six tenths of the fleet reuse infrastructure, a few of them too little"


@pytest.mark.parametrize("path", STORED, ids=lambda p: p.stem)
def test_a_stored_table_of_any_version_is_read(path: Path) -> None:
    """A table that an older release wrote has all that today's code asks of it."""
    name, _, version = path.stem.partition(".v")
    stored = parts.read_file(path)

    read = parts.conform(SPECS[name], stored)

    assert read.num_rows == 2
    assert int(version) <= SPECS[name].version
    assert stored.schema.metadata[b"stillwatch.version"] == version.encode()


@pytest.mark.parametrize("spec", tables.ALL, ids=lambda s: s.name)
def test_every_table_of_today_is_kept(spec: tables.TableSpec, tmp_path: Path) -> None:
    """Today's version of every table is among the stored ones, column by column: a table that changes needs a new version."""
    pq.write_table(spec.schema.empty_table(), tmp_path / "today.parquet")

    stored = pq.read_schema(make.table_file(spec))

    today = pq.read_schema(tmp_path / "today.parquet")
    assert stored.equals(today, check_metadata=True), f"{spec.name} changed: raise its version, then make golden"
