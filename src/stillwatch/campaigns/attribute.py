"""
From a campaign to its accounts and exchanges, cover traffic left out.

`core` accounts may be acted on, `probable` ones are looked at, `touched` ones share something with the campaign and are
never acted on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.campaigns.traffic import KINDS, MIN_HOLDERS, Carried, Traffic, starts
from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.log import inverse
from stillwatch.methods import attribution, lists
from stillwatch.methods.numbering import ranked
from stillwatch.records import tables

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ACCOUNT_KINDS = ("payment", "device")  # what an account carries
FALSE_PROBABLE = 1e-2  # accounts expected in the whole log by chance: the threshold is log2(accounts / this)
FALSE_CORE = 1e-5  # core accounts may be acted on
MAX_LIFT_SHARE = 0.25  # of the greatest lift that a log admits; as candidates/graph.py
LEAST_LIFT_BITS = 2.0
LIFT_BITS = float(np.log2(20.0))  # docs/research.md, Stage 5
WEIGHT_CAP_BITS = 60.0  # one in 10^18: no membership is known better than the assumptions behind it
EXCHANGES_AT_ONCE = 1 << 20  # looked up and written together
CORE_BITS = float(-np.log2(1e-4))  # of the strongest token of each kind together: one of 10,000 others would fit as well
MIN_CORE_SHARE = 0.05  # of an account's exchanges: behind more cover than 95 % it is looked at, and not acted on
ATTRIBUTED_FROM = 0.5  # responsibility from which an exchange is said to belong
MIN_HABIT_BITS = 3.0  # that settings, network, payment and device tell of a core account together; as score.MIN_FAMILY_BITS
MIN_HABIT_SHARE = 1 / 3  # of an account's attributed exchanges that must go out with settings or a network that tells
"""Formulas: docs/research.md, Stage 5; rates: benchmarks/quality/attribution."""


@dataclass(frozen=True, slots=True)
class _Attributed:
    """
    The exchanges of one campaign.

    Args:
        places: (n,) places in the log.
        recipe: (n,) recipe numbers in the log, from 1; 0 = none.
        share: (n,) probability that the exchange is the campaign's.
    """

    places: npt.NDArray[np.int32]
    recipe: npt.NDArray[np.int32]
    share: Floats


def attribute(engine: Engine, campaigns: pa.Table, least_accounts: int) -> None:
    """
    Write MEMBERS and ATTRIBUTED for every row of CAMPAIGNS of which at least `least_accounts` accounts can be named.

    An account can be in several campaigns; an exchange is attributed to the strongest that claims it. Cost: the log is read
    once, and each campaign looks at the exchanges of the accounts that carry its tokens.
    """
    if not campaigns.num_rows:
        engine.write(tables.MEMBERS, tables.MEMBERS.schema.empty_table())
        engine.write(tables.ATTRIBUTED, tables.ATTRIBUTED.schema.empty_table())
        return
    members: list[pa.Table] = []
    found: dict[str, _Attributed] = {}
    with engine.spill() as room:
        carried = Carried.load(engine, room)
        claimed = np.zeros(len(carried.log.rows), np.bool_)
        for start in starts(engine, carried, campaigns["campaign_id"].to_pylist()):
            traffic = Traffic.of(carried, start, claimed)
            if traffic is None:
                continue
            people, told = _attributed(engine, start.name, traffic, len(carried.accounts))
            if sum(m != "touched" for m in people["membership"].to_pylist()) < least_accounts:
                continue
            members.append(people)
            found[start.name] = told
            claimed[told.places] = True
        engine.write(tables.MEMBERS, _dated(engine, carried, members))
        parts.drop(engine.root, tables.ATTRIBUTED)
        parts.write_part(engine.root, tables.ATTRIBUTED, 0, _exchanges(engine, carried, found))


def _attributed(engine: Engine, name: str, traffic: Traffic, n_accounts: int) -> tuple[pa.Table, _Attributed]:
    fitted = attribution.fit(
        traffic.tokens, traffic.account, traffic.start.astype(np.float64), traffic.background, traffic.n_background
    )
    telling = _telling_bits(traffic)
    lifted = [(bits >= telling)[pair] for bits, pair in zip(fitted.pair_bits, fitted.pair, strict=True)]
    told = int((np.any(lifted, axis=0) & traffic.start).sum()) >= ATTRIBUTED_FROM * int(traffic.start.sum())
    by_token = told or _told_by(engine, name) != "accounts"
    responsibility = fitted.responsibility if by_token else _all_of_members(traffic)
    belongs = responsibility >= ATTRIBUTED_FROM
    account_bits = _account_bits(engine, name, traffic.accounts)
    weight = fitted.gain_bits + account_bits if by_token else account_bits + _start_bits(traffic)
    weight = np.minimum(weight, WEIGHT_CAP_BITS)
    anchors = _anchors(engine, name, traffic.accounts)
    anchored = [told & _anchored(traffic, kind, anchors) for kind, told in enumerate(lifted)]
    habits = _Habits.of(traffic, fitted, anchored, belongs, account_bits)
    membership = _memberships(traffic, belongs, habits, weight, n_accounts)
    membership[_cleared(engine, name, traffic.accounts) & (membership != "")] = "touched"
    kept = belongs & np.isin(membership, ["core", "probable"])[traffic.account]
    told_exchanges = _Attributed(traffic.places[kept], traffic.recipe[kept], responsibility[kept])
    return _member_table(name, traffic, membership, weight, belongs), told_exchanges


def _telling_bits(traffic: Traffic) -> float:
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


def _anchored(traffic: Traffic, kind: int, anchors: Bools) -> Bools:
    """Which exchanges carry a token of the kind that some such accounts carry; all where there are hardly any accounts."""
    if anchors.sum() < MIN_HOLDERS:
        return np.ones(len(traffic.account), np.bool_)
    token = traffic.tokens[kind]
    carried = anchors[traffic.account] & traffic.start
    held, _ = ranked(token[carried] * np.int64(len(traffic.accounts)) + traffic.account[carried])
    some: Bools = np.bincount(held // len(traffic.accounts), minlength=len(traffic.background[kind])) >= MIN_HOLDERS
    return some[token]


def _all_of_members(traffic: Traffic) -> Floats:
    """Where no exchange can be told from its account's cover, all exchanges of the found accounts are attributed."""
    found = np.bincount(traffic.account, traffic.start, len(traffic.accounts)) > 0
    return found[traffic.account].astype(np.float64)


def _start_bits(traffic: Traffic) -> Floats:
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
    def of(cls, traffic: Traffic, fitted: attribution.Mixture, tells: list[Bools], belongs: Bools, account_bits: Floats) -> Self:
        """Over the exchanges that belong; `tells` is of each kind (n,), whose tokens count."""
        size = len(traffic.accounts)
        best = np.zeros((len(KINDS), size))
        for kind, told in enumerate(tells):
            here = belongs & told
            np.maximum.at(best[kind], traffic.account[here], fitted.token_bits(kind)[here])
        bits = account_bits + best[1:].sum(axis=0)
        n_told = np.bincount(traffic.account, np.any(tells[1:], axis=0) & belongs, size)
        n_belongs = np.bincount(traffic.account, belongs, size)
        return cls(bits, bits + best[0], (account_bits >= LIFT_BITS) | (n_told >= MIN_HABIT_SHARE * n_belongs))


def _memberships(traffic: Traffic, belongs: Bools, habits: _Habits, weight: Floats, n_accounts: int) -> npt.NDArray[np.str_]:
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


def _member_table(name: str, traffic: Traffic, membership: npt.NDArray[np.str_], weight: Floats, kept: Bools) -> pa.Table:
    """MEMBERS with places in the log for times, which `_dated` looks up."""
    size = len(traffic.accounts)
    n_all, n_kept = traffic.n_exchanges, np.bincount(traffic.account, kept, size).astype(np.int64)
    places, account = traffic.places[kept], traffic.account[kept]  # of each account in the order of time
    first, last = np.zeros(size, np.int64), np.zeros(size, np.int64)
    last[account], first[account[::-1]] = places, places[::-1]
    there = membership != ""
    return pa.table(
        {
            "campaign_id": pa.repeat(name, int(there.sum())),
            "account": traffic.accounts[there],
            "membership": membership[there].tolist(),
            "weight_bits": weight[there],
            "campaign_share": n_kept[there] / n_all[there],
            "n_exchanges": n_all[there],
            "n_campaign_exchanges": n_kept[there],
            "first_seen": first[there],
            "last_seen": last[there],
        }
    )


def _dated(engine: Engine, carried: Carried, members: list[pa.Table]) -> pa.Table:
    """MEMBERS by campaign and account."""
    if not members:
        return tables.MEMBERS.schema.empty_table()
    table = pa.concat_tables(members)
    asked = np.unique([table["first_seen"].to_numpy(), table["last_seen"].to_numpy()])
    seen = engine.query(
        "SELECT s.row, s.seen_at FROM signatures s JOIN asked a ON a.row = s.row ORDER BY s.row",
        asked=pa.table({"row": carried.log.rows[asked]}),
    )["seen_at"]
    for name in ("first_seen", "last_seen"):
        at = np.searchsorted(asked, table[name].to_numpy())
        table = table.set_column(table.column_names.index(name), name, seen.take(pa.array(at)))
    return table.cast(tables.MEMBERS.schema).sort_by([("campaign_id", "ascending"), ("account", "ascending")])


def _exchanges(engine: Engine, carried: Carried, found: dict[str, _Attributed]) -> Iterator[pa.Table]:
    """ATTRIBUTED by campaign and time, some at a time."""
    yield tables.ATTRIBUTED.schema.empty_table()
    if not found:
        return
    names = sorted(found)
    which = np.repeat(np.arange(len(names), dtype=np.int32), [len(found[name].places) for name in names])
    places, recipe = (np.concatenate([getattr(found[name], part) for name in names]) for part in ("places", "recipe"))
    share = np.concatenate([found[name].share for name in names])
    order = np.lexsort((inverse(carried.log.timed)[places], which))
    for at in range(0, len(order), EXCHANGES_AT_ONCE):
        here = order[at : at + EXCHANGES_AT_ONCE]
        rows, number = carried.log.rows[places[here]], recipe[here]
        by_row = np.argsort(rows)
        ids = engine.query(
            f"""SELECT s.exchange_id FROM signatures s JOIN told t ON t.row = s.row
            WHERE s.row BETWEEN {int(rows[by_row[0]])} AND {int(rows[by_row[-1]])} ORDER BY s.row""",
            told=pa.table({"row": rows}),
        )
        yield pa.table(
            {
                "row": rows,
                "exchange_id": ids["exchange_id"].take(pa.array(inverse(by_row))),
                "account": carried.accounts[carried.log.owner[places[here]]],
                "campaign_id": pa.array(names, pa.string()).take(pa.array(which[here])),
                "recipe": pa.array(_digests(carried, number), mask=number == 0),
                "share": share[here],
            }
        )


def _digests(carried: Carried, recipe: npt.NDArray[np.int32]) -> Ints:
    """Of recipe numbers from 1; 0 of none."""
    return np.concatenate([[0], carried.digests[0]]).astype(np.int64)[recipe]
