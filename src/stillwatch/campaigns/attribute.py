"""
From a campaign to its accounts and exchanges, cover traffic left out.

`core` accounts may be acted on, `probable` ones are looked at, `touched` ones share something with the campaign and are
never acted on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.methods import attribution, lists
from stillwatch.methods.numbering import ranked
from stillwatch.records import tables

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KINDS = ("recipe", "config", "network")  # what an exchange carries
ACCOUNT_KINDS = ("payment", "device")  # what an account carries
FALSE_PROBABLE = 1e-2  # accounts expected in the whole log by chance: the threshold is log2(accounts / this)
FALSE_CORE = 1e-5  # core accounts may be acted on
MAX_LIFT_SHARE = 0.25  # of the greatest lift that a log admits; as candidates/graph.py
LEAST_LIFT_BITS = 2.0
LIFT_BITS = float(np.log2(20.0))  # docs/research.md, Stage 5
WEIGHT_CAP_BITS = 60.0  # one in 10^18: no membership is known better than the assumptions behind it
CORE_BITS = float(-np.log2(1e-4))  # of the strongest token of each kind together: one of 10,000 others would fit as well
MIN_HOLDERS = 3
MIN_CORE_SHARE = 0.05  # of an account's exchanges: behind more cover than 95 % it is looked at, and not acted on
ATTRIBUTED_FROM = 0.5  # responsibility from which an exchange is said to belong
MIN_HABIT_BITS = 3.0  # that settings, network, payment and device tell of a core account together; as score.MIN_FAMILY_BITS
MIN_HABIT_SHARE = 1 / 3  # of an account's attributed exchanges that must go out with settings or a network that tells
"""Formulas: docs/research.md, Stage 5; rates: benchmarks/quality/attribution."""


@dataclass(frozen=True, slots=True)
class _Traffic:
    """
    The exchanges of the accounts looked at, with numbered tokens; `repeated` ones another account sent word for word,
    `n_exchanges` counts all of each account.

    Those that sent what many others sent word for word are left out: evaluation, homework, a viral prompt. No evidence rests on
    them, so they belong to no campaign.
    """

    rows: pa.Table
    account: Ints
    accounts: Ints
    tokens: Ints
    background: tuple[Floats, ...]
    n_background: float
    start: Bools
    repeated: Bools
    n_exchanges: Ints


@dataclass(frozen=True, slots=True)
class _Log:
    """The whole log, counted once for all campaigns: uses of each token of each kind, and exchanges that carry none."""

    n_exchanges: float
    totals: dict[str, pa.Table]
    without: dict[str, float]

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Count."""
        n_exchanges = float(engine.query("SELECT count(*) AS n FROM signatures")["n"][0].as_py())
        return cls(n_exchanges, {k: _totals(engine, k) for k in KINDS}, {k: _without(engine, k) for k in KINDS})


def attribute(engine: Engine, campaigns: pa.Table, least_accounts: int) -> None:
    """
    Write MEMBERS and ATTRIBUTED for every row of CAMPAIGNS of which at least `least_accounts` accounts can be named.

    An account can be in several campaigns; an exchange is attributed to the strongest that claims it. Cost: one look at the
    exchanges of the accounts that carry a campaign's tokens.
    """
    members, exchanges = [tables.MEMBERS.schema.empty_table()], [tables.ATTRIBUTED.schema.empty_table()]
    claimed: Ints = np.empty(0, np.int64)
    if campaigns.num_rows:
        n_accounts = engine.query("SELECT count(DISTINCT account) AS n FROM signatures")["n"][0].as_py()
        log = _Log.of(engine)
    for name in campaigns["campaign_id"].to_pylist():
        traffic = _traffic(engine, log, name, claimed)
        if traffic is None:
            continue
        people, told = _attributed(engine, name, traffic, n_accounts)
        if sum(m != "touched" for m in people["membership"].to_pylist()) < least_accounts:
            continue
        members.append(people)
        exchanges.append(told)
        claimed = np.union1d(claimed, told["row"].to_numpy())
    engine.write(tables.MEMBERS, pa.concat_tables(members).sort_by([("campaign_id", "ascending"), ("account", "ascending")]))
    told = pa.concat_tables(exchanges)  # of each campaign in the order of time, which a stable sort keeps
    engine.write(tables.ATTRIBUTED, told.sort_by("campaign_id"))


def _traffic(engine: Engine, log: _Log, name: str, claimed: Ints) -> _Traffic | None:
    start_rows = engine.query(
        f"""WITH mine AS (SELECT g."group", g.told_by FROM groups g JOIN campaign_groups c ON c."group" = g."group"
                       WHERE c.campaign_id = '{name}'),
             told AS (SELECT "group" FROM mine WHERE told_by = (SELECT max(told_by) FROM mine))  -- wording, settings, accounts
        SELECT DISTINCT e.row FROM group_exchanges e JOIN told t ON t."group" = e."group" ORDER BY e.row"""
    )
    told = engine.query(
        "SELECT u.recipe, count(*) AS n FROM uses u JOIN start s ON s.row = u.row GROUP BY u.recipe", start=start_rows
    )
    looked_at = engine.query(
        f"""SELECT DISTINCT account FROM (
          SELECT m.account FROM group_accounts m JOIN campaign_groups c ON c."group" = m."group" WHERE c.campaign_id = '{name}'
          UNION ALL
          SELECT u.account FROM uses u WHERE u.recipe IN (
            SELECT u.recipe FROM uses u JOIN told t ON t.recipe = u.recipe WHERE t.n >= {MIN_HOLDERS}
            GROUP BY u.recipe, t.n HAVING t.n * 2 >= count(*))) ORDER BY account""",
        told=told,
    )
    rows = engine.query(
        """SELECT s.row, s.exchange_id, s.account, s.seen_at, s.exact, s.config, s.network
        FROM signatures s JOIN looked l ON l.account = s.account ORDER BY s.seen_at, s.exchange_id""",
        looked=looked_at,
    )
    rows = rows.filter(pa.array(~np.isin(rows["row"].to_numpy(), claimed)))
    everybody, n_exchanges = np.unique(rows["account"].to_numpy(), return_counts=True)
    start = np.isin(rows["row"].to_numpy(), start_rows["row"].to_numpy())
    sent_by = lists.holders(rows["account"].to_numpy(), np.asarray(rows["exact"].fill_null(0)))
    kept = ~lists.of_a_list(sent_by, np.unique(rows["account"].to_numpy()[start]).size)
    rows, start, sent_by = rows.filter(pa.array(kept)), start[kept], sent_by[kept]
    if not rows.num_rows:
        return None
    accounts, account = ranked(rows["account"].to_numpy())
    recipe = _told_recipe(engine, rows, start)
    rows = rows.append_column("recipe", recipe)
    tokens, background = [], []
    for kind in KINDS:
        number, counts = _numbered(rows[kind], log.totals[kind], log.without[kind], start)
        tokens.append(number)
        background.append(counts)
    return _Traffic(
        rows=rows,
        account=account,
        accounts=accounts,
        tokens=np.column_stack(tokens),
        background=tuple(background),
        n_background=log.n_exchanges - float(start.sum()),
        start=start,
        repeated=sent_by > 1,
        n_exchanges=n_exchanges[np.searchsorted(everybody, accounts)].astype(np.int64),
    )


def _told_recipe(engine: Engine, rows: pa.Table, start: Bools) -> pa.Array:
    """Of each exchange's recipes the one most typical of the exchanges that the group was found by; null where it has none."""
    uses = engine.query(
        """WITH told AS (SELECT u.recipe, count(*) AS n FROM uses u JOIN start s ON s.row = u.row GROUP BY u.recipe)
        SELECT u.row, u.recipe, coalesce(t.n, 0) * 1.0e0 / r.n_requests AS typical
        FROM uses u JOIN looked l ON l.row = u.row JOIN recipes r ON r.recipe = u.recipe LEFT JOIN told t ON t.recipe = u.recipe
        ORDER BY u.row, typical, u.recipe""",
        start=pa.table({"row": rows["row"].filter(pa.array(start))}),
        looked=rows.select(["row"]),
    )
    row, recipe = uses["row"].to_numpy(), uses["recipe"].to_numpy()
    last = np.append(row[1:] != row[:-1], True) if len(row) else np.empty(0, bool)
    by_row = np.argsort(rows["row"].to_numpy())
    at = by_row[np.searchsorted(rows["row"].to_numpy(), row[last], sorter=by_row)]
    values, mask = np.zeros(rows.num_rows, np.int64), np.ones(rows.num_rows, bool)
    values[at], mask[at] = recipe[last], False
    return pa.array(values, mask=mask)


def _totals(engine: Engine, kind: str) -> pa.Table:
    if kind == "recipe":
        return engine.query("SELECT recipe AS token, n_requests AS n FROM recipes ORDER BY token")
    return engine.query(
        f"SELECT {kind} AS token, count(*) AS n FROM signatures WHERE {kind} IS NOT NULL GROUP BY {kind} ORDER BY token"
    )


def _without(engine: Engine, kind: str) -> float:
    """Exchanges of the log that carry no token of the kind."""
    carrying = "SELECT count(DISTINCT row) AS n FROM uses" if kind == "recipe" else f"SELECT count({kind}) AS n FROM signatures"
    return float(engine.query(f"SELECT count(*) - ({carrying}) AS n FROM signatures")["n"][0].as_py())


def _numbered(column: pa.ChunkedArray, totals: pa.Table, without: float, start: Bools) -> tuple[Ints, Floats]:
    """Numbers of the tokens (0 = none), and how often the rest of the log carries each."""
    present = np.asarray(column.is_valid())
    tokens, place = ranked(np.asarray(column.drop_null()))
    number = np.zeros(len(present), np.int64)
    number[present] = place + 1
    known, n = totals["token"].to_numpy(), totals["n"].to_numpy()
    at = np.minimum(np.searchsorted(known, tokens), max(len(known) - 1, 0))
    everywhere = np.zeros(len(tokens) + 1)
    everywhere[0] = without
    if len(known):
        everywhere[1:] = np.where(known[at] == tokens, n[at], 0)
    inside = np.bincount(number[start], minlength=len(everywhere))
    return number, np.maximum(everywhere - inside, 0.0)


def _attributed(engine: Engine, name: str, traffic: _Traffic, n_accounts: int) -> tuple[pa.Table, pa.Table]:
    fitted = attribution.fit(
        traffic.tokens, traffic.account, traffic.start.astype(np.float64), traffic.background, traffic.n_background
    )
    lifted = fitted.token_bits >= _telling_bits(traffic)
    told = int((lifted.any(axis=1) & traffic.start).sum()) >= ATTRIBUTED_FROM * int(traffic.start.sum())
    by_token = told or _told_by(engine, name) != "accounts"
    responsibility = fitted.responsibility if by_token else _all_of_members(traffic)
    belongs = responsibility >= ATTRIBUTED_FROM
    account_bits = _account_bits(engine, name, traffic.accounts)
    weight = fitted.gain_bits + account_bits if by_token else account_bits + _start_bits(traffic)
    weight = np.minimum(weight, WEIGHT_CAP_BITS)
    anchored = lifted & _anchored(traffic, _anchors(engine, name, traffic.accounts))
    habits = _Habits.of(traffic, np.where(anchored, fitted.token_bits, 0.0), belongs, account_bits)
    membership = _memberships(traffic, belongs, habits, weight, n_accounts)
    membership[_cleared(engine, name, traffic.accounts) & (membership != "")] = "touched"
    kept = belongs & np.isin(membership, ["core", "probable"])[traffic.account]
    return _member_table(name, traffic, membership, weight, belongs), _exchange_table(name, traffic, responsibility, kept)


def _telling_bits(traffic: _Traffic) -> float:
    """Bits from which a token tells: twenty times as common inside, or a quarter of what a log of this size admits."""
    admitted = MAX_LIFT_SHARE * (traffic.n_background + float(traffic.start.sum())) / max(float(traffic.start.sum()), 1.0)
    return float(np.clip(np.log2(max(admitted, 1.0)), LEAST_LIFT_BITS, LIFT_BITS))


def _told_by(engine: Engine, name: str) -> str:
    """What tells the exchanges of the campaign's groups, the most telling first: wording, settings, accounts."""
    rows = engine.query(
        f"""SELECT max(g.told_by) AS told_by FROM groups g JOIN campaign_groups c ON c."group" = g."group"
        WHERE c.campaign_id = '{name}'"""
    )
    return str(rows["told_by"][0].as_py())


def _anchors(engine: Engine, name: str, accounts: Ints) -> Bools:
    """
    Accounts that the campaign's groups hold for every reason that tells them: by wording, by settings, by how accounts behave.

    A class whose homework is worded as a campaign's prompts is in its groups of wording and in no other.
    """
    everywhere = engine.query(
        f"""WITH mine AS (SELECT DISTINCT m.account, g.told_by FROM campaign_groups c JOIN groups g ON g."group" = c."group"
                       JOIN group_accounts m ON m."group" = c."group" WHERE c.campaign_id = '{name}')
        SELECT account FROM mine GROUP BY account HAVING count(*) = (SELECT count(DISTINCT told_by) FROM mine)"""
    )
    return np.isin(accounts, everywhere["account"].to_numpy())


def _cleared(engine: Engine, name: str, accounts: Ints) -> Bools:
    """Accounts that belong to a group which the evidence speaks for."""
    found = engine.query(f"SELECT account FROM cleared WHERE campaign_id = '{name}'")
    return np.isin(accounts, found["account"].to_numpy())


def _anchored(traffic: _Traffic, anchors: Bools) -> Bools:
    """Which tokens of the exchanges some such accounts carry; all where there are hardly any."""
    out = np.ones(traffic.tokens.shape, np.bool_)
    if anchors.sum() < MIN_HOLDERS:
        return out
    for kind in range(len(KINDS)):
        token = traffic.tokens[:, kind]
        carried = anchors[traffic.account] & traffic.start
        held, _ = ranked(token[carried] * len(traffic.accounts) + traffic.account[carried])
        out[:, kind] = (np.bincount(held // len(traffic.accounts), minlength=int(token.max()) + 1) >= MIN_HOLDERS)[token]
    return out


def _all_of_members(traffic: _Traffic) -> Floats:
    """Where no exchange can be told from its account's cover, all exchanges of the found accounts are attributed."""
    found = np.bincount(traffic.account, traffic.start, len(traffic.accounts)) > 0
    return found[traffic.account].astype(np.float64)


def _start_bits(traffic: _Traffic) -> Floats:
    found = np.bincount(traffic.account, traffic.start, len(traffic.accounts)) > 0
    return np.where(found, attribution.KIND_CAP_BITS, 0.0)


def _account_bits(engine: Engine, name: str, accounts: Ints) -> Floats:
    """log2 lift of the account's payment instrument and device inside the campaign's groups, capped each."""
    bits = np.zeros(len(accounts))
    for kind in ACCOUNT_KINDS:
        held = engine.query(
            f"""WITH inside AS (SELECT DISTINCT m.account, m.{kind}, m.{kind}_units AS units FROM group_accounts m
                  JOIN campaign_groups c ON c."group" = m."group" WHERE c.campaign_id = '{name}' AND m.{kind} IS NOT NULL),
                 size AS (SELECT count(*) AS n FROM inside),
                 shared AS (SELECT {kind}, count(*) AS k, max(units) AS units FROM inside GROUP BY {kind})
            SELECT i.account, s.k, greatest(s.units - s.k, 0) AS others, z.n FROM inside i
            JOIN shared s ON s.{kind} = i.{kind} CROSS JOIN size z
            WHERE s.k >= {MIN_HOLDERS} AND i.account IN (SELECT account FROM looked) ORDER BY i.account""",
            looked=pa.table({"account": accounts}),
        )
        if not held.num_rows:
            continue
        k, others, n = (held[c].to_numpy().astype(np.float64) for c in ("k", "others", "n"))
        lift = np.log2(k / (others + attribution.SMOOTHING)) - np.log2(np.maximum(n / len(accounts), attribution.SMOOTHING))
        at = np.searchsorted(accounts, held["account"].to_numpy())
        bits[at] += np.clip(lift, 0.0, attribution.KIND_CAP_BITS)
    return bits


@dataclass(frozen=True, slots=True)
class _Habits:
    """What of each account tells: bits of the strongest of each kind added up, and whether it is what the account does."""

    bits: Floats  # of settings, network, payment and device
    bits_with_text: Floats
    usual: Bools

    @classmethod
    def of(cls, traffic: _Traffic, token_bits: Floats, belongs: Bools, account_bits: Floats) -> Self:
        """Of `token_bits`, 0 where a token does not tell, over the exchanges that belong."""
        size = len(traffic.accounts)
        best = np.zeros((len(KINDS), size))
        for kind in range(len(KINDS)):
            np.maximum.at(best[kind], traffic.account[belongs], token_bits[belongs, kind])
        bits = account_bits + best[1:].sum(axis=0)
        n_told = np.bincount(traffic.account, (token_bits[:, 1:] > 0.0).any(axis=1) & belongs, size)
        n_belongs = np.bincount(traffic.account, belongs, size)
        return cls(bits, bits + best[0], (account_bits >= LIFT_BITS) | (n_told >= MIN_HABIT_SHARE * n_belongs))


def _memberships(traffic: _Traffic, belongs: Bools, habits: _Habits, weight: Floats, n_accounts: int) -> npt.NDArray[np.str_]:
    size = len(traffic.accounts)
    n_belongs = np.bincount(traffic.account, belongs, size)
    passes = weight >= np.log2(n_accounts / FALSE_PROBABLE)
    passes &= ~lists.repeaters(traffic.account[belongs], traffic.repeated[belongs], size)
    sure = weight >= np.log2(n_accounts / FALSE_CORE)
    enough = (habits.bits_with_text >= CORE_BITS) & (habits.bits >= MIN_HABIT_BITS) & habits.usual
    enough &= n_belongs >= MIN_CORE_SHARE * traffic.n_exchanges
    out = np.full(size, "", dtype="<U8")
    out[n_belongs > 0] = "touched"
    out[passes & (n_belongs > 0)] = "probable"
    out[passes & sure & (n_belongs > 0) & enough] = "core"
    return out


def _member_table(name: str, traffic: _Traffic, membership: npt.NDArray[np.str_], weight: Floats, kept: Bools) -> pa.Table:
    size = len(traffic.accounts)
    seen = traffic.rows["seen_at"].cast(pa.int64()).to_numpy()
    first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(first, traffic.account[kept], seen[kept])
    np.maximum.at(last, traffic.account[kept], seen[kept])
    n_all, n_kept = traffic.n_exchanges, np.bincount(traffic.account, kept, size).astype(np.int64)
    there = membership != ""
    return _table(
        tables.MEMBERS,
        {
            "campaign_id": [name] * int(there.sum()),
            "account": traffic.accounts[there],
            "membership": membership[there].tolist(),
            "weight_bits": weight[there],
            "campaign_share": n_kept[there] / n_all[there],
            "n_exchanges": n_all[there],
            "n_campaign_exchanges": n_kept[there],
            "first_seen": first[there],
            "last_seen": last[there],
        },
    )


def _exchange_table(name: str, traffic: _Traffic, responsibility: Floats, kept: Bools) -> pa.Table:
    rows = traffic.rows.filter(pa.array(kept))
    return _table(
        tables.ATTRIBUTED,
        {
            "row": rows["row"],
            "exchange_id": rows["exchange_id"],
            "account": rows["account"],
            "campaign_id": [name] * rows.num_rows,
            "recipe": rows["recipe"],
            "share": responsibility[kept],
        },
    )


def _table(spec: tables.TableSpec, columns: dict[str, Iterable[object] | pa.ChunkedArray]) -> pa.Table:
    arrays = [c if isinstance(c, pa.ChunkedArray) else pa.array(c) for c in columns.values()]
    return pa.table(arrays, names=list(columns)).cast(spec.schema)
