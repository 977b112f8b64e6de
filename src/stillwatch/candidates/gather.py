"""What the evidence needs of each group, gathered once: its accounts, a bounded sample of its exchanges, the models' releases."""

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.candidates.hyperedges import Group
from stillwatch.engine.base import Engine
from stillwatch.records import tables
from stillwatch.settings import CandidateSettings

Ints = npt.NDArray[np.int64]

_DF_ACCOUNTS = 20_000  # accounts sampled for word frequencies: a share of 0.5 % is then known within 10 %
_SMALL_LOG_ACCOUNTS, _SMALL_LOG_SHARE = 50.0, 0.05  # a rare word may be held by 50 accounts, but never by a twentieth of all
_ADOPTION = "INTERVAL 24 HOURS"
_AROUND = "INTERVAL 84 HOURS"  # half of the seven days around a release
_FRESH = "INTERVAL 24 HOURS"  # a model first seen later than this after the window's start was released inside it

_FACTS = """
WITH unit AS (SELECT account, coalesce(max(org), account) AS unit, max(org) AS org, max(payment) AS payment,
                     max(device) AS device, max(client) AS client, min(account_created_at) AS account_created_at,
                     count(*) AS n_exchanges
              FROM signatures GROUP BY account),
     used AS (SELECT account, network, row_number() OVER (PARTITION BY account ORDER BY count(*) DESC, network) AS place
              FROM signatures WHERE network IS NOT NULL GROUP BY account, network),
     main AS (SELECT u.*, n.network FROM unit u LEFT JOIN used n ON u.account = n.account AND n.place = 1)
SELECT m.account, m.org, m.payment, p.n AS payment_units, m.device, d.n AS device_units, m.network, w.n AS network_units,
       m.client, c.n AS client_units, m.account_created_at, m.n_exchanges
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

# from tokens to their exchanges first, and to the members last: members times tokens of a group would be millions of pairs
_TOLD_BY = {
    "recipe": "SELECT t.\"group\", u.account, u.row FROM told t JOIN uses u ON u.recipe = t.token WHERE t.kind = 'recipe'",
    **{
        layer: f'SELECT t."group", u.account, u.row FROM told t JOIN recipes r ON r.{layer} = t.token '
        f"JOIN uses u ON u.recipe = r.recipe WHERE t.kind = '{layer}'"
        for layer in ("family", "bundle")
    },
    "config": "SELECT t.\"group\", s.account, s.row FROM told t JOIN signatures s ON s.config = t.token WHERE t.kind = 'config'",
}
_BY_ACCOUNT = 'SELECT m."group", s.row FROM whole m JOIN signatures s ON s.account = m.account'
_ROWS = (
    f"WITH carried AS MATERIALIZED ({' UNION ALL '.join(_TOLD_BY.values())}) "
    'SELECT DISTINCT c."group", c.row FROM carried c JOIN sample m ON m."group" = c."group" AND m.account = c.account '
    f"UNION ALL {_BY_ACCOUNT}"
)


def gather(engine: Engine, groups: Sequence[Group], accounts: Ints, settings: CandidateSettings) -> int:
    """
    Write MODELS and, of the groups with enough exchanges, GROUPS, GROUP_TOKENS, GROUP_ACCOUNTS and GROUP_EXCHANGES.

    A large group is looked at through a sample of its accounts, and of their exchanges.
    """
    engine.write(tables.MODELS, engine.query(_MODELS))
    # a member's number follows its digest, so the first so many are a fair and reproducible sample
    sampled = [Group(g.group, g.origin, g.members[: settings.sample_accounts], g.tokens, g.speaking) for g in groups]
    rows = engine.query(_ROWS, **_selection(sampled, accounts)).sort_by([("group", "ascending"), ("row", "ascending")])
    counts = pc.value_counts(rows["group"].combine_chunks())
    n_exchanges = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    enough = [g for g in groups if n_exchanges.get(g.group, 0) >= settings.min_exchanges]
    engine.write(tables.GROUP_TOKENS, _token_table(enough))
    engine.write(tables.GROUP_ACCOUNTS, _account_table(engine, enough, accounts))
    engine.write(tables.GROUP_EXCHANGES, _exchange_table(engine, _kept(rows, enough, settings.sample_exchanges), settings))
    engine.write(tables.GROUPS, _group_table(enough, n_exchanges))
    return len(enough)


def _kept(rows: pa.Table, groups: Sequence[Group], most: int) -> pa.Table:
    """Rows of these groups; a large one keeps an evenly spaced part of them. `rows` is sorted by group and row."""
    group = rows["group"].to_numpy()
    _, number, total = np.unique(group, return_inverse=True, return_counts=True)
    place = np.arange(len(group)) - np.concatenate(([0], np.cumsum(total)[:-1]))[number]
    size = total[number]
    keep = (size <= most) | ((place * most) % size < most)
    return rows.filter(pa.array(keep & np.isin(group, [g.group for g in groups])))


def _token_table(groups: Sequence[Group]) -> pa.Table:
    rows = [dict(zip(tables.GROUP_TOKENS.names, (g.group, *token), strict=True)) for g in groups for token in g.tokens]
    return pa.Table.from_pylist(rows, schema=tables.GROUP_TOKENS.schema)


def _pairs(groups: Sequence[Group], accounts: Ints) -> pa.Table:
    ids = np.repeat(np.array([g.group for g in groups], np.int64), [len(g.members) for g in groups])
    members = np.concatenate([g.members for g in groups]) if groups else np.empty(0, np.int64)
    return pa.table({"group": ids, "account": accounts[members]})


def _account_table(engine: Engine, groups: Sequence[Group], accounts: Ints) -> pa.Table:
    facts = engine.query(_FACTS)
    listed = ", ".join(f"f.{name}" for name in tables.GROUP_ACCOUNTS.names if name not in ("group", "account"))
    return engine.query(
        f'SELECT m."group", m.account, {listed} FROM members m JOIN facts f ON f.account = m.account '
        'ORDER BY m."group", m.account',
        members=_pairs(groups, accounts),
        facts=facts,
    )


def _selection(groups: Sequence[Group], accounts: Ints) -> dict[str, pa.Table]:
    """The tables that `_ROWS` reads: members and tokens of groups told by tokens, and members of groups that are not."""
    by_token = [g for g in groups if g.speaking]
    told = [(g.group, kind, token) for g in by_token for kind, token, _ in g.tokens if kind in g.speaking]
    columns = {"group": [t[0] for t in told], "kind": [t[1] for t in told], "token": [t[2] for t in told]}
    schema = pa.schema([("group", pa.int64()), ("kind", pa.string()), ("token", pa.int64())])
    return {
        "sample": _pairs(by_token, accounts),
        "told": pa.table(columns, schema=schema),
        "whole": _pairs([g for g in groups if not g.speaking], accounts),
    }


def _exchange_table(engine: Engine, rows: pa.Table, settings: CandidateSettings) -> pa.Table:
    """The exchanges of all groups; lists are fetched once a row and not sorted, since they are most of the bytes."""
    narrow = engine.query(
        """SELECT g."group", s.account, s.row, s.seen_at, s.model, s.exact FROM kept g JOIN signatures s ON s.row = g.row
        ORDER BY g."group", s.account, s.seen_at, s.row""",
        kept=rows,
    )
    wide = engine.query(
        """SELECT s.row, s.tokens, s.fill, s.elicitation FROM signatures s JOIN wanted w ON w.row = s.row""",
        wanted=pa.table({"row": pc.unique(rows["row"])}),
    )
    order = np.argsort(wide["row"].to_numpy(), kind="stable")
    place = pa.array(order[np.searchsorted(wide["row"].to_numpy()[order], narrow["row"].to_numpy())])
    rare = _rare(wide["tokens"], _common_words(engine, settings.rare_token_share))
    narrow = narrow.append_column("tokens", pc.take(rare, place))
    for name in ("fill", "elicitation"):
        narrow = narrow.append_column(name, pc.take(wide[name], place))
    return narrow


def _common_words(engine: Engine, share: float) -> Ints:
    """Ascending digests of the words that more than `share` of the accounts use."""
    n_accounts = engine.query("SELECT count(DISTINCT account) AS n FROM signatures")["n"][0].as_py()
    every = max(1, n_accounts // _DF_ACCOUNTS)
    n_sampled = n_accounts / every
    words = engine.query(
        f"""SELECT token FROM (SELECT DISTINCT account, UNNEST(tokens) AS token FROM signatures WHERE account % {every} = 0)
        GROUP BY token HAVING count(*) > {_common_from(share, n_sampled)} ORDER BY token"""
    )
    return words["token"].to_numpy().astype(np.int64)


def _common_from(share: float, n_accounts: float) -> float:
    """Accounts from which a word is common; in small logs more than their share, or no word would be left to return to."""
    return max(share * n_accounts, min(_SMALL_LOG_ACCOUNTS, _SMALL_LOG_SHARE * n_accounts))


def _rare(column: pa.ChunkedArray, common: Ints) -> pa.Array:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    offsets, values = array.offsets.to_numpy(), array.values.to_numpy()
    new_offsets, new_values = _without(offsets, values, common)
    return pa.ListArray.from_arrays(
        pa.array(new_offsets), pa.array(new_values), mask=array.is_null() if array.null_count else None
    )


_SIEVE_BITS = 20


@numba.njit(cache=True, nogil=True)
def _without(
    offsets: npt.NDArray[np.int32], values: npt.NDArray[np.int32], common: Ints
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    sieve = np.zeros(1 << _SIEVE_BITS, np.bool_)
    mask = np.int64((1 << _SIEVE_BITS) - 1)
    for word in common:
        sieve[word & mask] = True
    new_offsets = np.zeros(len(offsets), np.int32)
    kept = np.empty(len(values), np.int32)
    at = 0
    for i in range(len(offsets) - 1):
        for j in range(offsets[i], offsets[i + 1]):
            value = np.int64(values[j])
            if sieve[value & mask]:
                place = np.searchsorted(common, value)
                if place < len(common) and common[place] == value:
                    continue
            kept[at] = values[j]
            at += 1
        new_offsets[i + 1] = at
    return new_offsets, kept[:at]


def _group_table(groups: Sequence[Group], n_exchanges: dict[int, int]) -> pa.Table:
    rows = {
        "group": [g.group for g in groups],
        "origin": [g.origin for g in groups],
        "told_by": [g.told_by for g in groups],
        "parent": _parents(groups),
        "n_accounts": [len(g.members) for g in groups],
        "n_exchanges": [n_exchanges[g.group] for g in groups],
    }
    return pa.table(rows, schema=tables.GROUPS.schema).sort_by("group")


def _parents(groups: Sequence[Group]) -> list[int | None]:
    """The smallest other group that holds nine tenths of a group's accounts and is larger."""
    if not groups:
        return []
    sizes = np.array([len(g.members) for g in groups], np.int64)
    flat = np.concatenate([g.members for g in groups])
    of_group = np.repeat(np.arange(len(groups)), sizes)
    order = np.argsort(flat, kind="stable")
    held = np.searchsorted(flat[order], np.arange(flat.max() + 2))
    place = _smallest_around(flat, np.concatenate(([0], np.cumsum(sizes))), held, of_group[order])
    return [groups[at].group if at >= 0 else None for at in place.tolist()]


@numba.njit(cache=True, nogil=True)
def _smallest_around(members: Ints, starts: Ints, held: Ints, holders: Ints) -> Ints:
    """Of each group the smallest larger one that holds nine tenths of its members, the first of equals; -1 for none."""
    n = len(starts) - 1
    out = np.full(n, -1, np.int64)
    shared = np.zeros(n, np.int64)
    for g in range(n):
        size = starts[g + 1] - starts[g]
        shared[:] = 0
        for i in range(starts[g], starts[g + 1]):
            for j in range(held[members[i]], held[members[i] + 1]):
                shared[holders[j]] += 1
        for other in range(n):
            larger = starts[other + 1] - starts[other]
            if larger > size and shared[other] >= 0.9 * size:
                best = out[g]
                if best < 0 or larger < starts[best + 1] - starts[best]:
                    out[g] = other
    return out
