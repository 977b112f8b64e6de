"""
Behaviours of a campaign, from the store of its scan: what many of its accounts do alike and hardly anyone else does.

Two kinds: one set of sampling settings on one model within a day; one payment instrument, device or client fingerprint within a
week. Of each the smallest crowd is taken (8, 16, 32 … accounts) that keeps the floor of benign hits, so the number tells nothing
of the campaign's size. What leaves are settings and that number; no value on which accounts meet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records.tables import SHARED_SETTINGS
from stillwatch.settings import EngineSettings
from stillwatch.sharing.export import bystanders
from stillwatch.sharing.export.bystanders import Bystanders
from stillwatch.sharing.export.floors import MIN_ACCOUNTS, MIN_REQUESTS, LeftOut, power_of_two
from stillwatch.sharing.hunt.behaviours import counted, selected
from stillwatch.sharing.sigma.rule import MEETING_PLACES, SETTINGS, Rule, RuleError

CROWDS = (8, 16, 32, 64, 128, 256, 512, 1_024)
MOST_SETTINGS = 3  # sets of settings, those of most requests first
LEAST_NAMED = 2  # settings in a set: one alone is anyone's
_DAY_S, _WEEK_S = 86_400, 7 * 86_400


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A behaviour that may leave: its rule, rounded support, benign hits per million."""

    rule: Rule
    accounts_min: int
    requests_bucket: int
    benign_hits_per_million: float


def behaviours(root: Path, campaign_id: str) -> tuple[list[Behaviour], list[LeftOut]]:
    """
    The behaviours of a campaign, sorted into those that may leave and those that stay.

    Args:
        root: The store of the scan that found the campaign; settings are known where it was scanned with [sharing].
    """
    if not all(parts.part_files(root, spec) for spec in bystanders.NEEDED):
        return [], []
    kept: list[Behaviour] = []
    left: list[LeftOut] = []
    with DuckDBEngine(root, EngineSettings()) as engine:
        told = Bystanders.of(engine)
        for rule in _candidates(engine, campaign_id):
            one = _judged(engine, rule, campaign_id, told)
            (kept.append if isinstance(one, Behaviour) else left.append)(one)  # type: ignore[arg-type]  # told apart above
    return kept, left


def _candidates(engine: Engine, campaign_id: str) -> Iterator[Rule]:
    """Rules that could be of this campaign, each with the smallest crowd."""
    if engine.has(SHARED_SETTINGS):
        names = ", ".join(f"x.{name}" for name in SETTINGS)
        common = engine.query(
            f"SELECT {names}, count(*) AS n_requests FROM {bystanders.CORE} a JOIN shared_settings x ON x.row = a.row "
            f"WHERE a.campaign_id = '{campaign_id}' GROUP BY {names} ORDER BY n_requests DESC, {names} LIMIT {MOST_SETTINGS}"
        )
        for row in common.to_pylist():
            named = sorted((name, _rounded(row[name])) for name in SETTINGS if row[name] is not None)
            if len(named) >= LEAST_NAMED:
                try:
                    yield Rule(tuple(named), "model", _DAY_S, CROWDS[0])
                except RuleError:
                    continue  # a log may hold a temperature of 99
    for place in MEETING_PLACES:
        yield Rule((), place, _WEEK_S, CROWDS[0])


def _judged(engine: Engine, rule: Rule, campaign_id: str, told: Bystanders) -> Behaviour | LeftOut:
    picked = selected(engine, rule)
    core = engine.query(
        f"SELECT DISTINCT row, account FROM {bystanders.CORE} c WHERE c.campaign_id = '{campaign_id}' ORDER BY row, account"
    )
    refusal = ""
    for least in CROWDS:
        rows = picked["row"].filter(pa.array(counted(picked, rule, least)))
        ours = core.filter(pc.is_in(core["row"], value_set=rows.combine_chunks()))
        n_accounts, n_requests = len(pc.unique(ours["account"])), ours.num_rows
        if n_accounts < MIN_ACCOUNTS:
            return LeftOut(_named(rule), refusal or f"fewer than {MIN_ACCOUNTS} core accounts do so together")
        if n_requests < MIN_REQUESTS:
            return LeftOut(_named(rule), refusal or f"fewer than {MIN_REQUESTS} of their requests do so")
        hits = bystanders.n_among(engine, rows.combine_chunks())
        refusal = told.refusal(hits, "would match it") or ""
        if not refusal:
            fitting = Rule(rule.selection, rule.group_by, rule.span_s, least)
            return Behaviour(fitting, power_of_two(n_accounts), n_requests.bit_length() - 1, told.rate(hits))
    return LeftOut(_named(rule), refusal)


def _named(rule: Rule) -> str:
    return "sampling settings" if rule.selection else rule.group_by


def _rounded(value: str | float | bool) -> str | float | bool:
    """A number as a person would set it: what 32 bits made of 0.7 is 0.7."""
    return round(value, 4) if isinstance(value, float) else value
