"""An exchange over a real SQLite file, one a test: a copy of one that was filled once, as every commit waits for the disk."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.exchanging import Api, open_api

from stillwatch.sharing.taxii.app import build
from stillwatch.sharing.taxii.exchange import Exchange, Options
from stillwatch.sharing.taxii.sqlite import SqliteDatabase


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Api]:
    """A file with members of every role and one collection, and what is known of them."""
    path = tmp_path_factory.mktemp("exchange") / "filled.db"
    database = SqliteDatabase(str(path))
    api = open_api(database)
    database.close()
    return path, api


@pytest.fixture
def database(filled: tuple[Path, Api], tmp_path: Path) -> Iterator[SqliteDatabase]:
    """The database of an exchange with members and a collection."""
    shutil.copy(filled[0], tmp_path / "exchange.db")
    opened = SqliteDatabase(str(tmp_path / "exchange.db"))
    yield opened
    opened.close()


@pytest.fixture
def api(filled: tuple[Path, Api], database: SqliteDatabase) -> Iterator[Api]:
    """Requests to that exchange."""
    with TestClient(build(Exchange(database, Options()))) as client:
        yield replace(filled[1], database=database, client=client)
