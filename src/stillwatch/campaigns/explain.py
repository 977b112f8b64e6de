"""From tables to the campaigns of `campaigns.json`: every figure is read from a stored table, so `verify` can recompute it."""

from collections.abc import Mapping, Sequence
from typing import Any

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
    made = (
        _campaign(engine, judged, statements[judged["group"]], known, permissions, settings, sketches)
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


def _campaign(
    engine: Engine,
    judged: dict[str, Any],
    statements: Sequence[dict[str, Any]],
    known: Reference,
    permissions: Sequence[entitlements.Permission],
    settings: CampaignSettings,
    sketches: Mapping[int, str],
) -> campaign.Campaign | None:
    name = judged["campaign_id"]
    facts = engine.query(_FACTS.format(name=name)).to_pylist()[0]
    if not facts["n_exchanges"]:
        return None
    members = _memberships(engine, name)
    licence = entitlements.apply(permissions, _orgs(engine, name), facts["n_exchanges"], facts["last_seen"])
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
        models=_models(engine, name),
        recipes=_recipes(engine, name, facts["n_exchanges"], sketches),
        evidence=tuple(_item(s) for s in sorted(statements, key=lambda s: (-s["counted_bits"], s["detector"]))),
        alternatives=_alternatives(statements, known),
        economics=_economics(facts, settings),
        entitlement=licence,
    )


_FACTS = """
SELECT count(*) AS n_exchanges, min(s.seen_at) AS first_seen, max(s.seen_at) AS last_seen,
       CAST(coalesce(sum(s.prompt_tokens), 0) AS BIGINT) AS prompt_tokens,
       CAST(coalesce(sum(s.completion_tokens), 0) AS BIGINT) AS completion_tokens,
       CAST(coalesce(sum(s.reasoning_tokens), 0) AS BIGINT) AS reasoning_tokens
FROM attributed a JOIN signatures s ON s.row = a.row WHERE a.campaign_id = '{name}'
"""


def _memberships(engine: Engine, name: str) -> campaign.Memberships:
    counts = engine.query(f"SELECT membership, count(*) AS n FROM members WHERE campaign_id = '{name}' GROUP BY membership")
    n = dict(zip(counts["membership"].to_pylist(), counts["n"].to_pylist(), strict=True))
    return campaign.Memberships(n.get("core", 0), n.get("probable", 0), n.get("touched", 0))


def _orgs(engine: Engine, name: str) -> dict[str, str | None]:
    rows = engine.query(
        f"""SELECT a.account_id, max(a.org_id) AS org_id FROM members m JOIN accounts a ON a.account = m.account
        WHERE m.campaign_id = '{name}' AND m.membership <> 'touched' GROUP BY a.account_id ORDER BY a.account_id"""
    )
    return dict(zip(rows["account_id"].to_pylist(), rows["org_id"].to_pylist(), strict=True))


def _models(engine: Engine, name: str) -> tuple[campaign.ModelUse, ...]:
    rows = engine.query(
        f"""SELECT s.model, count(*) AS n FROM attributed a JOIN signatures s ON s.row = a.row
        WHERE a.campaign_id = '{name}' GROUP BY s.model ORDER BY n DESC, s.model"""
    )
    return tuple(campaign.ModelUse(r["model"], r["n"]) for r in rows.to_pylist())


def _recipes(engine: Engine, name: str, n_exchanges: int, sketches: Mapping[int, str]) -> tuple[campaign.RecipeUse, ...]:
    rows = engine.query(
        f"""SELECT a.recipe, r.kind, r.n_fragments, count(*) AS n, count(DISTINCT a.account) AS n_accounts
        FROM attributed a JOIN recipes r ON r.recipe = a.recipe WHERE a.campaign_id = '{name}'
        GROUP BY a.recipe, r.kind, r.n_fragments ORDER BY n DESC, a.recipe LIMIT {MAX_RECIPES}"""
    )
    return tuple(
        campaign.RecipeUse(
            id=pseudonym(r["recipe"]),
            share=min(r["n"] / n_exchanges, 1.0),
            n_accounts=r["n_accounts"],
            shape=_shape(r["kind"], r["n_fragments"]),
            sketch=sketches.get(r["recipe"]),
        )
        for r in rows.to_pylist()
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
