"""
What the exchange asks of a database: read transactions, write transactions, a lock. One file a real one: sqlite, postgres.

Why not an object-relational mapper: every statement of the hot path is written once, in SQL that both servers
share, with `?` for parameters; the whole difference between the two fits into their two files.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from stillwatch.errors import SharingError

Row = tuple[Any, ...]


class Transaction(Protocol):
    """Statements that see one state of the database."""

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row, or None."""
        ...

    def all(self, sql: str, *values: Any) -> list[Row]:
        """All rows."""
        ...

    def each(self, sql: str, *values: Any) -> Iterator[Row]:
        """Rows as they arrive; for results that need not fit in memory."""
        ...

    def run(self, sql: str, *values: Any) -> int:
        """How many rows the statement changed."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for many rows."""
        ...

    def lock(self, name: str) -> None:
        """
        Wait until no other write transaction holds the lock of this name; it is held until this one ends.

        Order: a collection first, the audit log last. So no two writers can wait for each other.
        """
        ...


class Database(Protocol):
    """A place to keep an exchange. Safe to use from several threads, and from several processes at once."""

    def read(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that is durable when the block ends, and undone when it raises."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


class DatabaseLostError(SharingError):
    """The database cannot be reached now; nothing was answered that is not stored, and sending again is safe."""


def connect(url: str) -> Database:
    """
    The database of an exchange.

    Args:
        url: `sqlite:FILE` or a plain path, or `postgresql://…` (needs the extra `stillwatch[postgres]`).

    Raises:
        SharingError: it cannot be opened.
    """
    if url.startswith(("postgresql://", "postgres://")):
        from stillwatch.sharing.taxii.postgres import PostgresDatabase  # the driver is an optional extra

        return PostgresDatabase(url)
    from stillwatch.sharing.taxii.sqlite import SqliteDatabase

    return SqliteDatabase(url.removeprefix("sqlite:"))
