"""The promises that every engine keeps: the same tables come out, whatever the stages run on."""

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stillwatch import pipeline
from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.opening import opened
from stillwatch.errors import EngineError, LogFormatError, SettingsError
from stillwatch.ingest import parquet
from stillwatch.records import tables
from stillwatch.settings import EngineSettings, Settings

WORLD = Path(__file__).parents[1] / "golden" / "worlds" / "small"
# only where settings name one
OF_AN_EXCHANGE = (tables.SHARED_SKETCHES, tables.SHARED_CONTRACTS, tables.SHARED_SETTINGS, tables.PEER_HITS)
STORED = tuple(spec for spec in tables.ALL if spec not in (tables.EXCHANGES, *OF_AN_EXCHANGE))
ENGINES = (
    pytest.param(EngineSettings("duckdb", workers=1, memory_gb=1.0), id="duckdb"),
    pytest.param(EngineSettings("local[2]", memory_gb=1.0), id="spark", marks=pytest.mark.cluster),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One Spark session for the whole file: engines that are opened meanwhile use it and leave it running."""
    pytest.importorskip("pyspark", reason="needs the extra stillwatch[spark]")
    if shutil.which("java") is None:
        pytest.skip("needs a Java machine (Debian: default-jre-headless)")
    with opened(Path("."), EngineSettings("local[2]", memory_gb=1.0)):
        yield


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Every engine in turn, over an empty folder."""
    if request.param.kind == "spark":
        request.getfixturevalue("cluster")
    with opened(tmp_path / "store", request.param) as made:
        yield made


def filled(engine: Engine) -> None:
    """Five parts of `uses` of growing size, so that no reader that starts with the largest keeps their order."""
    ends = np.cumsum([10, 500, 20, 3_000, 40])
    for number, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        row = np.arange(begin, end)
        table = pa.table({"row": row, "account": row % 7, "recipe": -row, "matched": row % 3})
        parts.write_part(engine.root, tables.USES, number, table)


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    """`map` gives one result an item, in the items' order, also where they are more than fit in one wave."""
    items = [int(i) for i in np.random.default_rng(3).permutation(40) % 12]

    assert list(engine.map(math.factorial, items)) == [math.factorial(i) for i in items]


def test_what_a_task_raises_on_purpose_comes_home(engine: Engine, tmp_path: Path) -> None:
    """An error of ours keeps its class and its words on the way from a worker."""
    items = [str(tmp_path / "gone.parquet"), str(tmp_path / "lost.parquet")]

    with pytest.raises(LogFormatError, match=r"gone\.parquet: is not a whole Parquet file"):
        list(engine.map(parquet.opened, items))


def test_a_plain_query_streams_in_stored_order(engine: Engine) -> None:
    """Rows that are looked at one by one come in the order of parts and rows, in pieces of at most the asked size."""
    filled(engine)

    pieces = list(engine.batches("SELECT row, recipe FROM uses WHERE matched <> 1", rows=700))

    rows = [r for p in pieces for r in p["row"].to_pylist()]
    assert rows == [r for r in range(3_570) if r % 3 != 1]
    assert max(p.num_rows for p in pieces) <= 700


def test_a_query_sees_stored_and_given_tables(engine: Engine) -> None:
    """A query joins a stored table with one handed in, and its columns have the declared types."""
    filled(engine)

    found = engine.query(
        "SELECT u.account, COUNT(*) AS n, MAX(u.matched) AS most FROM uses u JOIN wanted w ON w.account = u.account "
        "GROUP BY u.account ORDER BY u.account",
        wanted=pa.table({"account": pa.array([2, 5], pa.int64())}),
    )

    assert found.to_pydict() == {"account": [2, 5], "n": [510, 510], "most": [2, 2]}
    assert found.schema.types == [pa.int64(), pa.int64(), pa.int32()]


def test_a_given_table_may_be_empty(engine: Engine) -> None:
    """Joining with a table of no rows gives no rows, with the columns' types."""
    filled(engine)

    found = engine.query(
        "SELECT u.row FROM uses u JOIN wanted w ON w.account = u.account", wanted=pa.table({"account": pa.array([], pa.int64())})
    )

    assert (found.num_rows, found.schema.types) == (0, [pa.int64()])


def test_a_table_written_again_is_replaced(engine: Engine) -> None:
    """Writing a table again leaves only the new rows, for queries and for reads."""
    filled(engine)
    assert engine.query("SELECT COUNT(*) AS n FROM uses")["n"].to_pylist() == [3_570]

    engine.write(tables.USES, pa.table({"row": [1], "account": [2], "recipe": [3], "matched": [4]}))

    assert engine.read(tables.USES, ["recipe"])["recipe"].to_pylist() == [3]
    assert engine.query("SELECT recipe FROM uses")["recipe"].to_pylist() == [3]


def test_a_missing_table_is_told_with_its_stage(engine: Engine) -> None:
    """Reading a table that is not there says which stage writes it."""
    assert not engine.has(tables.RECIPES)
    with pytest.raises(EngineError, match=r"table 'recipes' is missing\. Run the stage 'templates' first"):
        engine.read(tables.RECIPES)


def test_a_refused_query_is_an_error_without_values(engine: Engine) -> None:
    """A query that fails names its kind and none of the values in it."""
    with pytest.raises(EngineError, match="refused a query") as told:
        engine.query("SELECT CAST('a secret' AS BIGINT) AS n")
    with pytest.raises(EngineError, match="refused a query"):
        list(engine.batches("SELECT * FROM nowhere"))

    assert "secret" not in str(told.value)


def test_an_unknown_engine_is_told_with_the_known_ones(tmp_path: Path) -> None:
    """A name of no engine is an error that lists the names."""
    with pytest.raises(SettingsError, match=r"engine\.name 'mysql' is unknown\. Known: duckdb"):
        opened(tmp_path, EngineSettings("mysql"))


@pytest.mark.cluster
def test_a_cluster_that_does_not_start_is_told_in_one_sentence(tmp_path: Path) -> None:
    """Without Java there is no Spark, and the error says what is needed."""
    pytest.importorskip("pyspark", reason="needs the extra stillwatch[spark]")
    program = (
        "from pathlib import Path; from stillwatch.engine.opening import opened; from stillwatch.settings import EngineSettings; "
        "from stillwatch.errors import EngineError\n"
        "try: opened(Path('store'), EngineSettings('local[1]'))\n"
        "except EngineError as error: print(error)"
    )
    environment = os.environ | {"JAVA_HOME": str(tmp_path / "nowhere")}

    told = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert told.stdout == "Spark did not start. Is a Java 17 installed, and does the master local[1] answer?\n"


@pytest.mark.cluster
def test_every_stage_leaves_equal_tables(cluster: None, tmp_path: Path) -> None:
    """A scan on Spark leaves every table, and every result, as DuckDB leaves it; only the engine's name differs."""
    for name in ("duckdb", "local[2]"):
        settings = replace(Settings(), engine=EngineSettings(name, workers=1, memory_gb=1.0))
        pipeline.scan([str(WORLD / "log.ndjson.zst")], tmp_path / name, settings)

    embedded, distributed = tmp_path / "duckdb", tmp_path / "local[2]"
    for spec in STORED:
        here, there = (parts.read_table(out / pipeline.STORE, spec) for out in (embedded, distributed))
        assert here.num_rows > 0 or spec.name == "cleared", spec.name
        assert here.equals(there), spec.name
    for name in ("accounts.parquet", "exchanges.parquet"):
        assert (embedded / name).read_bytes() == (distributed / name).read_bytes()
    told = (embedded / "campaigns.json").read_bytes()
    assert (
        told.replace(b'"engine":"duckdb"', b'"engine":"spark"').replace(b'"engine": "duckdb"', b'"engine": "spark"')
        == (distributed / "campaigns.json").read_bytes()
    )
