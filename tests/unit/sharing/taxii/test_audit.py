"""The audit log: a chain that shows what was altered, dropped, inserted or cut."""

import pytest
from tests.exchanging import Api

from stillwatch.sharing.taxii import audit
from stillwatch.sharing.taxii.database import Database


def alter(database: Database, sql: str) -> None:
    """Change the log behind its back."""
    with database.write() as transaction:
        transaction.run(sql)


@pytest.fixture
def log(api: Api) -> Database:
    """A log of twenty-odd lines."""
    for _ in range(3):
        api.post([api.indicator()])
    return api.database


def test_an_untouched_log_holds(log: Database) -> None:
    """Every line is sealed by the next, up to the head."""
    finding = audit.verify(log)

    assert finding.broken_at is None
    assert finding.n_lines > 10
    assert finding.head == audit.lines(log, finding.n_lines - 1, 1)[0].hash


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET detail = 'stored=0' WHERE seq = 5",
        "UPDATE audit SET member = 'ben' WHERE seq = 5",
        "UPDATE audit SET at = at + 1 WHERE seq = 5",
        "DELETE FROM audit WHERE seq = 5",
        "UPDATE audit SET hash = zeroblob(32) WHERE seq = 5",
    ],
)
def test_an_altered_line_is_found(log: Database, sql: str) -> None:
    """The check names the first line that does not hold."""
    alter(log, sql)

    assert audit.verify(log).broken_at == 5


def test_a_cut_end_is_found_by_a_noted_head(log: Database) -> None:
    """Dropping the newest lines leaves a chain that holds, but without the hash that was written down."""
    noted = audit.verify(log).head
    alter(log, "DELETE FROM audit WHERE seq > 8")

    finding = audit.verify(log, noted)

    assert (finding.broken_at, finding.contains) == (None, False)
