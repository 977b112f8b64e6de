"""Groups as arrays: the exchanges and the accounts of each group, in an order that neither names nor storage can change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.local import Local
from stillwatch.evidence.platform import Platform
from stillwatch.records.tables import GROUP_ACCOUNTS, GROUP_EXCHANGES, TableSpec

_KEYS = ("group", "account", "seen_at", "exact", "row")  # equal up to `exact`, two rows are alike in all that is looked at


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
    The rows of one group; those of an account stand together, in the order of time.

    Args:
        account: Account of each row, numbered by first appearance in time, so that renaming accounts changes nothing.
        plain: Columns of values.
        lists: Columns of lists.
        known: What one detector found and another need not find again, by its name.
    """

    account: NDArray[np.int64]
    plain: dict[str, Plain]
    lists: dict[str, Ragged]
    known: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def n_accounts(self) -> int:
        """Accounts that have a row here."""
        return int(self.account.max()) + 1 if self.account.size else 0

    def by_account(self) -> NDArray[np.int64]:
        """Places of the rows, account by account in the order of their numbers."""
        if "by_account" not in self.known:
            self.known["by_account"] = _in_order_of(self.account, self.n_accounts)
        return self.known["by_account"]


class Chunk(Local):
    """
    The engine of groups that are weighed together: what several detectors ask of these groups is read once.

    Args:
        root: Folder of the tables.
        groups: Rows of the table `groups`.
        platform: What is the same for all groups.
    """

    def __init__(self, root: Path, groups: pa.Table, platform: Platform) -> None:
        super().__init__(root)
        self.groups, self.platform = groups, platform
        self.exchanges = _Exchanges(self, groups)
        self.accounts = _Accounts(self, groups)

    def close(self) -> None:
        """Let go of the rows at once: they refer back to this, and would stay until somebody looks for such rings."""
        del self.exchanges, self.accounts
        super().close()


def exchanges(engine: Engine, groups: pa.Table, columns: Sequence[str]) -> Iterator[GroupRows]:
    """
    The exchanges of each group, in the order of `groups`, sorted by account of the log, time and text.

    Args:
        groups: Rows of the table `groups`.
        columns: Columns of `group_exchanges` beside `seen_at`, `exact` and `row`, which are always there.
    """
    held = engine.exchanges if isinstance(engine, Chunk) and engine.groups is groups else _Exchanges(engine, groups)
    yield from held.each(columns)


def accounts(engine: Engine, groups: pa.Table, columns: Sequence[str]) -> Iterator[dict[str, Plain]]:
    """The accounts of each group, in the order of `groups`: the columns asked for, and `account`."""
    held = engine.accounts if isinstance(engine, Chunk) and engine.groups is groups else _Accounts(engine, groups)
    yield from held.each(columns)


def units(group: dict[str, Plain]) -> NDArray[np.int64]:
    """The organisation, or the account where it has none, of each account of a group."""
    return np.where(group["org"].known, group["org"].values, group["account"].values)


def platform(engine: Engine) -> Platform:
    """What detectors ask of the whole platform, from the chunk that knows it or measured anew."""
    return engine.platform if isinstance(engine, Chunk) else Platform.of(engine)


class _Exchanges:
    """Columns of `group_exchanges`, read when they are first asked for."""

    def __init__(self, engine: Engine, groups: pa.Table) -> None:
        self._engine, self._groups = engine, groups
        self._plain: dict[str, Plain] = {}
        self._lists: dict[str, Ragged] = {}
        self._order: NDArray[np.int64] | None = None
        self._account: NDArray[np.int64] = np.empty(0, np.int64)
        self._bounds: list[tuple[int, int]] = []
        self._known: list[dict[str, NDArray[np.int64]]] = []

    def each(self, columns: Sequence[str]) -> Iterator[GroupRows]:
        """The rows of each group, with these columns."""
        self._read([c for c in columns if c not in self._plain and c not in self._lists])
        wanted = (*_KEYS[2:], *columns)
        plain = {c: self._plain[c] for c in wanted if c in self._plain}
        lists = {c: self._lists[c] for c in wanted if c in self._lists}
        for (low, high), known in zip(self._bounds, self._known, strict=True):
            yield GroupRows(
                self._account[low:high],
                {c: p.slice(low, high) for c, p in plain.items()},
                {c: r.slice(low, high) for c, r in lists.items()},
                known,
            )

    def _read(self, missing: list[str]) -> None:
        first = not self._known
        if not missing and not first:
            return
        # a column read later must come in the order of those read before, so the keys are read with it
        table = _wanted(self._engine, GROUP_EXCHANGES, self._groups, list(dict.fromkeys([*_KEYS, *missing])))
        keys = [Plain.from_arrow(table[k]).values for k in _KEYS]
        if not _in_order(keys):
            order = np.lexsort(keys[::-1])
            table, keys = table.take(order), [k[order] for k in keys]
        for c in missing:
            if pa.types.is_list(table[c].type):
                self._lists[c] = Ragged.from_arrow(table[c])
            else:
                self._plain[c] = Plain.from_arrow(table[c])
        if first:
            self._plain |= {k: Plain.from_arrow(table[k]) for k in _KEYS[2:]}
            self._account = _by_first_appearance(*keys[:4])
            self._bounds = list(_bounds(keys[0], self._groups))
            self._known = [{} for _ in self._bounds]


class _Accounts:
    """Columns of `group_accounts`, read when they are first asked for."""

    def __init__(self, engine: Engine, groups: pa.Table) -> None:
        self._engine, self._groups = engine, groups
        self._held: dict[str, Plain] = {}
        self._bounds: list[tuple[int, int]] = []

    def each(self, columns: Sequence[str]) -> Iterator[dict[str, Plain]]:
        """The accounts of each group, with these columns."""
        missing = [c for c in columns if c not in self._held]
        if missing or not self._held:
            table = _wanted(self._engine, GROUP_ACCOUNTS, self._groups, ["group", "account", *missing])
            keys = [Plain.from_arrow(table[k]).values for k in ("group", "account")]
            if not _in_order(keys):
                order = np.lexsort(keys[::-1])
                table, keys = table.take(order), [k[order] for k in keys]
            self._held |= {c: Plain.from_arrow(table[c]) for c in ("account", *missing)}
            self._bounds = list(_bounds(keys[0], self._groups))
        for low, high in self._bounds:
            yield {c: self._held[c].slice(low, high) for c in ("account", *columns)}


def _wanted(engine: Engine, table: TableSpec, groups: pa.Table, columns: list[str]) -> pa.Table:
    """Stored rows of these groups; the bounds let the engine skip what lies outside."""
    low, high = (pc.min(groups["group"]).as_py() or 0, pc.max(groups["group"]).as_py() or 0)
    if isinstance(engine, Chunk):
        found = parts.read_between(engine.root, table, "group", low, high, columns)
    else:
        listed = ", ".join(f't."{c}"' for c in columns)
        found = engine.query(f'SELECT {listed} FROM {table.name} t WHERE t."group" BETWEEN {low} AND {high}')
    named = pc.is_in(found["group"], value_set=groups["group"].combine_chunks())
    return found if pc.all(named).as_py() in (True, None) else found.filter(named)


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


def _by_first_appearance(
    group: NDArray[np.int64], account: NDArray[np.int64], seen_us: NDArray[np.int64], exact: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Accounts of rows sorted by group, account and time, numbered within a group by time and text of their first rows."""
    fresh = np.ones(group.size, np.bool_)
    fresh[1:] = (group[1:] != group[:-1]) | (account[1:] != account[:-1])
    starts = np.flatnonzero(fresh)
    order = np.lexsort((exact[starts], seen_us[starts], group[starts]))
    of_group = group[starts[order]]
    begins = np.flatnonzero(np.diff(of_group, prepend=of_group[:1] - 1)) if of_group.size else of_group
    rank = np.empty(starts.size, np.int64)
    rank[order] = np.arange(starts.size) - np.repeat(begins, np.diff(begins, append=starts.size))
    return np.repeat(rank, np.diff(starts, append=group.size))


@njit(cache=True, nogil=True)
def _in_order_of(account: NDArray[np.int64], n_accounts: int) -> NDArray[np.int64]:
    """A counting sort: places by account, in their order within one."""
    filled = np.zeros(n_accounts + 1, np.int64)
    for a in account:
        filled[a + 1] += 1
    filled = np.cumsum(filled)
    out = np.empty(account.size, np.int64)
    for place in range(account.size):
        out[filled[account[place]]] = place
        filled[account[place]] += 1
    return out
