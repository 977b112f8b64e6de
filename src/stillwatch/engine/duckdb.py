"""The embedded engine: DuckDB for queries, local processes for map. Needs no server and no network."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from stillwatch.engine import parts
from stillwatch.engine.ahead import ahead
from stillwatch.engine.stored import Stored
from stillwatch.errors import EngineError
from stillwatch.methods.cores import available_cores
from stillwatch.records.tables import ALL
from stillwatch.settings import EngineSettings

Item = TypeVar("Item")
Result = TypeVar("Result")


class DuckDBEngine(Stored):
    """
    Runs every stage on this machine.

    DuckDB is always given a memory limit (it then spills, and is faster than without) and a folder of its own to spill
    into. Map tasks run in spawned processes: forked ones would inherit locks of Arrow's threads.

    Args:
        root: Folder of the tables.
        settings: Width and memory.
    """

    def __init__(self, root: Path, settings: EngineSettings) -> None:
        super().__init__(root, settings.temp_dir)
        self._workers = settings.workers or available_cores()
        self._connection = duckdb.connect(":memory:")
        for name, value in (
            ("memory_limit", f"{settings.memory_gb}GB"),
            ("temp_directory", str(self._temporary)),
            ("threads", self._workers),
            ("TimeZone", "UTC"),
            ("preserve_insertion_order", True),
        ):
            self._connection.execute(f"SET GLOBAL {name} = ?", [value])  # of the cursors too
        self._views: dict[str, int] = {}
        self._refreshing = threading.Lock()

    def close(self) -> None:
        """Let go of DuckDB and its spill folder."""
        self._connection.close()
        super().close()

    def map(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Run `task` over `items`, in this process where one worker is enough."""
        if self._workers == 1 or len(items) <= 1:
            yield from map(task, items)
            return
        workers = min(self._workers, len(items))
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                with _interrupts_held():
                    results = pool.map(task, items)
                yield from results
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """Run one SELECT; `tables` are visible under their keyword names. Several threads may ask at once."""
        self._refresh_views()
        with _errors_told(), self._cursor() as cursor:
            for name, table in tables.items():
                cursor.register(name, table)
            return cursor.sql(sql).to_arrow_table()

    def batches(self, sql: str, rows: int = 131_072) -> Iterator[pa.RecordBatch]:
        """Stream one SELECT; the next rows are read while these are looked at."""
        self._refresh_views()
        yield from ahead(self._streamed(sql, rows))

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own for a question, so that threads do not take each other's answers."""
        with self._connection.cursor() as cursor:
            cursor.execute("SET enable_progress_bar = false")  # of a connection: the others are the database's
            yield cursor

    def _streamed(self, sql: str, rows: int) -> Iterator[pa.RecordBatch]:
        with _errors_told(), self._cursor() as cursor:
            yield from cursor.sql(sql).to_arrow_reader(rows)

    def _refresh_views(self) -> None:
        with self._refreshing:
            for spec in ALL:
                files = parts.part_files(self._root, spec)
                if files and self._views.get(spec.name) != len(files):
                    listed = ", ".join("'" + str(f).replace("'", "''") + "'" for f in files)
                    self._connection.execute(f"CREATE OR REPLACE VIEW {spec.name} AS SELECT * FROM read_parquet([{listed}])")
                    self._views[spec.name] = len(files)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """
    Hold back Ctrl-C while workers start: they inherit that, finish what they write, and leave the answer to this process.

    Held back, not ignored: one that comes meanwhile is raised afterwards. The mask is what workers inherit; the handler is for
    this process, whose other threads would let the signal in. The resource tracker undoes masks when it starts, so it is
    started first.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    resource_tracker.ensure_running()
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number)) or signal.SIG_DFL
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if came:
        raise KeyboardInterrupt


@contextmanager
def _errors_told() -> Iterator[None]:
    """Turn DuckDB's errors into ours, and its answer to Ctrl-C, an error too, into the interrupt that it was."""
    try:
        yield
    except duckdb.Error as error:
        raise _told(error) from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error


def _told(error: duckdb.Error) -> EngineError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            "the query needs more memory than engine.memory_gb allows and could not spill. Raise it, or free disk space"
        )
    if isinstance(error, duckdb.IOException):
        return EngineError(
            "the engine could not read or write its files: is the disk full? Free some space and run again with --resume"
        )
    return EngineError(f"the engine refused a query ({type(error).__name__})")
