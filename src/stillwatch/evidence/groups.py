"""Groups as arrays: the exchanges and the accounts of each group, in an order that neither names nor storage can change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.engine.base import Engine

_KEYS = ("group", "account", "seen_at", "row")


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists as two arrays: list i is `values[pointers[i]:pointers[i + 1]]`."""

    values: NDArray[np.int64]
    pointers: NDArray[np.int64]

    @classmethod
    def from_arrow(cls, column: pa.ChunkedArray) -> Self:
        """A null list is an empty one."""
        lists = column.combine_chunks()
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        values = pc.list_flatten(lists).to_numpy(zero_copy_only=False)
        return cls(values.astype(np.int64), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def slice(self, low: int, high: int) -> "Ragged":
        """Lists low...high-1."""
        pointers = self.pointers[low : high + 1]
        return Ragged(self.values[pointers[0] : pointers[-1]], pointers - pointers[0])

    def of(self) -> NDArray[np.int64]:
        """The number of the list that each value stands in."""
        return np.repeat(np.arange(self.pointers.size - 1), np.diff(self.pointers)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Plain:
    """Values, and which of them are known."""

    values: NDArray[np.int64]
    known: NDArray[np.bool_]

    @classmethod
    def from_arrow(cls, column: pa.ChunkedArray) -> Self:
        """Integers, times as microseconds; strings as their number in `np.unique` order are not for here."""
        array = column.combine_chunks()
        if pa.types.is_timestamp(array.type):
            array = array.cast(pa.int64())
        known = pc.is_valid(array).to_numpy(zero_copy_only=False)
        return cls(pc.fill_null(array, 0).to_numpy(zero_copy_only=False).astype(np.int64), known)

    def slice(self, low: int, high: int) -> "Plain":
        """Values low...high-1."""
        return Plain(self.values[low:high], self.known[low:high])


@dataclass(frozen=True, slots=True)
class GroupRows:
    """
    The rows of one group.

    Args:
        account: Account of each row, numbered by first appearance in time, so that renaming accounts changes nothing.
        plain: Columns of values.
        lists: Columns of lists.
    """

    account: NDArray[np.int64]
    plain: dict[str, Plain]
    lists: dict[str, Ragged]

    @property
    def n_accounts(self) -> int:
        """Accounts that have a row here."""
        return int(self.account.max()) + 1 if self.account.size else 0


def exchanges(engine: Engine, groups: pa.Table, columns: Sequence[str]) -> Iterator[GroupRows]:
    """
    The exchanges of each group, in the order of `groups`, sorted by account of the log, time and row.

    Args:
        groups: Rows of the table `groups`.
        columns: Columns of `group_exchanges` beside `seen_at` and `row`, which are always there.
    """
    table = _wanted(engine, "group_exchanges", groups, list(dict.fromkeys([*_KEYS, *columns])))
    keys = [Plain.from_arrow(table[k]).values for k in _KEYS]
    if not _in_order(keys):
        order = np.lexsort(keys[::-1])
        table, keys = table.take(order), [k[order] for k in keys]
    plain = {k: Plain(v, np.ones(v.size, np.bool_)) for k, v in zip(_KEYS[2:], keys[2:], strict=True)}
    plain |= {c: Plain.from_arrow(table[c]) for c in columns if not pa.types.is_list(table[c].type)}
    lists = {c: Ragged.from_arrow(table[c]) for c in columns if pa.types.is_list(table[c].type)}
    for low, high in _bounds(keys[0], groups):
        account = _by_first_appearance(*(k[low:high] for k in keys[1:]))
        yield GroupRows(
            account, {c: p.slice(low, high) for c, p in plain.items()}, {c: r.slice(low, high) for c, r in lists.items()}
        )


def accounts(engine: Engine, groups: pa.Table, columns: Sequence[str]) -> Iterator[dict[str, Plain]]:
    """The accounts of each group, in the order of `groups`: the columns asked for, and `account`."""
    table = _wanted(engine, "group_accounts", groups, ["group", "account", *columns])
    keys = [Plain.from_arrow(table[k]).values for k in ("group", "account")]
    order = np.lexsort(keys[::-1])
    held = {c: Plain.from_arrow(table[c].take(order)) for c in ("account", *columns)}
    for low, high in _bounds(keys[0][order], groups):
        yield {c: p.slice(low, high) for c, p in held.items()}


def _wanted(engine: Engine, table: str, groups: pa.Table, columns: list[str]) -> pa.Table:
    """Stored rows of these groups; the bounds let the engine skip what lies outside."""
    listed = ", ".join(f't."{c}"' for c in columns)
    low, high = (pc.min(groups["group"]).as_py() or 0, pc.max(groups["group"]).as_py() or 0)
    sql = f'SELECT {listed} FROM {table} t JOIN wanted w ON t."group" = w."group" WHERE t."group" BETWEEN {low} AND {high}'
    return engine.query(sql, wanted=groups.select(["group"]))


def _in_order(keys: list[NDArray[np.int64]]) -> bool:
    """Are rows sorted by these keys, first key first?"""
    undecided = np.ones(max(keys[0].size - 1, 0), np.bool_)
    for key in keys:
        later, earlier = key[1:], key[:-1]
        if (undecided & (later < earlier)).any():
            return False
        undecided &= later == earlier
    return True


def _bounds(group: NDArray[np.int64], groups: pa.Table) -> Iterator[tuple[int, int]]:
    """First and past-the-last row of each group of `groups` in a column sorted by group."""
    named = groups["group"].to_numpy()
    yield from zip(np.searchsorted(group, named, "left").tolist(), np.searchsorted(group, named, "right").tolist(), strict=True)


def _by_first_appearance(account: NDArray[np.int64], seen_us: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Accounts of rows that are sorted by account and time, numbered in the order in which they appear in time."""
    starts = np.flatnonzero(np.diff(account, prepend=account[:1] - 1 if account.size else account))
    rank = np.empty(starts.size, np.int64)
    rank[np.lexsort((row[starts], seen_us[starts]))] = np.arange(starts.size)
    return np.repeat(rank, np.diff(starts, append=account.size))
