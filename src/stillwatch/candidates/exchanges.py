"""
The exchanges of all groups, written a partition of groups at a time.

What is wanted of the log is spilled to disk once, in the order of the log, and gathered from there for each partition: so
memory does not grow with what groups hold, though an exchange is in several of them.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.candidates.places import Sample
from stillwatch.candidates.words import Leftout, flat, without
from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.log import Log, Places
from stillwatch.engine.spill import Spill
from stillwatch.methods.ragged import gathered
from stillwatch.records import tables

Ints = npt.NDArray[np.int64]

PARTITION = 262_144  # exchanges of the groups that are put together at once: some 40 MB
WRITERS = 2  # partitions at once
_LISTS: dict[str, npt.DTypeLike] = {"tokens": np.int32, "fill": np.int32, "elicitation": np.int8}


def write(engine: Engine, log: Log, accounts: Ints, groups: Ints, sample: Sample, common: Ints) -> None:
    """
    Write GROUP_EXCHANGES, sorted by group, account, time and text.

    Args:
        accounts: Digests by account number.
        groups: (n_groups,) digests, in the order of `sample`.
        common: Words to leave out, ascending.
    """
    parts.drop(engine.root, tables.GROUP_EXCHANGES)
    with engine.spill() as room:
        wanted = np.zeros(len(log.rows), np.bool_)
        wanted[log.order[sample.ranks]] = True
        held = _Held.of(engine, log, wanted, Leftout.of(common), room)
        partitions = _partitions(groups, sample)

        def put(number: int) -> None:
            mine = partitions[number]
            ranks = np.concatenate([sample.ranks[sample.starts[g] : sample.starts[g + 1]] for g in mine])
            group = np.repeat(groups[mine], np.diff(sample.starts)[mine])
            parts.write_part(engine.root, tables.GROUP_EXCHANGES, number, held.rows(log, accounts, group, ranks))
            room.let_go()

        if not partitions:
            parts.write_part(engine.root, tables.GROUP_EXCHANGES, 0, tables.GROUP_EXCHANGES.schema.empty_table())
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(put, range(len(partitions))))


def _partitions(groups: Ints, sample: Sample) -> list[Ints]:
    """Runs of groups in the order of their digests, about PARTITION exchanges each: numbers of groups."""
    sizes = np.diff(sample.starts)
    order = np.argsort(groups, kind="stable")
    order = order[sizes[order] > 0]
    number = (np.cumsum(sizes[order]) - 1) // PARTITION
    return np.split(order, np.flatnonzero(np.diff(number)) + 1) if len(order) else []


@dataclass(frozen=True, slots=True)
class _Held:
    """
    Columns of the wanted exchanges, on disk, in the order of the log.

    Args:
        slot: (n,) number in the columns of each place.
        models: Names of the model numbers.
    """

    slot: Places
    seen: Ints
    exact: Ints
    exact_known: npt.NDArray[np.bool_]
    model: npt.NDArray[np.int32]
    models: pa.Array
    lists: dict[str, tuple[Ints, Places, npt.NDArray[np.bool_]]]

    @classmethod
    def of(cls, engine: Engine, log: Log, wanted: npt.NDArray[np.bool_], common: Leftout, room: Spill) -> "_Held":
        """One pass over SIGNATURES."""
        order, at = np.empty(len(wanted), np.int32), 0
        names: dict[str, int] = {}
        filled = dict.fromkeys(_LISTS, 0)
        n = 0
        for name in _LISTS:
            room.append(f"{name}.offsets", np.zeros(1, np.int64))
        listed = ", ".join(("seen_at", "model", "exact", *_LISTS))
        for batch in engine.batches(f"SELECT {listed} FROM signatures"):
            place = np.arange(at, at + batch.num_rows) if log.streamed is None else log.streamed[at : at + batch.num_rows]
            at += batch.num_rows
            keep = wanted[place]
            if not keep.all():
                batch = batch.filter(pa.array(keep))
            order[place[keep]] = np.arange(n, n + batch.num_rows)
            n += batch.num_rows
            _plain(batch, names, room)
            for name in _LISTS:
                filled[name] = _lists(batch.column(name), name, common if name == "tokens" else None, filled[name], room)
        return cls(
            slot=order,
            seen=room.array("seen_at", np.int64),
            exact=room.array("exact", np.int64),
            exact_known=room.array("exact.known", np.bool_),
            model=room.array("model", np.int32),
            models=pa.array(list(names), pa.string()),
            lists={
                name: (
                    room.array(f"{name}.offsets", np.int64),
                    room.array(f"{name}.values", kind),
                    room.array(f"{name}.known", np.bool_),
                )
                for name, kind in _LISTS.items()
            },
        )

    def rows(self, log: Log, accounts: Ints, group: Ints, ranks: Places) -> pa.Table:
        """Rows of GROUP_EXCHANGES."""
        place = log.order[ranks]
        slot = self.slot[place]
        columns = {
            "group": pa.array(group),
            "account": pa.array(accounts[log.owner[place]]),
            "row": pa.array(log.rows[place]),
            "seen_at": pa.array(self.seen[slot]).cast(tables.UTC_TIME),
            "model": pa.DictionaryArray.from_arrays(self.model[slot], self.models),
            "exact": pa.array(self.exact[slot], mask=~self.exact_known[slot]),
        }
        for name, (offsets, values, known) in self.lists.items():
            own, inside = gathered(offsets, values, slot)
            columns[name] = pa.ListArray.from_arrays(pa.array(own), pa.array(inside), mask=_absent(known[slot]))
        return pa.table(columns)


def _absent(known: npt.NDArray[np.bool_]) -> pa.Array | None:
    return None if known.all() else pa.array(~known)


def _plain(batch: pa.RecordBatch, names: dict[str, int], room: Spill) -> None:
    room.append("seen_at", batch.column("seen_at").cast(pa.int64()).to_numpy())
    exact = batch.column("exact")
    room.append("exact", pc.fill_null(exact, 0).to_numpy())
    room.append("exact.known", exact.is_valid().to_numpy(zero_copy_only=False))
    coded = batch.column("model").dictionary_encode()
    numbers = [names.setdefault(name, len(names)) for name in coded.dictionary.to_pylist()]
    room.append("model", np.array(numbers, np.int32)[coded.indices.to_numpy()])


def _lists(column: pa.Array, name: str, common: Leftout | None, filled: int, room: Spill) -> int:
    """Write a column of lists, without common words; returns how many values stand in it now."""
    offsets, values = flat(column)
    if common is not None:
        offsets, values = without(offsets, values, common)
    room.append(f"{name}.offsets", offsets[1:] + filled)
    room.append(f"{name}.values", values)
    room.append(f"{name}.known", column.is_valid().to_numpy(zero_copy_only=False))
    return filled + len(values)
