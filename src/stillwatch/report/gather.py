"""Reads from the engine what the page shows beyond `campaigns.json`: members, what they share, exchanges over time, releases."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.privacy import pseudonym
from stillwatch.records.campaign import Document
from stillwatch.records.tables import ACCOUNTS, ATTRIBUTED, CAMPAIGNS, GROUP_TOKENS, MEMBERS, MODELS, RECIPES, SIGNATURES
from stillwatch.report.links import CONCENTRATED, MIN_SHARED, Hub
from stillwatch.report.timeline import Bins, bins

INFRASTRUCTURE = ("payment", "device", "network", "client")
MAX_HUBS = 400  # rows of one campaign's table of shared things; the rest is counted

_Key = tuple[str, int]  # kind and digest

_MEMBERS = """
SELECT m.campaign_id, m.account, a.account_id, m.membership, m.weight_bits, m.campaign_share, m.n_exchanges,
       m.n_campaign_exchanges, m.first_seen, m.last_seen
FROM members m
LEFT JOIN (SELECT account, min(account_id) AS account_id FROM accounts GROUP BY account) a ON m.account = a.account
ORDER BY m.campaign_id, CASE m.membership WHEN 'core' THEN 0 WHEN 'probable' THEN 1 ELSE 2 END, m.weight_bits DESC, m.account
"""
_RUNS = """
SELECT campaign_id, account, recipe AS token FROM attributed WHERE recipe IS NOT NULL
GROUP BY campaign_id, account, recipe ORDER BY campaign_id, account, token
"""
# a join with a table of bins would read better, and took forty times as long on 16 million rows
_BIN = "(epoch_us(s.seen_at) - {start}) // {width}"
_SERIES = """
SELECT a.campaign_id, s.model, {bin} AS bin, count(*) AS n FROM attributed a JOIN signatures s ON a."row" = s."row"
GROUP BY a.campaign_id, s.model, {bin} ORDER BY a.campaign_id, s.model, {bin}
"""
_ALL_TRAFFIC = "SELECT {bin} AS bin, count(*) AS n FROM signatures s GROUP BY {bin} ORDER BY {bin}"


@dataclass(frozen=True, slots=True)
class Member:
    """One account of a campaign, as the page names it."""

    account: int
    name: str
    membership: str
    weight_bits: float
    campaign_share: float
    n_exchanges: int
    n_campaign_exchanges: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page shows of one campaign."""

    members: tuple[Member, ...]
    hubs: tuple[Hub, ...]
    uses: tuple[tuple[int, int], ...]
    n_hubs_left_out: int
    shared: dict[str, list[int]]
    series: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All of it, by campaign, and the traffic it is seen against."""

    bins: Bins
    all_traffic: tuple[int, ...]
    releases: tuple[tuple[str, datetime], ...]
    facts: dict[str, Facts]


def gather(engine: Engine, document: Document, account_names: bool) -> Gathered:
    """
    Read the tables behind a document.

    Args:
        account_names: Name accounts as the log does; else by their keyed pseudonyms.

    Raises:
        EngineError: `members`, `attributed`, `signatures` or `accounts` is missing.
    """
    window_bins = bins(document.window)
    if not document.campaigns:
        return Gathered(window_bins, tuple([0] * window_bins.n), (), {})
    for spec in (MEMBERS, ATTRIBUTED, SIGNATURES, ACCOUNTS):
        if not engine.has(spec):
            engine.read(spec)
    members = _members(engine, account_names)
    ties = _ties(engine)
    lifts = _lifts(engine)
    series = _series(engine, window_bins)
    facts = {
        c.campaign_id: _facts(members.get(c.campaign_id, ()), ties, lifts, c.campaign_id, series.get(c.campaign_id, {}))
        for c in document.campaigns
    }
    return Gathered(window_bins, _all_traffic(engine, window_bins), _releases(engine), facts)


def _members(engine: Engine, account_names: bool) -> dict[str, tuple[Member, ...]]:
    by_campaign: dict[str, list[Member]] = defaultdict(list)
    for row in engine.query(_MEMBERS).to_pylist():
        name = row["account_id"] if account_names and row["account_id"] is not None else pseudonym(row["account"])
        by_campaign[row["campaign_id"]].append(
            Member(
                row["account"],
                name,
                row["membership"],
                row["weight_bits"],
                row["campaign_share"],
                row["n_exchanges"],
                row["n_campaign_exchanges"],
                row["first_seen"],
                row["last_seen"],
            )
        )
    return {c: tuple(m) for c, m in by_campaign.items()}


@dataclass(frozen=True, slots=True)
class _Ties:
    runs: dict[str, list[tuple[int, int]]]
    infrastructure: dict[str, dict[int, list[int]]]
    log_accounts: dict[tuple[str, int], int]


def _ties(engine: Engine) -> _Ties:
    runs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for campaign_id, account, token in _rows(engine.query(_RUNS)):
        runs[campaign_id].append((account, token))
    infrastructure: dict[str, dict[int, list[int]]] = {}
    log_accounts: dict[tuple[str, int], int] = {}
    for kind in INFRASTRUCTURE:
        used = engine.query(
            f"SELECT account, {kind} AS token FROM signatures "
            f"WHERE {kind} IS NOT NULL AND account IN (SELECT account FROM members) "
            f"GROUP BY account, {kind} ORDER BY account, token"
        )
        by_account: dict[int, list[int]] = defaultdict(list)
        for account, token in _rows(used):
            by_account[account].append(token)
        infrastructure[kind] = by_account
        popular = engine.query(
            f"SELECT {kind} AS token, count(DISTINCT account) AS n FROM signatures WHERE {kind} IN (SELECT token FROM used) "
            f"GROUP BY {kind} ORDER BY token",
            used=used.select(["token"]),
        )
        log_accounts |= {(kind, token): n for token, n in _rows(popular)}
    if engine.has(RECIPES):
        log_accounts |= {("recipe", t): n for t, n in _rows(engine.read(RECIPES, ["recipe", "n_accounts"]))}
    return _Ties(runs, infrastructure, log_accounts)


def _lifts(engine: Engine) -> dict[tuple[str, str, int], float]:
    if not (engine.has(CAMPAIGNS) and engine.has(GROUP_TOKENS)):
        return {}
    campaign_of = {group: campaign for campaign, group in _rows(engine.read(CAMPAIGNS, ["campaign_id", "group"]))}
    rows = _rows(engine.read(GROUP_TOKENS, ["group", "kind", "token", "lift"]))
    return {(campaign_of[group], kind, token): lift for group, kind, token, lift in rows if group in campaign_of}


def _facts(
    members: Sequence[Member],
    ties: _Ties,
    lifts: dict[tuple[str, str, int], float],
    campaign_id: str,
    series: dict[str, list[int]],
) -> Facts:
    place = {m.account: i for i, m in enumerate(members)}
    users: dict[tuple[str, int], list[int]] = defaultdict(list)
    for account, token in ties.runs.get(campaign_id, ()):
        if account in place:
            users["recipe", token].append(place[account])
    for kind in INFRASTRUCTURE:
        for m in members:
            for token in ties.infrastructure[kind].get(m.account, ()):
                users[kind, token].append(place[m.account])
    together = {key: accounts for key, accounts in users.items() if len(accounts) >= MIN_SHARED}
    ordered = sorted(together, key=lambda key: (-len(together[key]), key))
    every = {
        (k, t): Hub(k, t, len(a), max(ties.log_accounts.get((k, t), 0), len(a)), lifts.get((campaign_id, k, t)))
        for (k, t), a in together.items()
    }
    hubs = tuple(every[key] for key in ordered[:MAX_HUBS])
    rare = {key: hub.concentration >= CONCENTRATED for key, hub in every.items()}
    uses = tuple((account, hub) for hub, key in enumerate(ordered[:MAX_HUBS]) for account in together[key])
    return Facts(tuple(members), hubs, uses, len(ordered) - len(hubs), _shared(together, rare, len(members)), series)


def _shared(together: dict[_Key, list[int]], rare: dict[_Key, bool], n_members: int) -> dict[str, list[int]]:
    """For each kind and account: with how many others it shares its most shared thing; what many others use tells nothing."""
    shared = {kind: [0] * n_members for kind in INFRASTRUCTURE}
    for (kind, token), accounts in together.items():
        if kind in shared and rare[kind, token]:
            for account in accounts:
                shared[kind][account] = max(shared[kind][account], len(accounts) - 1)
    return shared


def _binned(sql: str, window_bins: Bins) -> str:
    return sql.format(bin=_BIN.format(start=window_bins.start_s * 1_000_000, width=window_bins.width_s * 1_000_000))


def _series(engine: Engine, window_bins: Bins) -> dict[str, dict[str, list[int]]]:
    series: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for campaign_id, model, place, n in _rows(engine.query(_binned(_SERIES, window_bins))):
        if 0 <= place < window_bins.n:
            series[campaign_id].setdefault(model, [0] * window_bins.n)[place] = n
    return series


def _all_traffic(engine: Engine, window_bins: Bins) -> tuple[int, ...]:
    totals = [0] * window_bins.n
    for place, n in _rows(engine.query(_binned(_ALL_TRAFFIC, window_bins))):
        if 0 <= place < window_bins.n:
            totals[place] = n
    return tuple(totals)


def _releases(engine: Engine) -> tuple[tuple[str, datetime], ...]:
    if not engine.has(MODELS):
        return ()
    rows = _rows(engine.read(MODELS, ["model", "released_at"]))
    return tuple(sorted(((model, at) for model, at in rows if at is not None), key=lambda r: (r[1], r[0])))


def _rows(table: pa.Table) -> Iterable[tuple]:  # type: ignore[type-arg]  # rows are as heterogeneous as the query that made them
    return zip(*(c.to_pylist() for c in table.columns), strict=True)
