"""An exchange over a real SQLite file, one a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.exchanging import Api, open_api

from stillwatch.sharing.taxii.sqlite import SqliteDatabase


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """An empty database of an exchange."""
    opened = SqliteDatabase(str(tmp_path / "exchange.db"))
    yield opened
    opened.close()


@pytest.fixture
def api(database: SqliteDatabase) -> Iterator[Api]:
    """An exchange with members of every role."""
    made = open_api(database)
    with made.client:
        yield made
