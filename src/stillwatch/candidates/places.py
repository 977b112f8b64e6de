"""
Which exchanges each group is tested on.

Places of the log are found by account and by what was sent, in arrays: as a join it would be members times tokens of a
group, or all pairs of (group, row) in memory at once. Kept are at most so many exchanges a group.
"""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from stillwatch.candidates.hyperedges import Group
from stillwatch.engine.base import Engine
from stillwatch.engine.log import Log, Places, inverse
from stillwatch.methods.cores import available_cores
from stillwatch.methods.intern import Interner
from stillwatch.methods.ragged import by_number
from stillwatch.records import tables

Ints = npt.NDArray[np.int64]

_SPANS = 16  # of groups, looked at several at once; each needs room for the whole log, eight bytes an exchange


@dataclass(frozen=True, slots=True)
class Sample:
    """
    The exchanges that groups are tested on.

    Args:
        n_exchanges: (n_groups,) exchanges of each group.
        starts: (n_groups + 1,) where each group's ranks begin; empty for a group of too few.
        ranks: Ranks in the log, ascending within a group.
    """

    n_exchanges: Ints
    starts: Ints
    ranks: Places


def sample(engine: Engine, log: Log, groups: Sequence[Group], least: int, most: int) -> Sample:
    """
    The exchanges that carry what tells a group, of its members; all of its members' where nothing tells them.

    Args:
        groups: Members beyond a sample left out already.
        least: A group with fewer is not looked at.
        most: Of more than so many an evenly spaced part is kept.
    """
    sources, source_starts = _sources(engine, groups)
    by_source, held = _held(engine, log, sources)
    sizes, whole = np.array([len(g.members) for g in groups], np.int64), np.array([not g.speaking for g in groups], np.bool_)
    wanted = (
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([g.members for g in groups]).astype(np.int64) if groups else np.empty(0, np.int64),
        whole,
        source_starts,
        sources.flat,
    )
    known = (by_source, held, log.owner, log.timed, log.order, log.starts, inverse(log.order), inverse(log.timed))
    work = np.cumsum(sizes * np.where(whole, len(log.rows) / max(len(log.starts) - 1, 1), 1.0))
    bounds = np.searchsorted(work, np.linspace(0.0, work[-1] if groups else 0.0, _SPANS + 1)[1:-1])
    spans = itertools.pairwise(np.unique([0, *bounds, len(groups)]).tolist())
    with ThreadPoolExecutor(available_cores()) as pool:
        found = list(pool.map(lambda span: _collect(*span, *wanted, *known, least, most), spans))
    n_exchanges, n_kept, ranks = map(np.concatenate, zip(*found, strict=True)) if found else _NOTHING
    return Sample(n_exchanges, np.concatenate([[0], np.cumsum(n_kept)]).astype(np.int64), ranks)


_NOTHING = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32))


@dataclass(frozen=True, slots=True)
class _Sources:
    """What tells exchanges: recipes, then settings; `flat` numbers those of each group, one after the other."""

    recipes: Ints
    configs: Ints
    flat: Ints


def _sources(engine: Engine, groups: Sequence[Group]) -> tuple[_Sources, Ints]:
    table = engine.read(tables.RECIPES) if engine.has(tables.RECIPES) else tables.RECIPES.schema.empty_table()
    recipes = np.unique(table["recipe"].to_numpy())
    number = np.searchsorted(recipes, table["recipe"].to_numpy())
    layers = {kind: _grouped(table[kind].to_numpy(), number) for kind in ("recipe", "family", "bundle")}
    told = [[(kind, token) for kind, token, _ in g.tokens if kind in g.speaking] for g in groups]
    configs = np.unique(np.array([token for tokens in told for kind, token in tokens if kind == "config"], np.int64))
    place = {int(config): len(recipes) + at for at, config in enumerate(configs.tolist())}
    nothing = np.empty(0, np.int64)
    flat, starts = [nothing], [0]
    for tokens in told:
        mine = [np.array([place[token]]) if kind == "config" else layers[kind].get(token, nothing) for kind, token in tokens]
        flat += mine
        starts.append(starts[-1] + sum(map(len, mine)))
    return _Sources(recipes, configs, np.concatenate(flat).astype(np.int64)), np.array(starts, np.int64)


def _grouped(tokens: Ints, number: Ints) -> dict[int, Ints]:
    """Recipe numbers of each token of a layer."""
    order = np.argsort(tokens, kind="stable")
    names, starts = np.unique(tokens[order], return_index=True)
    return dict(zip(names.tolist(), np.split(number[order], starts[1:]), strict=False)) if len(names) else {}


def _held(engine: Engine, log: Log, sources: _Sources) -> tuple[Ints, Places]:
    """Places of the exchanges that each source tells: offsets and places."""
    room = (_count(engine, "uses", "row") if len(sources.recipes) else 0) + (
        _count(engine, "signatures", "config") if len(sources.configs) else 0
    )
    number, place, at = np.empty(room, np.int32), np.empty(room, np.int32), 0
    if len(sources.recipes):
        recipes = Interner()
        recipes.add(sources.recipes)
        for batch in engine.batches("SELECT row, recipe FROM uses"):
            here = slice(at, at + batch.num_rows)
            number[here] = recipes.find(batch.column("recipe").to_numpy())
            place[here] = log.places(batch.column("row").to_numpy())
            at += batch.num_rows
    if len(sources.configs):
        for batch in engine.batches("SELECT row, config FROM signatures WHERE config IS NOT NULL"):
            config = batch.column("config").to_numpy()
            known = np.minimum(np.searchsorted(sources.configs, config), len(sources.configs) - 1)
            told = sources.configs[known] == config
            here = slice(at, at + int(told.sum()))
            number[here] = len(sources.recipes) + known[told]
            place[here] = log.places(batch.column("row").to_numpy()[told])
            at = here.stop
    return by_number(number[:at], place[:at], len(sources.recipes) + len(sources.configs))


def _count(engine: Engine, table: str, column: str) -> int:
    return int(engine.query(f"SELECT count({column}) AS n FROM {table}")["n"][0].as_py())


@numba.njit(cache=True, nogil=True)
def _collect(
    first: int,
    last: int,
    member_starts: Ints,
    members: Ints,
    whole: npt.NDArray[np.bool_],
    source_starts: Ints,
    sources: Ints,
    held_starts: Ints,
    held: Places,
    owner: Places,
    timed: Places,
    order: Places,
    starts: Ints,
    rank: Places,
    when: Places,
    least: int,
    most: int,
) -> tuple[Ints, Ints, Places]:
    """Of groups first…last - 1 the exchanges of each, how many of them are kept, and the ranks of those."""
    n = len(order)
    inside, taken = np.full(len(starts) - 1, -1, np.int32), np.full(n, -1, np.int32)
    n_exchanges, n_kept = np.zeros(last - first, np.int64), np.zeros(last - first, np.int64)
    found = np.empty(n, np.int32)
    out = np.empty(1 << 16, np.int32)
    filled = 0
    for g in range(first, last):
        size = 0
        for i in range(member_starts[g], member_starts[g + 1]):
            inside[members[i]] = g
            if whole[g]:
                for r in range(starts[members[i]], starts[members[i] + 1]):
                    found[size] = order[r]
                    size += 1
        for s in range(source_starts[g], source_starts[g + 1]):
            for i in range(held_starts[sources[s]], held_starts[sources[s] + 1]):
                place = held[i]
                if taken[place] != g and inside[owner[place]] == g:
                    taken[place] = g
                    found[size] = place
                    size += 1
        n_exchanges[g - first] = size
        if size >= least:
            if size > most:  # evenly spaced in time
                ordered = np.sort(when[found[:size]])
                kept = 0
                for i in range(size):
                    if (i * most) % size < most:
                        found[kept] = timed[ordered[i]]
                        kept += 1
                size = kept
            while filled + size > len(out):
                more = np.empty(2 * len(out), np.int32)
                more[:filled] = out[:filled]
                out = more
            mine = out[filled : filled + size]
            for i in range(size):
                mine[i] = rank[found[i]]
            mine.sort()
            filled += size
            n_kept[g - first] = size
    return n_exchanges, n_kept, out[:filled]
