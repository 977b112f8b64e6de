"""PostgreSQL, for exchanges that several machines serve; needs the extra `stillwatch[postgres]` (psycopg)."""

import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii.database import DatabaseLostError, Row
from stillwatch.sharing.taxii.schema import statements

try:
    import psycopg
except ImportError as missing:
    raise SharingError("PostgreSQL needs its driver. Install it with: pip install 'stillwatch[postgres]'") from missing


class PostgresDatabase:
    """
    An exchange in a PostgreSQL database of its own.

    Args:
        url: A connection URI of libpq.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._open: list[psycopg.Connection[Row]] = []
        self._guard = threading.Lock()
        try:
            with self.write() as transaction:
                transaction.lock("schema")
                for statement in statements("BYTEA"):
                    transaction.run(statement)
        except (psycopg.Error, DatabaseLostError) as error:
            raise SharingError("the PostgreSQL database cannot be reached, or is not ours to write. Check the URL") from error

    @contextmanager
    def read(self) -> Iterator["_Transaction"]:
        """A transaction that only reads."""
        with self._transaction() as transaction:
            yield transaction

    @contextmanager
    def write(self) -> Iterator["_Transaction"]:
        """A transaction that is durable when the block ends."""
        with self._transaction() as transaction:
            yield transaction

    def close(self) -> None:
        """Close every thread's connection."""
        with self._guard:
            for connection in self._open:
                connection.close()
            self._open.clear()
        self._local = threading.local()

    @contextmanager
    def _transaction(self) -> Iterator["_Transaction"]:
        connection = self._connection()
        try:
            with connection.transaction(), connection.cursor(binary=True) as cursor:
                yield _Transaction(cursor)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._forget(connection)
            raise DatabaseLostError("the database was lost. Send again: what was not stored is stored then") from error

    def _connection(self) -> "psycopg.Connection[Row]":
        known: psycopg.Connection[Row] | None = getattr(self._local, "connection", None)
        if known is not None and not known.closed:
            return known
        try:
            known = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        except psycopg.Error as error:
            raise DatabaseLostError("the database cannot be reached") from error
        self._local.connection = known
        with self._guard:
            self._open.append(known)
        return known

    def _forget(self, connection: "psycopg.Connection[Row]") -> None:
        connection.close()
        self._local.connection = None
        with self._guard:
            if connection in self._open:
                self._open.remove(connection)


class _Transaction:
    def __init__(self, cursor: "psycopg.Cursor[Row]") -> None:
        self._cursor = cursor

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row, or None."""
        return self._cursor.execute(_ours(sql), values).fetchone()

    def all(self, sql: str, *values: Any) -> list[Row]:
        """All rows."""
        return self._cursor.execute(_ours(sql), values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[Row]:
        """Rows of the result, which the driver holds in memory."""
        yield from self._cursor.execute(_ours(sql), values)

    def run(self, sql: str, *values: Any) -> int:
        """How many rows the statement changed."""
        return self._cursor.execute(_ours(sql), values).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for many rows, in one round trip."""
        self._cursor.executemany(_ours(sql), rows)

    def lock(self, name: str) -> None:
        """An advisory lock that ends with the transaction."""
        self._cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_NAMESPACE, zlib.crc32(name.encode()) - 2**31))


_NAMESPACE = 0x53574958  # the letters SWIX: keeps our locks apart from those of others in one database


@lru_cache(512)
def _ours(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()
