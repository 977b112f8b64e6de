"""What a log gives to campaigns that are planted beside it: exchanges of its groups, accounts, and the release of a model."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.base import Engine

Ints = npt.NDArray[np.int64]

POOL_ROWS = 60_000  # exchanges of the log's groups that are looked at: bounds time and memory to seconds and 100 MB
SITTING_GAP_US = 30 * 60 * 1_000_000  # as evidence/persistence.py has it
_PEOPLE = """
SELECT account, any_value(client) AS client, any_value(client_units) AS client_units, any_value(n_systems) AS n_systems,
       any_value(account_created_at) AS account_created_at
FROM group_accounts WHERE account % {every} = 0 GROUP BY account ORDER BY account
"""


@dataclass(frozen=True, slots=True)
class Release:
    """A model that came out inside the window, when, and the share of active accounts that asked for it within a day."""

    model: str
    at_us: int
    taken_up: float


@dataclass(frozen=True, slots=True)
class Source:
    """
    Exchanges of the log's groups, each once, and the accounts that sent them.

    Args:
        rows: Sorted by account and time.
        pool: Places of exchanges that are all different.
        starts, lengths: Of each account's run in `rows`.
        sittings: Where each of their sittings starts: half an hour without a request ends one.
        people: A row an account of the log's groups, by account, with what GROUP_ACCOUNTS says of it.
        donors: Place in `people` of each account that has a run.
        model: What is asked for most.
        release: The one that most accounts saw; None = there was none.
    """

    rows: pa.Table
    pool: Ints
    starts: Ints
    lengths: Ints
    sittings: Ints
    people: pa.Table
    donors: Ints
    model: str
    release: Release | None

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """
        Read a scan's tables, from `candidates` on.

        Cost: a part of the accounts, so that some POOL_ROWS exchanges are read whatever the log's size.
        """
        n = engine.query("SELECT count(DISTINCT row) AS n FROM group_exchanges")["n"][0].as_py()
        every = max(1, n // POOL_ROWS)
        rows = engine.query(
            f"""SELECT account, row, seen_at, exact, tokens, fill, elicitation FROM group_exchanges
            WHERE account % {every} = 0 ORDER BY account, seen_at, exact, row, "group" """
        )
        first = np.zeros(rows.num_rows, bool)
        first[np.unique(rows["row"].to_numpy(), return_index=True)[1]] = True
        rows = rows.filter(pa.array(first))
        account = rows["account"].to_numpy()
        starts = np.flatnonzero(np.diff(account, prepend=account[:1] - 1)) if len(account) else np.empty(0, np.int64)
        exact = np.asarray(rows["exact"].fill_null(0))
        pool = np.sort(np.unique(exact, return_index=True)[1])
        people = engine.query(_PEOPLE.format(every=every))
        return cls(
            rows=rows,
            pool=pool[exact[pool] != 0],
            starts=starts,
            lengths=np.diff(starts, append=len(account)),
            sittings=_sittings(account, np.asarray(rows["seen_at"].cast(pa.int64()))),
            people=people,
            donors=np.searchsorted(people["account"].to_numpy(), account[starts]),
            model=_usual_model(engine),
            release=_release(engine),
        )


def _sittings(account: Ints, seen_us: Ints) -> Ints:
    """Starts of an account's requests that follow each other within half an hour."""
    if not len(account):
        return np.empty(0, np.int64)
    return np.flatnonzero((np.diff(account, prepend=account[0] - 1) != 0) | (np.diff(seen_us, prepend=0) >= SITTING_GAP_US))


def _usual_model(engine: Engine) -> str:
    most = engine.query("SELECT model, count(*) AS n FROM signatures GROUP BY model ORDER BY n DESC, model LIMIT 1")
    return str(most["model"][0].as_py())


def _release(engine: Engine) -> Release | None:
    found = engine.query(
        "SELECT model, released_at, n_accounts, n_adopters FROM models "
        "WHERE released_at IS NOT NULL ORDER BY n_accounts DESC, model"
    ).to_pylist()
    if not found:
        return None
    most = found[0]
    at_us = round(most["released_at"].timestamp() * 1e6)
    return Release(most["model"], at_us, most["n_adopters"] / max(most["n_accounts"], 1))
