"""
The engine on a cluster: Spark runs the queries and carries the tasks to the machines where the log lies.

Why not Spark's own data frames in the stages: they would be written twice. A query is rendered from the one text that DuckDB
runs; a task is the same picklable object that a local process would get. Every worker must see the folder of the tables under
the same path. Between workers travel only rows of those tables, which hold keyed digests and counts and no text; a task carries
the key to the workers, so a cluster of several machines should encrypt its own traffic (docs/how-to/cluster.md).
"""

import functools
import os
import pickle
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pyarrow as pa

from stillwatch.engine import parts
from stillwatch.engine.stored import Stored
from stillwatch.errors import EngineError, StillwatchError
from stillwatch.records.tables import ALL, TableSpec
from stillwatch.settings import EngineSettings

try:
    import sqlglot
    from py4j.protocol import Py4JError
    from pyspark import cloudpickle
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.pandas.types import from_arrow_schema
    from sqlglot import expressions
except ImportError as missing:
    raise EngineError("a cluster needs Spark. Install it with: pip install 'stillwatch[spark]', and a Java 17") from missing

Item = TypeVar("Item")
Result = TypeVar("Result")

_STORED = {spec.name: spec for spec in ALL}
_WAVE = 8  # tasks a core between two reports of progress: a straggler then idles the others for an eighth of the time
_GLOB = re.compile(r"[\[\]{}*?\\]")  # what Hadoop would expand in a path
_SQL_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # an overflow is an error and a missing list has no length, as in DuckDB
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


class SparkEngine(Stored):
    """
    Runs every stage on Spark, in a session that is there already or in one of its own.

    Args:
        root: Folder of the tables, seen by the driver and by every worker under this path.
        settings: `name` is the master, or "spark" for whatever spark-submit has set up; `memory_gb` is the driver's.

    Raises:
        EngineError: there is no Java, or the cluster does not answer.
    """

    def __init__(self, root: Path, settings: EngineSettings) -> None:
        super().__init__(root.resolve(), settings.temp_dir)
        active = SparkSession.getActiveSession()
        self._own = active is None
        self._session = active or _session(settings)
        for name, value in _SQL_SETTINGS.items():
            self._session.conf.set(name, value)
        self._width = self._session.sparkContext.defaultParallelism
        self._naming = threading.Lock()  # a name means another thing to each query, until it is planned

    def close(self) -> None:
        """Let go of the cluster, where the session is our own."""
        if self._own:
            self._session.stop()
        super().close()

    def map(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Run `task` over `items`, one Spark task an item."""
        carried = cloudpickle.dumps(task)  # type: ignore[no-untyped-call]
        step = _WAVE * self._width
        for at in range(0, len(items), step):
            wave = [pickle.dumps(item) for item in items[at : at + step]]
            yield from self._wave(carried, wave)

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """Run one SELECT; `tables` are visible under their keyword names."""
        tree = _parsed(sql)
        with _Told():
            with self._naming:
                for name in _tables_of(tree):
                    self._show(name, tables.get(name))
                planned = self._planned(tree)
            return planned.toArrow()

    def batches(self, sql: str, rows: int = 131_072) -> Iterator[pa.RecordBatch]:
        """Stream one SELECT: a query that looks at each row by itself runs part by part, in the order of the parts."""
        tree = _parsed(sql)
        names = _tables_of(tree)
        if not _is_plain(tree) or not all(n in _STORED for n in names):
            yield from self.query(sql).to_batches(rows)
            return
        (name,) = names
        files = parts.part_files(self._root, _STORED[name])
        for at in range(0, len(files), self._width):
            with _Told():
                with self._naming:
                    read = [self._read(_STORED[name], str(f)) for f in files[at : at + self._width]]
                    functools.reduce(DataFrame.union, read).createOrReplaceTempView(name)
                    planned = self._planned(tree)
                found = planned.toArrow()
            yield from found.to_batches(rows)

    def _wave(self, task: bytes, items: list[bytes]) -> list[Any]:
        where = os.getcwd()

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                yield _done(task, items, batch.column(0).to_pylist(), where)

        with _Told():
            numbers = self._session.range(0, len(items), 1, len(items))
            done = numbers.mapInArrow(run, "place bigint, outcome binary").toArrow()
        outcomes = dict(zip(done["place"].to_pylist(), done["outcome"].to_pylist(), strict=True))
        return [_result(pickle.loads(outcomes[place])) for place in range(len(items))]  # noqa: S301 our own workers wrote it

    def _planned(self, tree: expressions.Expr) -> DataFrame:
        """What the names mean is settled here; the query runs when its rows are asked for."""
        return self._session.sql(tree.sql(dialect="spark"))

    def _show(self, name: str, table: pa.Table | None) -> None:
        """Make a table visible to queries: one handed in, else the stored one."""
        if table is not None:
            shown = self._session.createDataFrame(table)
        elif name in _STORED and self.has(_STORED[name]):
            shown = self._read(_STORED[name], str(parts.folder(self._root, _STORED[name])))
        else:
            return
        shown.createOrReplaceTempView(name)

    def _read(self, spec: TableSpec, path: str) -> DataFrame:
        """The declared schema, so that no footer is opened to learn it; half-written files are not looked at."""
        reader = self._session.read.schema(from_arrow_schema(spec.schema)).option("pathGlobFilter", "part-*.parquet")
        return reader.parquet("file://" + _GLOB.sub(r"\\\g<0>", path))


def _session(settings: EngineSettings) -> SparkSession:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("stillwatch").config("spark.driver.maxResultSize", "0")
    builder = builder.config("spark.driver.memory", f"{int(settings.memory_gb * 1024)}m")
    builder = builder.config("spark.log.level", "ERROR").config("spark.ui.showConsoleProgress", "false")
    if settings.name != "spark":
        builder = builder.master(settings.name)
    if settings.name.startswith("local"):  # everything on this machine: nothing listens to the network
        for name in ("spark.driver.host", "spark.driver.bindAddress"):
            builder = builder.config(name, "127.0.0.1")
        builder = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "8")
    try:
        return builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise EngineError(f"Spark did not start. Is a Java 17 installed, and does the master {settings.name} answer?") from error


def _parsed(sql: str) -> expressions.Expr:
    tree = sqlglot.parse_one(sql, read="duckdb")
    for common in tree.find_all(expressions.CTE):
        common.set("materialized", None)  # a hint to DuckDB, which Spark has no word for
    return tree


def _tables_of(tree: expressions.Expr) -> list[str]:
    """Tables that a query reads, apart from those it defines itself."""
    own = {common.alias for common in tree.find_all(expressions.CTE)}
    return sorted({table.name for table in tree.find_all(expressions.Table)} - own)


_JOINING = (
    expressions.Join, expressions.Group, expressions.Order, expressions.Distinct, expressions.AggFunc, expressions.Window,
    expressions.Limit, expressions.Subquery, expressions.CTE, expressions.SetOperation,
)  # fmt: skip


def _is_plain(tree: expressions.Expr) -> bool:
    """Does the query look at each row of one table by itself?"""
    return isinstance(tree, expressions.Select) and len(_tables_of(tree)) == 1 and tree.find(*_JOINING) is None


def _done(task: bytes, items: Sequence[bytes], places: Sequence[int], where: str) -> pa.RecordBatch:
    """
    On a worker: run the task on some items.

    What we raise on purpose is carried home. Of any other error only the kind is told, since Spark writes messages into its
    logs and a message may quote a log line; Spark then tries the item again.
    """
    run = pickle.loads(task)  # noqa: S301 the driver wrote it
    outcomes = []
    os.chdir(where)  # paths mean what they mean to the driver
    for place in places:
        try:
            outcome = (True, run(pickle.loads(items[place])))  # noqa: S301 the driver wrote it
        except StillwatchError as error:
            outcome = (False, error)
        except Exception as error:
            raise RuntimeError(f"a task failed on a worker ({type(error).__name__})") from None
        outcomes.append(pickle.dumps(outcome))
    return pa.record_batch([pa.array(places, pa.int64()), pa.array(outcomes, pa.binary())], names=["place", "outcome"])


def _result(outcome: tuple[bool, Any]) -> Any:
    fine, value = outcome
    if not fine:
        raise value
    return value


class _Told:
    """Turns Spark's errors into ours, without the values that its messages quote."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, PySparkException):
            raise EngineError(f"the engine refused a query ({error.getCondition() or type(error).__name__})") from error
        if isinstance(error, Py4JError):
            raise EngineError("the cluster was lost. Run again with --resume once it is back") from error
