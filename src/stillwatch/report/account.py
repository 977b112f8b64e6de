"""All that the tables say of one account: where it belongs, by how many bits, through what, and which of its traffic is cover."""

import re
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.privacy import pseudonym
from stillwatch.records.tables import ACCOUNTS, ATTRIBUTED, MEMBERS, SIGNATURES, USES
from stillwatch.report.gather import INFRASTRUCTURE

_PSEUDONYM = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Shared:
    """How many others use a payment instrument, device, network or client of the account: in the campaign, and outside it."""

    kind: str
    n_members: int
    n_others: int


@dataclass(frozen=True, slots=True)
class Belonging:
    """The account in one campaign."""

    campaign_id: str
    membership: str
    weight_bits: float
    campaign_share: float
    n_campaign_exchanges: int
    first_seen: datetime
    last_seen: datetime
    recipes: tuple[tuple[str, int], ...]
    shared: tuple[Shared, ...]


@dataclass(frozen=True, slots=True)
class Cover:
    """Its exchanges with one model that belong to no campaign; `n_with_recipe` of them run some recipe all the same."""

    model: str
    n_exchanges: int
    n_with_recipe: int


@dataclass(frozen=True, slots=True)
class AccountStory:
    """One account. `account_id` is None where the log had signatures only."""

    pseudonym: str
    account_id: str | None
    n_exchanges: int
    belongings: tuple[Belonging, ...]
    cover: tuple[Cover, ...]


def account_story(engine: Engine, wanted: str) -> AccountStory | None:
    """
    Look an account up by its name in the log or by its pseudonym.

    Returns:
        None where the log has no such account.

    Raises:
        EngineError: the store lacks the tables of a scan.
    """
    account = _find(engine, wanted)
    if account is None:
        return None
    asked = pa.table({"account": pa.array([account], pa.int64())})
    names = engine.query(
        "SELECT min(a.account_id) AS account_id FROM accounts a JOIN asked q ON a.account = q.account", asked=asked
    )
    seen = engine.query("SELECT count(*) AS n FROM signatures s JOIN asked q ON s.account = q.account", asked=asked)
    return AccountStory(
        pseudonym(account),
        names["account_id"][0].as_py(),
        seen["n"][0].as_py(),
        _belongings(engine, asked),
        _cover(engine, asked),
    )


def _find(engine: Engine, wanted: str) -> int | None:
    for spec in (ACCOUNTS, SIGNATURES, MEMBERS, ATTRIBUTED, USES):
        if not engine.has(spec):
            engine.read(spec)
    named = engine.query(
        "SELECT a.account FROM accounts a JOIN asked q ON a.account_id = q.account_id ORDER BY a.account LIMIT 1",
        asked=pa.table({"account_id": [wanted]}),
    )
    if named.num_rows:
        return int(named["account"][0].as_py())
    if not _PSEUDONYM.fullmatch(wanted):
        return None
    unsigned = int(wanted, 16)
    account = unsigned - (1 << 64) if unsigned >> 63 else unsigned
    known = engine.query(
        "SELECT s.account FROM signatures s JOIN asked q ON s.account = q.account LIMIT 1",
        asked=pa.table({"account": pa.array([account], pa.int64())}),
    )
    return account if known.num_rows else None


def _belongings(engine: Engine, asked: pa.Table) -> tuple[Belonging, ...]:
    rows = engine.query(
        "SELECT m.campaign_id, m.membership, m.weight_bits, m.campaign_share, m.n_campaign_exchanges, m.first_seen, m.last_seen "
        "FROM members m JOIN asked q ON m.account = q.account ORDER BY m.weight_bits DESC, m.campaign_id",
        asked=asked,
    ).to_pylist()
    recipes = engine.query(
        "SELECT a.campaign_id, a.recipe, count(*) AS n FROM attributed a JOIN asked q ON a.account = q.account "
        "WHERE a.recipe IS NOT NULL GROUP BY a.campaign_id, a.recipe ORDER BY n DESC, a.recipe",
        asked=asked,
    ).to_pylist()
    return tuple(
        Belonging(
            **row,
            recipes=tuple((pseudonym(r["recipe"]), r["n"]) for r in recipes if r["campaign_id"] == row["campaign_id"]),
            shared=_shared(engine, asked, row["campaign_id"]),
        )
        for row in rows
    )


_SHARED = """
WITH mine AS (
    SELECT DISTINCT t.{kind} AS token FROM signatures t JOIN asked q ON t.account = q.account WHERE t.{kind} IS NOT NULL
),
users AS (
    SELECT DISTINCT s.account FROM signatures s JOIN mine ON s.{kind} = mine.token
    WHERE s.account NOT IN (SELECT account FROM asked)
),
inside AS (SELECT m.account FROM members m JOIN campaign c ON m.campaign_id = c.campaign_id)
SELECT count(*) AS n_users, count(i.account) AS n_members FROM users u LEFT JOIN inside i ON u.account = i.account
"""


def _shared(engine: Engine, asked: pa.Table, campaign_id: str) -> tuple[Shared, ...]:
    found = []
    for kind in INFRASTRUCTURE:
        campaign = pa.table({"campaign_id": [campaign_id]})
        (row,) = engine.query(_SHARED.format(kind=kind), asked=asked, campaign=campaign).to_pylist()
        if row["n_members"]:
            found.append(Shared(kind, row["n_members"], row["n_users"] - row["n_members"]))
    return tuple(found)


def _cover(engine: Engine, asked: pa.Table) -> tuple[Cover, ...]:
    rows = engine.query(
        'SELECT s.model, count(*) AS n_exchanges, count(r."row") AS n_with_recipe FROM signatures s '
        "JOIN asked q ON s.account = q.account "
        'LEFT JOIN (SELECT DISTINCT u."row" FROM uses u JOIN asked q ON u.account = q.account) r ON r."row" = s."row" '
        'WHERE s."row" NOT IN (SELECT a."row" FROM attributed a JOIN asked q ON a.account = q.account) '
        "GROUP BY s.model ORDER BY n_exchanges DESC, s.model",
        asked=asked,
    )
    return tuple(Cover(**row) for row in rows.to_pylist())
