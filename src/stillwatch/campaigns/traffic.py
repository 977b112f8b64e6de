"""
What the accounts looked at for a campaign sent: their exchanges with numbered tokens, in arrays.

A log is read once for all campaigns, its columns lie on disk, and each campaign takes the places of its own accounts.
"""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self, TypeVar

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.ahead import ahead
from stillwatch.engine.base import Engine
from stillwatch.engine.log import Log, Places
from stillwatch.engine.spill import Spill
from stillwatch.methods import lists
from stillwatch.methods.cores import available_cores
from stillwatch.methods.intern import Interner
from stillwatch.methods.ragged import by_number

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KINDS = ("recipe", "config", "network")  # what an exchange carries
MIN_HOLDERS = 3
_HABITS = KINDS[1:]
Number = TypeVar("Number", bound=np.integer)


@dataclass(frozen=True, slots=True)
class Carried:
    """
    What each exchange of the log carries, by its place in the log.

    Args:
        log: The places.
        accounts: (n_accounts,) digests, ascending: the account numbers of `log`.
        exact: (n,) S0; 0 where there is none.
        habits: Two of (n,), settings and network: token numbers from 1; 0 = none.
        starts: (n + 1,) where the recipes of each exchange begin in `recipes`.
        recipes: Recipe numbers from 0.
        digests: Of each kind the tokens, ascending.
        totals: Of each kind (n_tokens + 1,) exchanges of the whole log that carry each token; first those that carry none.
        n_uses: (n_recipes,) rows of USES of each recipe.
    """

    log: Log
    accounts: Ints
    exact: Ints
    habits: tuple[Places, Places]
    starts: Ints
    recipes: Places
    digests: tuple[Ints, ...]
    totals: tuple[Floats, ...]
    n_uses: Ints

    @classmethod
    def load(cls, engine: Engine, room: Spill) -> Self:
        """One pass over SIGNATURES after `Log.load`, and one over USES."""
        accounts = engine.query("SELECT DISTINCT account FROM signatures ORDER BY account")["account"].to_numpy()
        with ThreadPoolExecutor(1) as pool:
            loaded = pool.submit(Log.load, engine, accounts)
            counted = [_totals(engine, kind) for kind in KINDS]
            digests = tuple(table["token"].to_numpy() for table in counted)
            exact, habits = _read(engine, digests[1:], room)
            log = loaded.result()
        if log.streamed is not None:
            exact, habits = _placed(exact, log.streamed), (_placed(habits[0], log.streamed), _placed(habits[1], log.streamed))
        starts, recipes = _recipes(engine, log, digests[0], room)
        n = float(len(log.rows))
        without = [
            float(np.count_nonzero(starts[1:] == starts[:-1])),
            *(n - float(np.sum(t["n"].to_numpy())) for t in counted[1:]),
        ]
        totals = tuple(
            np.concatenate([[none], table["n"].to_numpy()]).astype(np.float64)
            for none, table in zip(without, counted, strict=True)
        )
        n_uses = np.bincount(recipes, minlength=len(digests[0])).astype(np.int64)
        return cls(log, accounts, exact, habits, starts, recipes, digests, totals, n_uses)

    def told_by(self, start: Bools) -> Ints:
        """(n_recipes,) how many of the marked exchanges run each recipe."""
        return _counted(self.starts, self.recipes, start, len(self.digests[0]))

    def holders(self, chosen: Bools, known: Bools) -> Bools:
        """(n_accounts,) who runs any of the chosen recipes, and who is known already."""
        out = known.copy()
        bounds = np.linspace(0, len(self.log.rows), available_cores() + 1).astype(np.int64).tolist()
        with ThreadPoolExecutor(available_cores()) as pool:  # they only ever set what is not set
            spans = itertools.pairwise(bounds)
            list(pool.map(lambda span: _hold(*span, self.starts, self.recipes, chosen, self.log.owner, out), spans))
        return out


@dataclass(frozen=True, slots=True)
class Start:
    """
    Where attribution of a campaign begins, whatever stronger ones claim.

    Args:
        name: The campaign's id.
        found_by: (n,) places of the log that the campaign was found by.
        looked_at: (n_accounts,) members of its groups, and who runs a recipe half of whose uses it was found by.
    """

    name: str
    found_by: Bools
    looked_at: Bools


def starts(engine: Engine, carried: Carried, names: Sequence[str]) -> Iterator[Start]:
    """One after the other; the next is made ready while one is used."""

    def each() -> Iterator[Start]:
        for name in names:
            found_by = _start(engine, carried.log, name)
            yield Start(name, found_by, _looked_at(engine, carried, name, found_by))

    return ahead(each())


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    The exchanges of the accounts looked at for one campaign, by account and time.

    Those that sent what many others sent word for word are left out: evaluation, homework, a viral prompt. No evidence rests on
    them, so they belong to no campaign.

    Args:
        places: (n,) places in the log.
        account: (n,) number of its account, ascending.
        accounts: (n_accounts,) digests, ascending.
        tokens: Of each kind (n,) token numbers; 0 = none.
        recipe: (n,) number of the recipe in the log, from 1; 0 = none.
        background: Of each kind (n_tokens,) how often the rest of the log carries the token.
        n_background: Exchanges of the rest of the log.
        start: (n,) was the campaign found by it?
        repeated: (n,) did another of these accounts send it word for word?
        n_exchanges: (n_accounts,) all that each account sent, but for what a stronger campaign claims.
    """

    places: Places
    account: Places
    accounts: Ints
    tokens: tuple[Places, ...]
    recipe: Places
    background: tuple[Floats, ...]
    n_background: float
    start: Bools
    repeated: Bools
    n_exchanges: Ints

    @classmethod
    def of(cls, carried: Carried, begun: Start, claimed: Bools) -> Self | None:
        """None where nothing is left to look at; `claimed` are (n,) places that stronger campaigns have."""
        found_by = begun.found_by
        places, sizes = _sent_by(carried.log, begun.looked_at, claimed)
        numbers = np.flatnonzero(sizes).astype(np.int32)
        account = np.repeat(numbers, sizes[numbers])
        start = found_by[places]
        sent_by = lists.holders(account, carried.exact[places])
        kept = ~lists.of_a_list(sent_by, np.unique(account[start]).size)
        if not kept.any():
            return None
        places, account, start, repeated = places[kept], account[kept], start[kept], sent_by[kept] > 1
        changes = np.append(True, account[1:] != account[:-1])
        numbers = account[changes]
        recipe = _told_recipe(carried, places, start)
        by_kind = [
            _numbered(number, totals, start)
            for number, totals in zip([recipe, *(h[places] for h in carried.habits)], carried.totals, strict=True)
        ]
        return cls(
            places=places,
            account=(np.cumsum(changes) - 1).astype(np.int32),
            accounts=carried.accounts[numbers],
            tokens=tuple(number for number, _ in by_kind),
            recipe=recipe,
            background=tuple(counts for _, counts in by_kind),
            n_background=float(len(carried.log.rows)) - float(start.sum()),
            start=start,
            repeated=repeated,
            n_exchanges=sizes[numbers],
        )


def _totals(engine: Engine, kind: str) -> pa.Table:
    if kind == "recipe":
        return engine.query("SELECT recipe AS token, n_requests AS n FROM recipes ORDER BY token")
    return engine.query(
        f"SELECT {kind} AS token, count(*) AS n FROM signatures WHERE {kind} IS NOT NULL GROUP BY {kind} ORDER BY token"
    )


def _read(engine: Engine, digests: tuple[Ints, ...], room: Spill) -> tuple[Ints, tuple[Places, Places]]:
    """S0, and token numbers of the habits, in stored order."""
    numbers = {kind: Interner() for kind in _HABITS}
    for kind, known in zip(_HABITS, digests, strict=True):
        numbers[kind].add(known)
    for batch in engine.batches(f"SELECT exact, {', '.join(_HABITS)} FROM signatures"):
        room.append("exact", np.asarray(batch.column("exact").fill_null(0)))
        for kind in _HABITS:
            column = batch.column(kind)
            there = np.asarray(column.is_valid())
            room.append(kind, np.where(there, numbers[kind].find(np.asarray(column.fill_null(0))) + 1, 0).astype(np.int32))
    return room.array("exact", np.int64), (room.array("config", np.int32), room.array("network", np.int32))


def _placed(column: npt.NDArray[Number], places: Places) -> npt.NDArray[Number]:
    out = np.empty_like(column)
    out[places] = column
    return out


def _recipes(engine: Engine, log: Log, digests: Ints, room: Spill) -> tuple[Ints, Places]:
    recipes = Interner()
    recipes.add(digests)
    counts = np.zeros(len(log.rows) + 1, np.int64)
    last, in_order = -1, True
    for batch in engine.batches("SELECT row, recipe FROM uses"):
        place = log.places(batch.column("row").to_numpy())
        if len(place):
            in_order &= bool(place[0] >= last and (place[1:] >= place[:-1]).all())
            last = int(place[-1])
        _count(counts, place)
        room.append("uses.place", place)
        room.append("uses.recipe", recipes.find(batch.column("recipe").to_numpy()))
    number = room.array("uses.recipe", np.int32)
    if in_order:
        return np.cumsum(counts), number
    return by_number(room.array("uses.place", np.int32), number, len(log.rows))


def _start(engine: Engine, log: Log, name: str) -> Bools:
    """(n,) the exchanges that the campaign's groups were found by, of the groups that tell most: wording, settings, accounts."""
    rows = engine.query(
        f"""WITH mine AS (SELECT g."group", g.told_by FROM groups g JOIN campaign_groups c ON c."group" = g."group"
                       WHERE c.campaign_id = '{name}'),
             told AS (SELECT "group" FROM mine WHERE told_by = (SELECT max(told_by) FROM mine))
        SELECT e.row FROM group_exchanges e JOIN told t ON t."group" = e."group" """
    )
    out = np.zeros(len(log.rows), np.bool_)
    out[log.places(np.sort(rows["row"].to_numpy()))] = True
    return out


def _looked_at(engine: Engine, carried: Carried, name: str, start: Bools) -> Bools:
    """(n_accounts,) members of the campaign's groups, and who runs a recipe half of whose uses the campaign was found by."""
    told = carried.told_by(start)
    members = engine.query(
        f"""SELECT DISTINCT m.account FROM group_accounts m JOIN campaign_groups c ON c."group" = m."group"
        WHERE c.campaign_id = '{name}' ORDER BY m.account"""
    )
    known = np.isin(carried.accounts, members["account"].to_numpy())
    return carried.holders((told >= MIN_HOLDERS) & (2 * told >= carried.n_uses), known)


def _sent_by(log: Log, looked_at: Bools, claimed: Bools) -> tuple[Places, Ints]:
    """Places of what the accounts sent that is not claimed, by account and time, and (n_accounts,) how many of each."""
    sizes = np.diff(log.starts)
    of_account = np.repeat(looked_at, sizes)
    of_account[of_account] = ~claimed[log.order[of_account]]
    places = log.order[of_account]
    return places, np.bincount(log.owner[places], minlength=len(sizes)).astype(np.int64)


def _told_recipe(carried: Carried, places: Places, start: Bools) -> Places:
    """(n,) of each exchange's recipes the one most typical of what the campaign was found by, numbered from 1; 0 = none."""
    found_by = np.zeros(len(carried.log.rows), np.bool_)
    found_by[places[start]] = True
    typical = carried.told_by(found_by) / np.maximum(carried.totals[0][1:], 1.0)
    return _most_typical(carried.starts, carried.recipes, places, typical)


def _numbered(number: Places, totals: Floats, start: Bools) -> tuple[Places, Floats]:
    """Numbers of only the tokens that are there (0 = none), and how often the rest of the log carries each."""
    there = np.bincount(number, minlength=len(totals)) > 0
    there[0] = True
    among = (np.cumsum(there) - 1).astype(np.int32)[number]
    everywhere = totals[there]
    return among, np.maximum(everywhere - np.bincount(among[start], minlength=len(everywhere)), 0.0)


@numba.njit(cache=True, nogil=True)
def _count(counts: Ints, place: Places) -> None:
    for p in place:
        counts[p + 1] += 1


@numba.njit(cache=True, nogil=True)
def _counted(starts: Ints, recipes: Places, marked: Bools, n_recipes: int) -> Ints:
    out = np.zeros(n_recipes, np.int64)
    for p in range(len(marked)):
        if marked[p]:
            for i in range(starts[p], starts[p + 1]):
                out[recipes[i]] += 1
    return out


@numba.njit(cache=True, nogil=True)
def _hold(first: int, last: int, starts: Ints, recipes: Places, chosen: Bools, owner: Places, out: Bools) -> None:
    for p in range(first, last):
        if not out[owner[p]]:
            for i in range(starts[p], starts[p + 1]):
                if chosen[recipes[i]]:
                    out[owner[p]] = True


@numba.njit(cache=True, nogil=True)
def _most_typical(starts: Ints, recipes: Places, places: Places, typical: Floats) -> Places:
    """Of equally typical recipes the one of the greatest digest."""
    out = np.zeros(len(places), np.int32)
    for n in range(len(places)):
        for i in range(starts[places[n]], starts[places[n] + 1]):
            best = out[n] - 1
            here = recipes[i]
            if best < 0 or typical[here] > typical[best] or (typical[here] == typical[best] and here > best):
                out[n] = here + 1
    return out
