"""
Campaigns planted into a log that is already signed, to see which of them its evidence would show.

Nothing of the log is changed and no text is made up: a planted campaign deals out exchanges that the log's own groups hold, each
of another prompt, over accounts that do not exist; its cover is what real accounts of the log sent. So words are as rare and
as often repeated as they are in this log. The tables go into an engine of their own.

Why not a simulated log: it would say what could be seen in the simulator's world.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.candidates import planting_fleet as fleet
from stillwatch.candidates.planting_source import Source
from stillwatch.engine.base import Engine
from stillwatch.records import tables
from stillwatch.records.window import Window

Ints = npt.NDArray[np.int64]

ACCOUNTS = (20, 50, 150)  # from the fewest that are tested
REQUESTS = (5, 15, 50)  # an account over the window; the published cases have 2 a day and more
COVERS = (0.0, 0.5, 0.8)
SHAPES = ("templated, own infrastructure", "templated, shared infrastructure", "untemplated, shared infrastructure")


@dataclass(frozen=True, slots=True)
class Planted:
    """
    One planted campaign.

    Args:
        group: Its number in the tables.
        shape: One of SHAPES.
        n_accounts: Accounts.
        requests: Exchanges an account on average, cover included.
        cover: Share of them that is cover, 0…1.
        recipes: The harvest is spread over so many; a templated group holds what went through one of them.
        reused: Share of accounts on the campaign's cards, devices and networks, where the shape shares infrastructure.
        aged: Its accounts signed up as anyone's did, and not within two months.
    """

    group: int
    shape: str
    n_accounts: int
    requests: int
    cover: float
    recipes: int = 1
    reused: float = fleet.REUSED
    aged: bool = False

    @property
    def templated(self) -> bool:
        """Told by a recipe; else by its accounts, so that their cover is in the group."""
        return self.shape.startswith("templated")


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
    source = Source.of(engine)
    able = [p for p in (grid() if wanted is None else wanted) if _enough(source, p)]
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


def _enough(source: Source, planted: Planted) -> bool:
    """Are there as many different exchanges as it deals out, and accounts to take its cover from?"""
    sent = planted.n_accounts * planted.requests
    hidden = round(planted.cover * sent)
    shown = 0 if planted.templated else hidden
    return len(source.starts) > 0 and sent - hidden <= len(source.pool) and shown <= source.rows.num_rows


def _campaign(planted: Planted, source: Source, window: Window, rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    """GROUP_EXCHANGES and GROUP_ACCOUNTS of one campaign."""
    n = planted.n_accounts
    work = fleet.Work.of(rng, n, planted.requests, planted.cover)
    account = np.repeat(np.arange(n), _through_one_recipe(planted, work.harvested, rng))
    place = rng.permutation(source.pool)[: len(account)]
    seen = np.asarray(source.rows["seen_at"].cast(pa.int64()))
    at = fleet.moments(rng, window, seen[place])
    cover, whose = fleet.covered(rng, source, work.cover)
    if not planted.templated:
        account, place = np.concatenate((account, np.repeat(np.arange(n), work.cover))), np.concatenate((place, cover))
        at = np.concatenate((at, seen[cover]))
    model = fleet.models(rng, source, account, at, n)
    order = np.lexsort((np.arange(len(at)), at, account))
    taken = source.rows.take(pa.array(place[order]))
    name = (planted.group << 20) + np.arange(n)
    columns: dict[str, Any] = {c: taken[c] for c in ("exact", "tokens", "fill", "elicitation")}
    columns |= {
        "group": pa.array(np.full(len(order), planted.group)),
        "account": pa.array(name[account[order]]),
        "row": pa.array(np.arange(len(order))),
        "seen_at": pa.array(at[order]).cast(tables.UTC_TIME),
        "model": pa.array(model[order].tolist(), pa.string()),
    }
    reused = planted.reused if planted.shape.endswith("shared infrastructure") else 0.0
    people = fleet.equipped(rng, source, window, name, work, whose, reused, planted.aged)
    present = pa.array(np.isin(np.arange(n), account))
    return _table(tables.GROUP_EXCHANGES, columns), _people(planted, people).filter(present)


def _through_one_recipe(planted: Planted, harvested: Ints, rng: np.random.Generator) -> Ints:
    """Harvested exchanges of each account that the group holds."""
    if planted.recipes == 1 or not planted.templated:
        return harvested
    through = rng.binomial(harvested, 1.0 / planted.recipes)
    through[0] = max(through[0], 1)
    return through


def _people(planted: Planted, columns: dict[str, pa.Array]) -> pa.Table:
    schema, n = tables.GROUP_ACCOUNTS.schema, planted.n_accounts
    columns = {"group": pa.array(np.full(n, planted.group)), **columns}
    arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(n, f.type) for f in schema]
    return pa.table(arrays, schema=schema)


def _table(spec: tables.TableSpec, columns: dict[str, Any]) -> pa.Table:
    return pa.table([columns[c] for c in spec.names], names=list(spec.names)).cast(spec.schema)


def _group(planted: Planted, n_accounts: int, n_exchanges: int) -> dict[str, object]:
    return {
        "group": planted.group,
        "origin": "recipe" if planted.templated else "community",
        "told_by": "wording" if planted.templated else "accounts",
        "parent": None,
        "n_accounts": n_accounts,
        "n_exchanges": n_exchanges,
    }
