"""SQLite in write-ahead mode: readers never wait, one writer at a time, durable at commit (`synchronous=FULL`)."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii.database import DatabaseLostError, Row
from stillwatch.sharing.taxii.schema import statements

_BUSY_S = 30.0


class SqliteDatabase:
    """
    An exchange in one file; several processes may serve it.

    Args:
        path: The file; made if it is not there, in a folder that is.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        if not Path(path).absolute().parent.is_dir():
            raise SharingError(f"{path}: its folder does not exist. Make it first")
        try:
            with self.write() as transaction:
                for statement in statements("BLOB"):
                    transaction.run(statement)
        except (sqlite3.Error, DatabaseLostError) as error:
            raise SharingError(f"{path}: is no database of an exchange, or cannot be written") from error

    @contextmanager
    def read(self) -> Iterator["_Transaction"]:
        """A snapshot."""
        with self._transaction("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def write(self) -> Iterator["_Transaction"]:
        """The only writer until the block ends."""
        with self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    def close(self) -> None:
        """Close every thread's connection."""
        with self._guard:
            for connection in self._open:
                connection.close()
            self._open.clear()
        self._local = threading.local()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator["_Transaction"]:
        connection = self._connection()
        try:
            connection.execute(begin)
        except sqlite3.OperationalError as error:
            raise DatabaseLostError("the exchange's file is locked by another program, or gone") from error
        try:
            yield _Transaction(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise DatabaseLostError("the exchange's file cannot be written: is the disk full?") from error
            raise

    def _connection(self) -> sqlite3.Connection:
        known: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if known is None:
            known = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=1073741824"):
                known.execute(f"PRAGMA {pragma}")
            self._local.connection = known
            with self._guard:
                self._open.append(known)
        return known


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row, or None."""
        with closing(self._connection.execute(sql, values)) as cursor:
            row: Row | None = cursor.fetchone()
            return row

    def all(self, sql: str, *values: Any) -> list[Row]:
        """All rows."""
        return self._connection.execute(sql, values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[Row]:
        """Rows as they arrive."""
        with closing(self._connection.execute(sql, values)) as cursor:
            yield from cursor

    def run(self, sql: str, *values: Any) -> int:
        """How many rows the statement changed."""
        return self._connection.execute(sql, values).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for many rows."""
        self._connection.executemany(sql, rows)

    def lock(self, name: str) -> None:
        """Nothing to do: BEGIN IMMEDIATE has made this the only writer."""
