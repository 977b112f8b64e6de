"""
Peers' behaviours held against one's own exchanges: picked by their settings, then counted over accounts (sharing/sigma).

In a store a meeting place is compared by the house's own digest, which is as good as the value where only sameness counts;
settings are in the table `shared_settings`, which a scan with `[sharing]` writes. A log has both as they are.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.methods.crowds import crowded
from stillwatch.records.tables import EXCHANGES, SHARED_SETTINGS
from stillwatch.sharing.sigma.lines import Scalar
from stillwatch.sharing.sigma.rule import GROUPS, SETTINGS, Rule

NEEDED = ("exchange_id", "account_id", "seen_at", *GROUPS, *SETTINGS)
_STORED = {"model": "model", "payment_id": "payment", "device_id": "device", "client_fingerprint": "client"}
_NEAR = 1e-6  # logs that went through 32 bits write 0.7 as 0.699999988


def can_be_looked_for(engine: Engine, rule: Rule) -> bool:
    """Does the store hold what the rule selects by?"""
    return not rule.selection or bool(parts.part_files(engine.root, SHARED_SETTINGS))


def selected(engine: Engine, rule: Rule) -> pa.Table:
    """
    The exchanges of a store that the base rule picks, where enough accounts meet at any time: row, account, seen_at, meets.

    Memory: 32 bytes an exchange; most cards and devices have one account, and fall out inside the engine.
    """
    place = _STORED[rule.group_by]
    joined = " JOIN shared_settings x ON x.row = s.row" if rule.selection else ""
    where = "".join(f" AND {_equals(name, value)}" for name, value in rule.selection)
    return engine.query(
        f"SELECT s.row, s.account, s.seen_at, s.{place} AS meets FROM signatures s{joined} "
        f"JOIN (SELECT {place} AS crowd FROM signatures WHERE {place} IS NOT NULL GROUP BY {place} "
        f"HAVING count(DISTINCT account) >= {rule.least}) c ON c.crowd = s.{place} WHERE TRUE{where} ORDER BY s.row"
    )


def counted(picked: pa.Table, rule: Rule, least: int | None = None) -> npt.NDArray[np.bool_]:
    """
    Which of the exchanges that a base rule picked lie in a window with enough accounts.

    Args:
        picked: Columns account, seen_at, meets.
        least: Accounts; None takes the rule's own number.
    """
    values, times, holders = (_codes(picked[name]) for name in ("meets", "seen_at", "account"))
    return crowded(values, times, holders, rule.span_s * 1_000_000, least or rule.least)


class Gathering:
    """
    The exchanges of a log that a rule picks, batch by batch: only at the end can accounts be counted.

    Memory: some hundred bytes an exchange that is picked.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._picked: list[pa.Table] = []

    def add(self, exchanges: pa.RecordBatch) -> None:
        """The exchanges of a batch that the base rule picks are kept."""
        keep = pc.is_valid(_column(exchanges, self._rule.group_by))
        for name, value in self._rule.selection:
            keep = pc.and_(keep, pc.fill_null(_same(_column(exchanges, name), value), False))
        columns = ("exchange_id", "account_id", "seen_at", self._rule.group_by)
        table = pa.table([_column(exchanges, c) for c in columns], names=["exchange_id", "account", "seen_at", "meets"])
        self._picked.append(table.filter(keep))

    def hits(self) -> pa.Table:
        """Exchanges in windows with enough accounts: exchange_id, account, seen_at."""
        if not self._picked:
            return pa.table({"exchange_id": pa.array([], pa.string()), "account": [], "seen_at": []})
        picked = pa.concat_tables(self._picked).combine_chunks()
        return picked.filter(pa.array(counted(picked, self._rule))).select(["exchange_id", "account", "seen_at"])


def _equals(name: str, value: Scalar) -> str:
    """A condition on a checked setting (rule.py): a number, a truth value or a word of a fixed list."""
    if isinstance(value, bool):
        return f"x.{name} = {'TRUE' if value else 'FALSE'}"
    if isinstance(value, str):
        return f"x.{name} = '{value}'"
    return f"x.{name} BETWEEN CAST({value - _NEAR!r} AS DOUBLE) AND CAST({value + _NEAR!r} AS DOUBLE)"


def _same(column: pa.Array, value: Scalar) -> pa.Array:
    if isinstance(value, bool | str):
        return pc.equal(column, pa.scalar(value, column.type))
    return pc.less_equal(pc.abs(pc.subtract(column.cast(pa.float64()), float(value))), _NEAR)


def _column(exchanges: pa.RecordBatch, name: str) -> pa.Array:
    place, kind = exchanges.schema.get_field_index(name), EXCHANGES.schema.field(name).type
    return pa.nulls(exchanges.num_rows, kind) if place < 0 else exchanges.column(place).cast(kind)


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_timestamp(whole.type):
        return whole.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    if pa.types.is_integer(whole.type):
        return whole.cast(pa.int64()).to_numpy(zero_copy_only=False)
    encoded: Sequence[int] = whole.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return np.asarray(encoded, np.int64)
