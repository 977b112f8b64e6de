"""What the evidence needs of each group, gathered once: its accounts, a bounded sample of its exchanges, the models' releases."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.candidates import exchanges
from stillwatch.candidates.hyperedges import Group
from stillwatch.candidates.places import sample
from stillwatch.candidates.words import common_words
from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.log import Log
from stillwatch.methods.enclosing import smallest_around
from stillwatch.records import tables
from stillwatch.settings import CandidateSettings

Ints = npt.NDArray[np.int64]

AT_ONCE = 262_144  # rows of GROUP_ACCOUNTS that are put together at once: some 30 MB
CONTAINED = 0.9  # share of a group's accounts that its parent holds
_ADOPTION = "INTERVAL 24 HOURS"
_AROUND = "INTERVAL 84 HOURS"  # half of the seven days around a release
_FRESH = "INTERVAL 24 HOURS"  # a model first seen later than this after the window's start was released inside it

_FACTS = """
WITH unit AS (SELECT account, coalesce(max(org), account) AS unit, max(org) AS org, max(payment) AS payment,
                     max(device) AS device, max(client) AS client, min(account_created_at) AS account_created_at,
                     count(*) AS n_exchanges, count(DISTINCT system) AS n_systems
              FROM signatures GROUP BY account),
     used AS (SELECT account, network, row_number() OVER (PARTITION BY account ORDER BY count(*) DESC, network) AS place
              FROM signatures WHERE network IS NOT NULL GROUP BY account, network),
     main AS (SELECT u.*, n.network FROM unit u LEFT JOIN used n ON u.account = n.account AND n.place = 1)
SELECT m.account, m.org, m.payment, p.n AS payment_units, m.device, d.n AS device_units, m.network, w.n AS network_units,
       m.client, c.n AS client_units, m.account_created_at, m.n_exchanges, m.n_systems
FROM main m
LEFT JOIN (SELECT payment, count(DISTINCT unit) AS n FROM main GROUP BY payment) p ON m.payment = p.payment
LEFT JOIN (SELECT device, count(DISTINCT unit) AS n FROM main GROUP BY device) d ON m.device = d.device
LEFT JOIN (SELECT network, count(DISTINCT unit) AS n FROM main GROUP BY network) w ON m.network = w.network
LEFT JOIN (SELECT client, count(DISTINCT unit) AS n FROM main GROUP BY client) c ON m.client = c.client
ORDER BY m.account
"""

_MODELS = f"""
WITH span AS (SELECT min(seen_at) AS begin_at FROM signatures),
     first AS (SELECT model, min(seen_at) AS first_at FROM signatures GROUP BY model),
     released AS (SELECT f.model, CASE WHEN f.first_at > s.begin_at + {_FRESH} THEN f.first_at END AS released_at
                  FROM first f, span s)
SELECT r.model, r.released_at, coalesce(u.n_accounts, 0) AS n_accounts, coalesce(u.n_adopters, 0) AS n_adopters
FROM released r LEFT JOIN (
  SELECT r.model, count(DISTINCT s.account) AS n_accounts,
         count(DISTINCT CASE WHEN s.model = r.model AND s.seen_at < r.released_at + {_ADOPTION} THEN s.account END) AS n_adopters
  FROM released r JOIN signatures s ON s.seen_at >= r.released_at - {_AROUND} AND s.seen_at < r.released_at + {_AROUND}
  GROUP BY r.model) u ON u.model = r.model
ORDER BY r.model
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """
    What is looked at whatever the groups are.

    Args:
        log: Exchanges by account.
        accounts: (n_accounts,) digests, ascending.
        facts: A row an account, in their order.
        models: Rows of MODELS.
        common: Words to leave out, ascending.
    """

    log: Log
    accounts: Ints
    facts: pa.Table
    models: pa.Table
    common: Ints

    @classmethod
    def at(cls, engine: Engine, accounts: Ints, settings: CandidateSettings) -> Self:
        """Several passes over SIGNATURES, each over a few columns."""
        return cls(
            Log.load(engine, accounts),
            accounts,
            engine.query(_FACTS).combine_chunks(),
            engine.query(_MODELS),
            common_words(engine, accounts, settings.rare_token_share),
        )


def gather(engine: Engine, groups: Sequence[Group], looked: Looked, settings: CandidateSettings) -> int:
    """
    Write MODELS and, of the groups with enough exchanges, GROUPS, GROUP_TOKENS, GROUP_ACCOUNTS and GROUP_EXCHANGES.

    A large group is looked at through a sample of its accounts, and of their exchanges.
    """
    engine.write(tables.MODELS, looked.models)
    # a member's number follows its digest, so the first so many are a fair and reproducible sample
    sampled = [Group(g.group, g.origin, g.members[: settings.sample_accounts], g.tokens, g.speaking) for g in groups]
    found = sample(engine, looked.log, sampled, settings.min_exchanges, settings.sample_exchanges)
    n_exchanges = dict(zip((g.group for g in groups), found.n_exchanges.tolist(), strict=True))
    enough = [g for g in groups if n_exchanges[g.group] >= settings.min_exchanges]
    parts.drop(engine.root, tables.GROUP_ACCOUNTS)
    with ThreadPoolExecutor(1) as pool:  # beside what follows, which reads the log again and leaves a core idle for long
        parents = pool.submit(_parents, enough)
        accounts = pool.submit(parts.write_part, engine.root, tables.GROUP_ACCOUNTS, 0, _account_tables(enough, looked))
        engine.write(tables.GROUP_TOKENS, _token_table(enough))
        digests = np.array([g.group for g in groups], np.int64)
        exchanges.write(engine, looked.log, looked.accounts, digests, found, looked.common)
        engine.write(tables.GROUPS, _group_table(enough, n_exchanges, parents.result()))
        accounts.result()
    return len(enough)


def _token_table(groups: Sequence[Group]) -> pa.Table:
    told = [token for g in groups for token in g.tokens]
    kinds, tokens, lifts = map(list, zip(*told, strict=True)) if told else ([], [], [])
    ids = np.repeat(np.array([g.group for g in groups], np.int64), [len(g.tokens) for g in groups])
    columns = [pa.array(ids), pa.array(kinds, pa.string()), pa.array(tokens, pa.int64()), pa.array(lifts, pa.float64())]
    return pa.table(columns, schema=tables.GROUP_TOKENS.schema)


def _account_tables(groups: Sequence[Group], looked: Looked) -> Iterator[pa.Table]:
    """Rows of GROUP_ACCOUNTS sorted by group and account, some groups at a time: an account is in many."""
    yield tables.GROUP_ACCOUNTS.schema.empty_table()
    ordered = sorted(groups, key=lambda g: g.group)
    begins = np.cumsum([0, *(len(g.members) for g in ordered)])[:-1] // AT_ONCE
    for low, high in itertools.pairwise([*np.flatnonzero(np.diff(begins, prepend=-1)).tolist(), len(ordered)]):
        mine = ordered[low:high]
        members = np.concatenate([g.members for g in mine])
        ids = np.repeat(np.array([g.group for g in mine], np.int64), [len(g.members) for g in mine])
        yield looked.facts.take(members).append_column("group", pa.array(ids))


def _group_table(groups: Sequence[Group], n_exchanges: dict[int, int], parents: list[int | None]) -> pa.Table:
    rows = {
        "group": [g.group for g in groups],
        "origin": [g.origin for g in groups],
        "told_by": [g.told_by for g in groups],
        "parent": parents,
        "n_accounts": [len(g.members) for g in groups],
        "n_exchanges": [n_exchanges[g.group] for g in groups],
    }
    return pa.table(rows, schema=tables.GROUPS.schema).sort_by("group")


def _parents(groups: Sequence[Group]) -> list[int | None]:
    """The smallest other group that holds nearly all of a group's accounts and is larger."""
    if not groups:
        return []
    sizes = np.array([len(g.members) for g in groups], np.int64)
    flat = np.concatenate([g.members for g in groups])
    starts = np.concatenate(([0], np.cumsum(sizes)))
    place = smallest_around(flat, starts, int(flat.max()) + 1, CONTAINED)
    return [groups[at].group if at >= 0 else None for at in place.tolist()]
