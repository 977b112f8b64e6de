"""The exchanges of a log by account and time: where each stands, in arrays that every later question can use."""

from dataclasses import dataclass
from typing import Self

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.methods.intern import Interner
from stillwatch.methods.ragged import places_of

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Log:
    """
    The exchanges of a log by account; some 30 bytes each.

    Args:
        rows: (n,) `row` of each exchange, ascending: its place is its number here.
        owner: (n,) account number of each place.
        timed: (n,) places in the order of time, the same however the log was split and in whatever order its files were read.
        order: (n,) places sorted by account, and as in `timed`; the number of a place here is its rank.
        starts: (n_accounts + 1,) first rank of each account.
        streamed: (n,) place of each exchange in stored order; None where stored order is that of rows.
    """

    rows: Ints
    owner: Places
    timed: Places
    order: Places
    starts: Ints
    streamed: Places | None

    @classmethod
    def load(cls, engine: Engine, accounts: Ints) -> Self:
        """One pass over three columns of SIGNATURES; `accounts` are all, ascending."""
        n = engine.query("SELECT count(*) AS n FROM signatures")["n"][0].as_py()
        rows, owner, seen = np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int64)
        at = 0
        numbers = Interner()
        numbers.add(accounts)
        for batch in engine.batches("SELECT row, account, seen_at FROM signatures"):
            here = slice(at, at + batch.num_rows)
            rows[here] = batch.column("row").to_numpy()
            owner[here] = numbers.find(batch.column("account").to_numpy())
            seen[here] = batch.column("seen_at").cast(pa.int64()).to_numpy()
            at += batch.num_rows
        streamed = None
        if (rows[1:] < rows[:-1]).any():
            order = np.argsort(rows, kind="stable")
            streamed = inverse(order)
            rows, owner, seen = rows[order], owner[order], seen[order]
        starts = np.zeros(len(accounts) + 1, np.int64)
        timed = _in_time(engine, rows, owner, seen)
        return cls(rows, owner, timed, _by_account(owner, timed, starts), starts, streamed)

    def places(self, rows: Ints) -> Places:
        """Places of exchanges by their `row`."""
        return places_of(self.rows, rows)


def _in_time(engine: Engine, rows: Ints, owner: Places, seen: Ints) -> Places:
    """
    Places in the order of time; equally early ones by account, and those of one account by text, then by `exchange_id`.

    Ids are looked at only where an account sent several exchanges at once: most logs are in the order of time already.
    """
    timed = np.argsort(seen, kind="stable").astype(np.int32)
    tied = _tied(seen[timed])
    if tied.any():
        timed[tied] = timed[tied][np.lexsort((owner[timed[tied]], seen[timed[tied]]))]
        at_once = tied & _tied(seen[timed], owner[timed])
        told = engine.query(
            "SELECT s.row FROM signatures s JOIN wanted w ON w.row = s.row "
            "ORDER BY s.seen_at, s.account, COALESCE(s.exact, 0), s.exchange_id, s.row",
            wanted=pa.table({"row": rows[timed[at_once]]}),
        )
        timed[at_once] = np.searchsorted(rows, told["row"].to_numpy())
    return timed


def _tied(*keys: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Of sorted rows, which have the keys of a neighbour."""
    same = np.ones(max(len(keys[0]) - 1, 0), np.bool_)
    for key in keys:
        same &= key[1:] == key[:-1]
    out = np.zeros(len(keys[0]), np.bool_)
    out[1:] |= same
    out[:-1] |= same
    return out


@numba.njit(cache=True, nogil=True)
def _by_account(owner: Places, timed: Places, starts: Ints) -> Places:
    """Places by account, and as in `timed`; `starts` is filled in."""
    for account in owner:
        starts[account + 1] += 1
    for a in range(len(starts) - 1):
        starts[a + 1] += starts[a]
    filled = starts[:-1].copy()
    out = np.empty(len(owner), np.int32)
    for place in timed:
        out[filled[owner[place]]] = place
        filled[owner[place]] += 1
    return out


def inverse(order: npt.NDArray[np.integer]) -> Places:
    """Where each place stands in an order."""
    out = np.empty(len(order), np.int32)
    out[order] = np.arange(len(order), dtype=np.int32)
    return out
