"""The embedded engine."""

import os
import signal
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from tests.tables import an_engine, stored

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import EngineError
from stillwatch.methods.cores import available_cores
from stillwatch.records import tables
from stillwatch.settings import EngineSettings


def double(x: int) -> int:
    """A task of the simplest kind; spawned workers import it from here."""
    return 2 * x


def test_a_query_sees_stored_and_given_tables(tmp_path: Path) -> None:
    """A query joins a stored table with one handed in by name."""
    engine = stored(an_engine(tmp_path), recipes=[{"recipe": 1, "n_accounts": 5}, {"recipe": 2, "n_accounts": 9}])

    found = engine.query(
        "SELECT r.n_accounts AS n FROM recipes r JOIN wanted w ON w.recipe = r.recipe", wanted=pa.table({"recipe": [2]})
    )

    assert found["n"].to_pylist() == [9]


def test_a_table_written_again_is_replaced(tmp_path: Path) -> None:
    """Writing a table again leaves only the new rows, for queries and for reads."""
    engine = stored(an_engine(tmp_path), recipes=[{"recipe": 1}, {"recipe": 2}])

    stored(engine, recipes=[{"recipe": 3}])

    assert engine.read(tables.RECIPES)["recipe"].to_pylist() == [3]
    assert engine.query("SELECT recipe FROM recipes")["recipe"].to_pylist() == [3]


def test_a_missing_table_is_told_with_its_stage(tmp_path: Path) -> None:
    """Reading a table that is not there says which stage writes it."""
    engine = an_engine(tmp_path)

    assert not engine.has(tables.RECIPES)
    with pytest.raises(EngineError, match=r"table 'recipes' is missing\. Run the stage 'templates' first"):
        engine.read(tables.RECIPES)


def test_a_refused_query_is_an_error_without_values(tmp_path: Path) -> None:
    """A query that fails names its kind and none of the values in it."""
    engine = an_engine(tmp_path)

    with pytest.raises(EngineError, match="refused a query") as told:
        engine.query("SELECT CAST('a secret' AS BIGINT)")
    with pytest.raises(EngineError, match="refused a query"):
        list(engine.batches("SELECT * FROM nowhere"))

    assert "secret" not in str(told.value)


def test_ctrl_c_in_a_query_is_an_interrupt(tmp_path: Path) -> None:
    """What DuckDB answers to Ctrl-C comes out as the interrupt that it was, and the engine can be asked again."""
    engine = an_engine(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores Ctrl-C
    person = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    person.start()

    try:
        with pytest.raises(KeyboardInterrupt):
            engine.query("SELECT sum(a.range * b.range) AS n FROM range(100000) a, range(200000) b")
    finally:
        person.join()
        signal.signal(signal.SIGINT, before)

    assert engine.query("SELECT 1 AS n").to_pylist() == [{"n": 1}]


def test_a_query_streams(tmp_path: Path) -> None:
    """`batches` gives the same rows as `query`, in pieces of at most the asked size."""
    engine = an_engine(tmp_path)

    pieces = list(engine.batches("SELECT range AS n FROM range(5000) ORDER BY n", rows=2048))

    assert [n for p in pieces for n in p["n"].to_pylist()] == list(range(5000))
    assert max(p.num_rows for p in pieces) <= 2048


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(tmp_path: Path, workers: int) -> None:
    """`map` gives one result an item, in the items' order, in this process or in others."""
    engine = DuckDBEngine(tmp_path, EngineSettings(workers=workers, memory_gb=1.0))

    results = list(engine.map(double, [3, 1, 2]))

    assert results == [6, 2, 4]


def fail(x: int) -> int:
    """A task that cannot."""
    raise EngineError(f"no {x}")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_task_ends_the_map(tmp_path: Path, workers: int) -> None:
    """An error in a worker comes out of `map` as it was raised."""
    engine = DuckDBEngine(tmp_path, EngineSettings(workers=workers, memory_gb=1.0))

    with pytest.raises(EngineError, match="no 1"):
        list(engine.map(fail, [1, 2, 3]))


def test_an_engine_is_a_context(tmp_path: Path) -> None:
    """Leaving the context closes the engine: it answers no more."""
    with an_engine(tmp_path) as engine:
        assert engine.root == tmp_path
        assert engine.query("SELECT 1 AS n")["n"].to_pylist() == [1]

    with pytest.raises(EngineError):
        engine.query("SELECT 1 AS n")
    assert available_cores() >= 1


def test_memory_and_disk_are_told_apart(tmp_path: Path) -> None:
    """Out of memory says which setting to raise."""
    engine = DuckDBEngine(tmp_path, EngineSettings(workers=1, memory_gb=0.02, temp_dir=tmp_path / "spill"))
    engine.query("SELECT 1 AS n")

    with pytest.raises(EngineError, match=r"engine.memory_gb|disk full"):
        engine.query("SELECT list(range) AS l FROM range(40000000)")
