"""
Campaigns planted into a log that is already signed, to see which of them its evidence would show.

Nothing of the log is changed and no text is made up: a planted campaign deals out exchanges that the log's own groups hold, each
of another prompt, over accounts that do not exist; its cover is what a real account of the log sent. So words are as rare and
as often repeated as they are in this log. The tables go into an engine of their own.

Why not a simulated log: it would say what could be seen in the simulator's world.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.records import tables
from stillwatch.records.window import Window

Ints = npt.NDArray[np.int64]

ACCOUNTS = (20, 50, 150)  # from the fewest that are tested
REQUESTS = (5, 15, 50)  # an account over the window; the published cases have 2 a day and more
COVERS = (0.0, 0.5, 0.8)
SHAPES = ("templated, own infrastructure", "templated, shared infrastructure", "untemplated, shared infrastructure")
POOL_ROWS = 60_000  # exchanges of the log's groups that are looked at: bounds time and memory to seconds and 100 MB
REUSED, A_CARD, JITTER, PIVOT = 0.3, 10, 0.3, 0.45  # worlds/fleet.py's own defaults: a fleet of middling care
VOLUME_SIGMA = 1.2  # of log exchanges of an account in the whole log, as ordinary groups have
BUSY_HOURS = 0.25  # of the hours of the window in which the queue runs
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Planted:
    """
    One planted campaign.

    Args:
        group: Its number in the tables.
        shape: One of SHAPES.
        n_accounts: Accounts.
        requests: Exchanges an account, cover included.
        cover: Share of them that is cover, 0…1.
        recipes: The harvest is spread over so many; a templated group holds what went through one of them.
        reused: Share of accounts on the campaign's cards, devices and networks, where the shape shares infrastructure.
    """

    group: int
    shape: str
    n_accounts: int
    requests: int
    cover: float
    recipes: int = 1
    reused: float = REUSED


def grid() -> tuple[Planted, ...]:
    """Every campaign that is planted, smallest first within a shape and cover."""
    cells = [(s, c, a, r) for s in SHAPES for c in COVERS for a in ACCOUNTS for r in REQUESTS]
    return tuple(Planted(n, s, a, r, c) for n, (s, c, a, r) in enumerate(cells, 1))


def plant(
    engine: Engine, scratch: Engine, window: Window, seed: int, wanted: Sequence[Planted] | None = None
) -> tuple[Planted, ...]:
    """
    Write GROUPS, GROUP_ACCOUNTS, GROUP_EXCHANGES and MODELS of planted campaigns into `scratch`.

    Cost: of `grid()` bounded; some 50,000 planted exchanges whatever the log's size.

    Args:
        engine: A scan's tables, from `candidates` on.
        scratch: Empty.
        window: Of the log.
        seed: The same seed and tables give the same campaigns.
        wanted: Campaigns to plant; None = `grid()`.

    Returns:
        What was planted; nothing where the log's groups hold too few different exchanges to deal out.
    """
    source = _Source.of(engine)
    able = [p for p in (grid() if wanted is None else wanted) if source.enough(p)]
    made = [(p, _campaign(p, source, window, np.random.default_rng((seed, p.group)))) for p in able]
    if not made:
        return ()
    exchanges = pa.concat_tables([told for _, (told, _) in made])
    scratch.write(tables.GROUP_EXCHANGES, exchanges)
    scratch.write(tables.GROUP_ACCOUNTS, pa.concat_tables([accounts for _, (_, accounts) in made]))
    groups = [_group(p, a.num_rows, e.num_rows) for p, (e, a) in made]
    scratch.write(tables.GROUPS, pa.Table.from_pylist(groups, tables.GROUPS.schema))
    scratch.write(tables.MODELS, engine.read(tables.MODELS))
    return tuple(p for p, _ in made)


@dataclass(frozen=True, slots=True)
class _Source:
    """Exchanges of the log's groups, each once, and what they can be used for."""

    rows: pa.Table
    pool: Ints  # places of exchanges that are all different
    starts: Ints  # of each account's run in `rows`, which is sorted by account and time
    lengths: Ints
    model: str
    release: tuple[str, int] | None

    @classmethod
    def of(cls, engine: Engine) -> "_Source":
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
        models = engine.query("SELECT model, released_at, n_accounts FROM models ORDER BY n_accounts DESC, model").to_pylist()
        old = engine.query("SELECT model, count(*) AS n FROM signatures GROUP BY model ORDER BY n DESC, model LIMIT 1")
        new = next(((m["model"], round(m["released_at"].timestamp() * 1e6)) for m in models if m["released_at"]), None)
        return cls(rows, pool[exact[pool] != 0], starts, np.diff(starts, append=len(account)), old["model"][0].as_py(), new)

    def enough(self, planted: Planted) -> bool:
        """Are there as many different exchanges as it deals out, and accounts to take its cover from?"""
        covers = not planted.cover or bool((self.lengths >= 2).any())
        return covers and planted.n_accounts * _harvested(planted) <= len(self.pool)


def _harvested(planted: Planted) -> int:
    return max(1, round(planted.requests * (1.0 - planted.cover)))


def _campaign(planted: Planted, source: _Source, window: Window, rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    """GROUP_EXCHANGES and GROUP_ACCOUNTS of one campaign."""
    n = planted.n_accounts
    own = _through_one_recipe(planted, rng)
    account = np.repeat(np.arange(n), own)
    place = rng.permutation(source.pool)[: len(account)]
    at = _queue(rng, window, len(place), np.asarray(source.rows["seen_at"].cast(pa.int64()))[place])
    model = np.full(len(place), source.model, object)
    if source.release is not None:
        quick = (np.cumsum(own) - own)[(rng.random(n) < PIVOT) & (own > 0)]
        at[quick] = source.release[1] + rng.integers(0, 24 * _HOUR_US, len(quick))
        model[quick] = source.release[0]
    if planted.shape.startswith("untemplated"):  # such a group is told by its accounts, so their cover is in it too
        cover, owner = _cover(planted.requests - _harvested(planted), n, source, rng)
        account, place = np.concatenate((account, owner)), np.concatenate((place, cover))
        at = np.concatenate((at, np.asarray(source.rows["seen_at"].cast(pa.int64()))[cover]))
        model = np.concatenate((model, np.full(len(cover), source.model, object)))
    order = np.lexsort((np.arange(len(at)), at, account))
    taken = source.rows.take(pa.array(place[order]))
    columns: dict[str, Any] = {c: taken[c] for c in ("exact", "tokens", "fill", "elicitation")}
    columns |= {
        "group": pa.array(np.full(len(order), planted.group)),
        "account": pa.array(_name(planted, account[order])),
        "row": pa.array(np.arange(len(order))),
        "seen_at": pa.array(at[order]).cast(tables.UTC_TIME),
        "model": pa.array(model[order].tolist(), pa.string()),
    }
    exchanges = pa.table([columns[c] for c in tables.GROUP_EXCHANGES.names], names=list(tables.GROUP_EXCHANGES.names))
    people = _accounts(planted, rng)
    return exchanges.cast(tables.GROUP_EXCHANGES.schema), people.filter(pa.array(np.isin(np.arange(n), account)))


def _through_one_recipe(planted: Planted, rng: np.random.Generator) -> Ints:
    """Harvested exchanges of each account that the group holds."""
    each = np.full(planted.n_accounts, _harvested(planted))
    if planted.recipes == 1 or not planted.shape.startswith("templated"):
        return each
    through = rng.binomial(each, 1.0 / planted.recipes)
    through[0] = max(through[0], 1)
    return through


def _queue(rng: np.random.Generator, window: Window, n: int, own_us: Ints) -> Ints:
    """When the queue hands them out: within its busy hours, but for those that keep the hour they had in the log."""
    hours = max(1, (window.end_us - window.start_us) // _HOUR_US)
    busy = rng.permutation(hours)[: max(1, round(BUSY_HOURS * hours))]
    at = window.start_us + busy[rng.integers(0, len(busy), n)] * _HOUR_US + rng.integers(0, _HOUR_US, n)
    return np.where(rng.random(n) < JITTER, own_us, np.minimum(at, window.end_us - 1))


def _cover(each: int, n: int, source: _Source, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """
    `each` exchanges an account of what one real account sent: one of those that sent as many, or of the n that sent most.

    Where these sent fewer, it begins again from the start, and so returns to its words more than a person would.
    """
    if not each:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    able = np.argsort(-source.lengths, kind="stable")[: max(n, int((source.lengths >= each).sum()))]
    able = able[source.lengths[able] >= 2]
    donor = able[rng.integers(0, len(able), n)]
    step = np.arange(each)[None, :] % source.lengths[donor][:, None]
    return (source.starts[donor][:, None] + step).ravel(), np.repeat(np.arange(n), each)


def _accounts(planted: Planted, rng: np.random.Generator) -> pa.Table:
    """Each account on its own card, device and network, or some on the campaign's."""
    n = planted.n_accounts
    account = _name(planted, np.arange(n))
    kit = account.copy()
    if planted.shape.endswith("shared infrastructure"):
        reused = np.flatnonzero(rng.random(n) < planted.reused)
        kits = max(1, round(len(reused) / A_CARD))
        kit[reused] = -1 - _name(planted, rng.integers(0, kits, len(reused)))
    _, number, units = np.unique(kit, return_inverse=True, return_counts=True)
    columns: dict[str, Any] = {
        "group": np.full(n, planted.group),
        "account": account,
        "n_exchanges": np.ceil(planted.requests * rng.lognormal(0.0, VOLUME_SIGMA, n)).astype(np.int64),  # nothing for `volumes`
    }
    for field in ("payment", "device", "network"):
        columns |= {field: kit, f"{field}_units": units[number]}
    schema = tables.GROUP_ACCOUNTS.schema
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n, f.type) for f in schema]
    return pa.table(arrays, schema=schema)


def _name(planted: Planted, account: Ints) -> Ints:
    return (planted.group << 20) + account


def _group(planted: Planted, n_accounts: int, n_exchanges: int) -> dict[str, object]:
    by_accounts = planted.shape.startswith("untemplated")
    return {
        "group": planted.group,
        "origin": "community" if by_accounts else "recipe",
        "told_by": "accounts" if by_accounts else "wording",
        "parent": None,
        "n_accounts": n_accounts,
        "n_exchanges": n_exchanges,
    }
