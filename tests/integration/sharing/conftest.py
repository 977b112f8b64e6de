"""A real exchange on a loopback port, over SQLite and over PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serving import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store; PostgreSQL is started for the test."""
    if request.param == "sqlite":
        yield str(tmp_path / "exchange.db")
        return
    with postgres() as url:
        yield url
