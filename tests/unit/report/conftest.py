"""One store of a scan, for all tests of the room that only read it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.scanned import a_scan, a_store

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records.campaign import Document


@dataclass(frozen=True)
class Scanned:
    engine: DuckDBEngine
    document: Document


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    """Two campaigns of sixty accounts."""
    with a_store(tmp_path_factory.mktemp("store")) as engine:
        yield Scanned(engine, a_scan(engine, 60, 2))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    """One campaign of sixty accounts whose names, models and wording are what an attacker would choose."""
    with a_store(tmp_path_factory.mktemp("hostile")) as engine:
        yield Scanned(engine, a_scan(engine, 60, 1, hostile=True))
