"""A store as a scan leaves it: tables of plausible numbers for as many accounts as a test asks for, and their document."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.results import START, a_campaign, a_document

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.privacy import pseudonym
from stillwatch.records.campaign import Campaign, Document, Memberships, ModelUse, RecipeUse
from stillwatch.records.tables import (
    ACCOUNTS,
    ATTRIBUTED,
    CAMPAIGNS,
    GROUP_TOKENS,
    MEMBERS,
    MODELS,
    RECIPES,
    SIGNATURES,
    USES,
    TableSpec,
)
from stillwatch.settings import EngineSettings

HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "=cmd|' /C calc'!A0,\"x\"",
    "\x1b[31mred\x1b[0m\r\nforged line",
    "safe\u202egnp.exe",
    "zero\u200bwidth\u2066hidden\u2069",
    "{{ 7*7 }}${7*7}",
    "z\u0300\u0301\u0302\u0303\u0304\u0305algo",
    "\u2028\u2029-->",
)
MINUTE_US = 60_000_000
BACKGROUND = 300
PER_ACCOUNT = 14
COVER = 4


def a_store(root: Path) -> DuckDBEngine:
    """An engine of one worker over `root`."""
    return DuckDBEngine(root, EngineSettings(workers=1, memory_gb=1.0))


def a_scan(engine: DuckDBEngine, n_accounts: int, n_campaigns: int = 1, hostile: bool = False, seed: int = 7) -> Document:
    """
    Fill the store with `n_campaigns` campaigns of `n_accounts` each over quiet background, and give the document.

    Four in ten accounts share a payment instrument with nine others, all a handful of recipes, some a device or a network;
    a twelfth is probable, one in thirty touched. With `hostile`, names, models and wording are what an attacker would choose.
    """
    random = np.random.default_rng(seed)
    n = n_accounts * n_campaigns
    account = random.integers(1, 2**62, n + BACKGROUND)
    models = ["atlas-2", "atlas-3"] if not hostile else [HOSTILE[0], HOSTILE[4]]
    signatures = _signatures(random, account, n, models)
    _write(engine, SIGNATURES, signatures)
    names = [f"acct_{a % 10**8:08d}" for a in account]
    if hostile:
        names[: len(HOSTILE)] = list(HOSTILE)
    twice = np.concatenate([account, account])  # as ingest leaves it: once for every part of the log that has it
    _write(engine, ACCOUNTS, {"account": twice, "account_id": names + names})
    recipes = np.array([0x51, 0x52, 0x53, 0x54], dtype=np.int64)
    table = pa.table({k: v for k, v in signatures.items() if k in ("row", "exchange_id", "account", "seen_at", "model")})
    campaigns = []
    members: list[dict[str, Any]] = []
    attributed: list[pa.Table] = []
    for number in range(n_campaigns):
        mine = account[number * n_accounts : (number + 1) * n_accounts]
        part = _attributed(random, table, mine, recipes, f"c-{number + 1:012x}")
        attributed.append(part)
        members += _members(random, part, mine, f"c-{number + 1:012x}")
        campaigns.append(_campaign(number + 1, n_accounts, part, members, models, hostile))
    everything = pa.concat_tables(attributed)
    engine.write(ATTRIBUTED, everything)
    _write(engine, USES, {c: everything[c] for c in ("row", "account", "recipe")} | {"matched": 1})
    _write(engine, MEMBERS, pa.Table.from_pylist(members).to_pydict())
    _small_tables(engine, campaigns, recipes, models)
    return replace(a_document(*campaigns), n_exchanges=table.num_rows, n_accounts=len(account))


def a_results_folder(folder: Path, n_accounts: int, n_campaigns: int = 1, hostile: bool = False) -> Document:
    """A whole results folder: store, campaigns.json, accounts.parquet."""
    with a_store(folder / "store") as engine:
        document = a_scan(engine, n_accounts, n_campaigns, hostile)
        accounts = engine.query(
            "SELECT a.account_id, m.campaign_id, m.membership, m.weight_bits, m.campaign_share, m.n_exchanges, "
            "m.n_campaign_exchanges, m.first_seen, m.last_seen FROM members m "
            "JOIN (SELECT DISTINCT account, account_id FROM accounts) a ON a.account = m.account "
            "ORDER BY m.campaign_id, m.account"
        )
        pq.write_table(accounts, folder / "accounts.parquet")
    (folder / "campaigns.json").write_bytes(document.to_json())
    return document


def _signatures(random: np.random.Generator, account: np.ndarray, n: int, models: list[str]) -> dict[str, Any]:
    repeated = np.repeat(np.arange(len(account)), PER_ACCOUNT)
    size = len(repeated)
    spread = np.where(repeated < n, random.beta(2, 2, size), random.random(size))
    minute = (spread * 14 * 24 * 60).astype(np.int64)
    late = minute > 8 * 24 * 60
    payment = np.where(repeated < 0.4 * n, 1_000 + repeated // 10, 10**6 + repeated)
    device = np.where(repeated % 7 == 0, 2_000 + repeated // 40, 2 * 10**6 + repeated)
    network = np.where(repeated % 3 == 0, 3_000 + repeated // 30, 3 * 10**6 + repeated % 50)
    start_us = int(START.timestamp()) * 1_000_000
    return {
        "row": np.arange(size),
        "exchange_id": [f"x{i}" for i in range(size)],
        "account": account[repeated],
        "seen_at": pa.array(start_us + minute * MINUTE_US, pa.timestamp("us", tz="UTC")),
        "model": np.where(late & (random.random(size) < 0.8), models[1], models[0]),
        "payment": payment,
        "device": device,
        "network": network,
        "client": np.full(size, 77),
    }


def _attributed(random: np.random.Generator, table: pa.Table, mine: np.ndarray, recipes: np.ndarray, campaign: str) -> pa.Table:
    inside = np.isin(table["account"].to_numpy(), mine)
    inside &= np.arange(table.num_rows) % PER_ACCOUNT >= COVER
    part = table.filter(pa.array(inside))
    weights = np.array([0.6, 0.25, 0.1, 0.05])
    columns = {
        "row": part["row"],
        "exchange_id": part["exchange_id"],
        "account": part["account"],
        "campaign_id": pa.array([campaign] * part.num_rows),
        "recipe": pa.array(random.choice(recipes, part.num_rows, p=weights)),
        "share": pa.array(np.round(0.9 + 0.1 * random.random(part.num_rows), 3)),
    }
    return pa.table(columns).cast(ATTRIBUTED.schema)


def _members(random: np.random.Generator, part: pa.Table, mine: np.ndarray, campaign: str) -> list[dict[str, Any]]:
    start = START + timedelta(hours=3)
    rows = []
    for i, account in enumerate(mine.tolist()):
        membership = "touched" if i % 30 == 29 else "probable" if i % 12 == 11 else "core"
        rows.append(
            {
                "campaign_id": campaign,
                "account": account,
                "membership": membership,
                "weight_bits": float(np.round(random.normal({"core": 24, "probable": 9, "touched": 2}[membership], 2.5), 2)),
                "campaign_share": (PER_ACCOUNT - COVER) / PER_ACCOUNT,
                "n_exchanges": PER_ACCOUNT,
                "n_campaign_exchanges": PER_ACCOUNT - COVER,
                "first_seen": start + timedelta(minutes=int(random.integers(0, 2_000))),
                "last_seen": start + timedelta(days=10, minutes=int(random.integers(0, 2_000))),
            }
        )
    return rows


def _campaign(
    number: int, n_accounts: int, part: pa.Table, members: list[dict[str, Any]], models: list[str], hostile: bool
) -> Campaign:
    campaign_id = f"c-{number:012x}"
    mine = [m for m in members if m["campaign_id"] == campaign_id]
    tiers = Memberships(*(sum(m["membership"] == t for m in mine) for t in ("core", "probable", "touched")))
    sketch = (
        HOSTILE[1] + "\n" + HOSTILE[4] if hostile else "Solve the following problem. ⟨…⟩ Think step by step. ⟨…⟩ Final answer:"
    )
    base = a_campaign(number)
    shares = (0.6, 0.25, 0.1, 0.05)
    shapes = ("wording, 9 fragments", "contract, JSON of 4 fields", "wording, 5 fragments", "semantic")
    recipes = tuple(
        RecipeUse(pseudonym(0x51 + i), share, round(n_accounts * min(1.0, share * 2)), shape, sketch if i in (0, 2) else None)
        for i, (share, shape) in enumerate(zip(shares, shapes, strict=True))
    )
    return replace(
        base,
        members=tiers,
        n_accounts=tiers.core + tiers.probable,
        n_exchanges=part.num_rows,
        first_seen=min(m["first_seen"] for m in mine),
        last_seen=max(m["last_seen"] for m in mine),
        models=tuple(ModelUse(m, 1_000 - 300 * i) for i, m in enumerate(models)),
        recipes=recipes,
    )


def _small_tables(engine: DuckDBEngine, campaigns: list[Campaign], recipes: np.ndarray, models: list[str]) -> None:
    n = len(campaigns)
    group = np.arange(n) + 500
    _write(
        engine,
        CAMPAIGNS,
        {
            "campaign_id": [c.campaign_id for c in campaigns],
            "group": group,
            "verdict": [c.verdict for c in campaigns],
            "score_bits": [c.score_bits for c in campaigns],
            "p_value": [c.p_value for c in campaigns],
            "q_value": [c.q_value for c in campaigns],
            "n_families": [c.n_families for c in campaigns],
            "stratum": [c.stratum for c in campaigns],
            "reference": ["shipped"] * n,
        },
    )
    _write(engine, GROUP_TOKENS, {"group": group, "kind": ["recipe"] * n, "token": np.full(n, recipes[0]), "lift": [41.5] * n})
    size = len(recipes)
    _write(
        engine,
        RECIPES,
        {
            "recipe": recipes,
            "kind": ["wording"] * size,
            "family": recipes,
            "bundle": recipes,
            "n_requests": [1_000] * size,
            "n_accounts": [40] * size,
            "n_fragments": [9] * size,
        },
    )
    released = START + timedelta(days=8)
    _write(engine, MODELS, {"model": models, "released_at": [None, released], "n_accounts": [900, 500], "n_adopters": [0, 210]})


def _write(engine: DuckDBEngine, spec: TableSpec, columns: dict[str, Any]) -> None:
    size = len(next(iter(columns.values())))
    arrays = {}
    for column in spec.columns:
        value = columns.get(column.name)
        if value is None:
            assert column.nullable, f"{spec.name}.{column.name} has no value"
            arrays[column.name] = pa.nulls(size, column.type)
        elif np.isscalar(value):
            arrays[column.name] = pa.array([value] * size, column.type)
        else:
            arrays[column.name] = value if isinstance(value, pa.Array | pa.ChunkedArray) else pa.array(list(value), column.type)
    engine.write(spec, pa.table(arrays))
