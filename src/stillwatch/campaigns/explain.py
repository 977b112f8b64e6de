"""From tables to the campaigns of `campaigns.json`: every figure is read from a stored table, so `verify` can recompute it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from stillwatch.campaigns import alternatives, entitlements
from stillwatch.campaigns.reference import Reference
from stillwatch.campaigns.score import fused, score
from stillwatch.engine.base import Engine
from stillwatch.privacy import pseudonym
from stillwatch.records import campaign, tables
from stillwatch.settings import CampaignSettings

MAX_RECIPES = 50  # named in the document; the rest are in exchanges.parquet


def campaigns(
    engine: Engine, settings: CampaignSettings, known: Reference, sketches: Mapping[int, str]
) -> tuple[campaign.Campaign, ...]:
    """
    Every campaign that has attributed exchanges, strongest first.

    Args:
        engine: Holds EVIDENCE, CAMPAIGNS, MEMBERS, ATTRIBUTED, RECIPES, ACCOUNTS, SIGNATURES.
        settings: Prices and the registry of entitlements.
        known: The reference that the scores were held against.
        sketches: Redacted wording of recipes, where enough accounts share it.
    """
    permissions = entitlements.load(settings.entitlements)
    statements = _statements(engine.read(tables.EVIDENCE), known)
    told = _Told.of(engine)
    made = (
        _campaign(told, judged, statements[judged["group"]], known, permissions, settings, sketches)
        for judged in engine.read(tables.CAMPAIGNS).to_pylist()
    )
    return tuple(c for c in made if c is not None)


def _statements(evidence: pa.Table, known: Reference) -> dict[int, list[dict[str, Any]]]:
    """Rows of each group; `counted_bits` is the weight as the score takes it, `weight_bits` as the detector said it."""
    weighed = fused(evidence, known.fusion)
    told = evidence.append_column("counted", pa.array(score(weighed).counted))
    rows = told.append_column("counted_bits", weighed["weight_bits"]).to_pylist()
    by_group: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_group.setdefault(row["group"], []).append(row)
    return by_group


@dataclass(frozen=True, slots=True)
class _Told:
    """
    What the tables say of each campaign by its id, each thing asked once for all of them.

    Args:
        models: Of each model that it asks, most asked first, sums over its exchanges.
        recipes: The most used recipes, most used first.
        members: Accounts of each membership.
        orgs: Organisation of each account that is named.
    """

    models: dict[str, list[dict[str, Any]]]
    recipes: dict[str, list[dict[str, Any]]]
    members: dict[str, list[dict[str, Any]]]
    orgs: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Four passes over ATTRIBUTED or MEMBERS, with what they refer to."""
        return cls(*(_by_campaign(engine.query(sql)) for sql in (_MODELS, _RECIPES, _MEMBERS, _ORGS)))


def _by_campaign(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        out.setdefault(row["campaign_id"], []).append(row)
    return out


def _campaign(
    told: _Told,
    judged: dict[str, Any],
    statements: Sequence[dict[str, Any]],
    known: Reference,
    permissions: Sequence[entitlements.Permission],
    settings: CampaignSettings,
    sketches: Mapping[int, str],
) -> campaign.Campaign | None:
    name = judged["campaign_id"]
    if name not in told.models:
        return None
    facts, members = _facts(told.models[name]), _memberships(told.members.get(name, []))
    orgs = {r["account_id"]: r["org_id"] for r in told.orgs.get(name, [])}
    licence = entitlements.apply(permissions, orgs, facts["n_exchanges"], facts["last_seen"])
    lifted = licence is not None and licence.suppressed
    return campaign.Campaign(
        campaign_id=name,
        verdict="watched" if lifted else judged["verdict"],
        score_bits=judged["score_bits"],
        base_bits=0.0,
        p_value=judged["p_value"],
        q_value=judged["q_value"],
        stratum=judged["stratum"],
        n_families=judged["n_families"],
        n_accounts=members.core + members.probable,
        members=members,
        n_exchanges=facts["n_exchanges"],
        first_seen=facts["first_seen"],
        last_seen=facts["last_seen"],
        models=tuple(campaign.ModelUse(r["model"], r["n"]) for r in told.models[name]),
        recipes=_recipes(told.recipes.get(name, []), facts["n_exchanges"], sketches),
        evidence=tuple(_item(s) for s in sorted(statements, key=lambda s: (-s["counted_bits"], s["detector"]))),
        alternatives=_alternatives(statements, known),
        economics=_economics(facts, settings),
        entitlement=licence,
    )


_SUMS = ("prompt_tokens", "completion_tokens", "reasoning_tokens")
_MODELS = f"""
SELECT a.campaign_id, s.model, count(*) AS n, min(s.seen_at) AS first_seen, max(s.seen_at) AS last_seen,
       {", ".join(f"CAST(coalesce(sum(s.{name}), 0) AS BIGINT) AS {name}" for name in _SUMS)}
FROM attributed a JOIN signatures s ON s.row = a.row GROUP BY a.campaign_id, s.model ORDER BY n DESC, s.model
"""
_RECIPES = f"""
SELECT campaign_id, recipe, kind, n_fragments, n, n_accounts FROM (
  SELECT u.campaign_id, u.recipe, r.kind, r.n_fragments, u.n, u.n_accounts,
         row_number() OVER (PARTITION BY u.campaign_id ORDER BY u.n DESC, u.recipe) AS place
  FROM (SELECT campaign_id, recipe, count(*) AS n, count(DISTINCT account) AS n_accounts FROM attributed
        WHERE recipe IS NOT NULL GROUP BY campaign_id, recipe) u
  JOIN recipes r ON r.recipe = u.recipe) WHERE place <= {MAX_RECIPES} ORDER BY n DESC, recipe
"""
_MEMBERS = "SELECT campaign_id, membership, count(*) AS n FROM members GROUP BY campaign_id, membership"
_ORGS = """
SELECT m.campaign_id, a.account_id, max(a.org_id) AS org_id FROM members m JOIN accounts a ON a.account = m.account
WHERE m.membership <> 'touched' GROUP BY m.campaign_id, a.account_id ORDER BY a.account_id
"""


def _facts(models: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums over a campaign's exchanges, from those over each model's."""
    sums = {name: sum(m[name] for m in models) for name in _SUMS}
    seen = {"first_seen": min(m["first_seen"] for m in models), "last_seen": max(m["last_seen"] for m in models)}
    return sums | seen | {"n_exchanges": sum(m["n"] for m in models)}


def _memberships(rows: Sequence[dict[str, Any]]) -> campaign.Memberships:
    n = {r["membership"]: r["n"] for r in rows}
    return campaign.Memberships(n.get("core", 0), n.get("probable", 0), n.get("touched", 0))


def _recipes(rows: Sequence[dict[str, Any]], n_exchanges: int, sketches: Mapping[int, str]) -> tuple[campaign.RecipeUse, ...]:
    return tuple(
        campaign.RecipeUse(
            id=pseudonym(r["recipe"]),
            share=min(r["n"] / n_exchanges, 1.0),
            n_accounts=r["n_accounts"],
            shape=_shape(r["kind"], r["n_fragments"]),
            sketch=sketches.get(r["recipe"]),
        )
        for r in rows
    )


def _shape(kind: str, n_fragments: int) -> str:
    if kind != "wording":
        return kind
    return f"wording, {n_fragments} shared fragment{'' if n_fragments == 1 else 's'}"


def _item(statement: dict[str, Any]) -> campaign.EvidenceItem:
    mean = statement["null_mean"]
    return campaign.EvidenceItem(
        channel=statement["detector"],
        family=statement["family"],
        weight_bits=statement["counted_bits"],
        statistic=statement["statistic"],
        null=None if mean is None else campaign.Null(mean, statement["null_sd"]),
        n=statement["n"],
        in_words=statement["reason"],
        counted=statement["counted"],
    )


def _alternatives(statements: Sequence[dict[str, Any]], known: Reference) -> tuple[campaign.Alternative, ...]:
    observed = {s["detector"]: (s["family"], s["weight_bits"]) for s in statements}
    return tuple(
        campaign.Alternative(alternatives.NAMES.get(w.kind, w.kind), w.bits, _weighed_in_words(w))
        for w in alternatives.weigh(observed, known)
    )


def _weighed_in_words(weighed: alternatives.Weighed) -> str:
    if weighed.decided_by is None:
        return "Nothing observed tells the two apart."
    name = alternatives.NAMES.get(weighed.kind, weighed.kind)
    odds = "less" if weighed.bits > 0 else "more"
    return f"What was observed fits {name} {odds} well than a campaign; {weighed.decided_by.replace('_', ' ')} decides it most."


def _economics(facts: dict[str, Any], settings: CampaignSettings) -> campaign.Economics:
    prompt, completion = settings.usd_per_million_prompt_tokens, settings.usd_per_million_completion_tokens
    priced = prompt is not None and completion is not None
    answered = facts["completion_tokens"] + facts["reasoning_tokens"]
    price = (facts["prompt_tokens"] * (prompt or 0.0) + answered * (completion or 0.0)) / 1e6
    remake = settings.remake_usd_per_exchange
    return campaign.Economics(
        prompt_tokens=facts["prompt_tokens"],
        completion_tokens=facts["completion_tokens"],
        reasoning_tokens=facts["reasoning_tokens"],
        list_price_usd=price if priced else None,
        remake_cost_usd=None if remake is None else remake * facts["n_exchanges"],
        basis="prices from the settings"
        if priced
        else "no prices set: campaigns.usd_per_million_prompt_tokens and …completion_tokens",
    )
