"""Which groups are campaigns, and which groups are one campaign."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tests.tables import an_engine, stored

from stillwatch.campaigns import reference
from stillwatch.campaigns.judge import campaign_id, judge
from stillwatch.campaigns.reference import Reference
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.settings import CampaignSettings


def known(benign: np.ndarray, kind: str = "chat") -> Reference:
    """Benign groups whose one detector said this, and campaigns whose detectors said 8 and 6 bits."""
    rows = [
        {"group": i, "kind": kind, "stratum": "community 10-49", "detector": "pool", "family": "pool", "weight_bits": float(b)}
        for i, b in enumerate(benign)
    ]
    rows += [
        {"group": -i, "kind": "campaign", "stratum": "community 10-49", "detector": d, "family": d, "weight_bits": b}
        for i in range(1, 30)
        for d, b in (("pool", 8.0), ("timing", 6.0))
    ]
    return Reference("shipped", pa.Table.from_pylist(rows, schema=reference.SCHEMA))


QUIET = known(np.random.default_rng(1).normal(-6, 1, 300))


def judged(
    tmp_path: Path,
    groups: Mapping[int, tuple[Sequence[int], dict[str, float]]],
    ref: Reference = QUIET,
    tokens: dict[int, list[int]] | None = None,
    worded: dict[int, int] | None = None,
    origin: str = "community",
    **sizes: int,
) -> DuckDBEngine:
    """Groups (members, what each detector said) judged by default settings; `worded`: group -> exchanges
    of the log that are worded as its 300 are."""
    sent = {g: range(1000 * g, 1000 * g + 300) for g in worded or {}}
    engine = stored(
        an_engine(tmp_path),
        groups=[
            {
                "group": g,
                "origin": origin,
                "told_by": "wording",
                "n_accounts": len(m),
                "n_exchanges": sizes.get("n_exchanges", 300),
            }
            for g, (m, _) in sorted(groups.items())
        ],
        group_accounts=[{"group": g, "account": a} for g, (m, _) in groups.items() for a in m],
        group_exchanges=[{"group": g, "row": row} for g, rows in sent.items() for row in rows],
        uses=[{"row": row, "recipe": g} for g, rows in sent.items() for row in rows],
        recipes=[{"recipe": g, "n_requests": n} for g, n in (worded or {}).items()],
        group_tokens=[{"group": g, "kind": "bundle", "token": t} for g, held in (tokens or {}).items() for t in held],
        evidence=[
            {"group": g, "detector": d, "family": d, "weight_bits": b} for g, (_, said) in groups.items() for d, b in said.items()
        ],
    )
    judge(engine, CampaignSettings(), ref)
    return engine


def campaigns(engine: DuckDBEngine) -> list[dict[str, Any]]:
    """Rows of CAMPAIGNS."""
    return engine.query("SELECT * FROM campaigns").to_pylist()


def joined(tmp_path: Path) -> set[int]:
    """Groups that are part of a campaign."""
    return set(an_engine(tmp_path).query('SELECT "group" FROM campaign_groups')["group"].to_pylist())


GUILTY = {"pool": 8.0, "timing": 6.0}
INNOCENT = {"pool": -6.0, "timing": -1.0}


def test_two_strong_families_are_likely(tmp_path: Path) -> None:
    """A group far above every benign one, by two families, is a likely campaign; ordinary groups are none."""
    engine = judged(tmp_path, {1: (range(40), GUILTY), 2: (range(100, 140), INNOCENT)})

    (found,) = campaigns(engine)

    assert (found["group"], found["verdict"], found["score_bits"], found["n_families"]) == (1, "likely", 14.0, 2)
    assert found["p_value"] < 1e-3
    assert found["campaign_id"] == campaign_id(1)
    assert (found["reference"], found["stratum"]) == ("shipped", "community 10-49")


def test_one_family_is_never_enough(tmp_path: Path) -> None:
    """However strong, one kind of evidence is only watched."""
    (found,) = campaigns(judged(tmp_path, {1: (range(40), {"pool": 30.0})}))

    assert found["verdict"] == "watched"


def test_a_group_too_small_is_not_judged(tmp_path: Path) -> None:
    """Fewer than 20 accounts or 250 exchanges are never reported."""
    few_accounts = judged(tmp_path / "a", {1: (range(19), GUILTY)})
    few_exchanges = judged(tmp_path / "b", {1: (range(40), GUILTY)}, n_exchanges=249)

    assert campaigns(few_accounts) == campaigns(few_exchanges) == []


def test_a_benign_explanation_that_fits_better_holds_the_verdict_down(tmp_path: Path) -> None:
    """Evidence that a benign kind explains better than a campaign does is never more than watched."""
    strong_harness = known(np.full(300, 2.0) + np.random.default_rng(2).normal(0, 0.2, 300), "eval_harness")
    engine = judged(tmp_path, {1: (range(40), {"pool": 3.1, "timing": 3.1})}, strong_harness)

    assert [c["verdict"] for c in campaigns(engine)] in (["watched"], [])


def test_overlapping_groups_are_one_campaign(tmp_path: Path) -> None:
    """Groups that share half of the smaller one's accounts are one campaign; the smallest near the best score stands for it."""
    engine = judged(
        tmp_path,
        {
            1: (range(60), {"pool": 8.0, "timing": 6.5}),
            2: (range(30), GUILTY),
            3: (range(200, 230), {"pool": 8.0, "timing": 5.5}),
        },
    )

    found = campaigns(engine)
    parts = engine.query('SELECT campaign_id, "group" FROM campaign_groups ORDER BY "group"').to_pylist()

    assert [c["group"] for c in found] == [2, 3]
    assert [p["campaign_id"] for p in parts] == [found[0]["campaign_id"], found[0]["campaign_id"], found[1]["campaign_id"]]


def test_recipes_dealt_out_to_a_large_fleet_are_one_campaign(tmp_path: Path) -> None:
    """Each recipe by some of the fleet: a quarter in common is far more than by chance, though nobody holds another's half."""
    deal = np.random.default_rng(4)
    fleet = {g: (sorted(deal.choice(800, 220, replace=False).tolist()), GUILTY) for g in range(1, 9)}
    everybody = {100: (list(range(800, 8_000)), INNOCENT)}

    (found,) = campaigns(judged(tmp_path / "of a large log", fleet | everybody))
    alone = campaigns(judged(tmp_path / "all there is", fleet))

    assert found["verdict"] == "likely"
    assert len(alone) > 1, "among 800 accounts in all, as much is shared by chance"


def test_fragments_that_run_the_same_recipes_are_one_campaign(tmp_path: Path) -> None:
    """Groups without a common account are one campaign where they share half of what tells them."""
    groups = {1: (range(30), GUILTY), 2: (range(30, 60), GUILTY), 3: (range(60, 90), GUILTY)}

    found = campaigns(judged(tmp_path, groups, tokens={1: [7, 8, 9], 2: [8, 9], 3: [70]}))

    assert len(found) == 2


def test_two_campaigns_in_one_bag_stay_two(tmp_path: Path) -> None:
    """A group that holds two strangers does not make them one campaign, and is none itself."""
    groups = {1: (range(30), GUILTY), 2: (range(30, 60), GUILTY), 3: (range(60), GUILTY)}

    found = campaigns(judged(tmp_path, groups, tokens={1: [7], 2: [8], 3: [7, 8]}))

    assert [c["group"] for c in found] == [1, 2] or [c["group"] for c in found] == [2, 1]


def test_half_of_two_campaigns_in_one_bag_joins_them_no_more_than_all(tmp_path: Path) -> None:
    """A group that holds two thirds of each of two campaigns, neither better told than it, is none and joins none."""
    bag = (range(10, 50), {"pool": 7.0, "timing": 6.0})

    rows = campaigns(judged(tmp_path, {1: (range(30), GUILTY), 2: (range(30, 60), GUILTY), 3: bag}))

    assert {r["group"] for r in rows} == {1, 2}


def test_a_weak_part_makes_no_bag_of_a_campaign(tmp_path: Path) -> None:
    """A group is not left out for a second part that tells far less than it does: that is chance, and no other campaign."""
    weak = (range(38, 68), {"pool": 3.0, "timing": 3.0})

    rows = campaigns(judged(tmp_path, {1: (range(22), GUILTY), 2: (range(60), GUILTY), 3: weak}))

    assert [r["n_families"] for r in rows] == [2]
    assert joined(tmp_path) >= {1, 2}


def test_two_campaigns_are_not_joined_by_one_pair_of_groups_that_shares_hosts(tmp_path: Path) -> None:
    """Two sets of groups without a common account, of whose four pairs one shares half of what tells it, stay two campaigns."""
    groups = {1: (range(40), GUILTY), 2: (range(30), GUILTY), 3: (range(50, 90), GUILTY), 4: (range(50, 80), GUILTY)}
    tokens = {1: [1, 2, 3, 4], 2: [5, 6, 7, 8], 3: [1, 2, 9, 10], 4: [11, 12, 13, 14]}

    assert len(campaigns(judged(tmp_path, groups, tokens=tokens))) == 2
    assert len(campaigns(judged(tmp_path, groups, tokens=tokens | {4: [1, 2, 5, 6]}))) == 1


def test_a_group_that_tells_half_as_much_as_the_best_is_no_source_of_members(tmp_path: Path) -> None:
    """Attribution begins from the groups that tell: one that scores less than half of the strongest holds more strangers."""
    weak = (range(20, 60), {"pool": 3.3, "timing": 3.3})

    judged(tmp_path, {1: (range(40), GUILTY), 2: weak})

    assert joined(tmp_path) == {1}


def test_strangers_beside_a_campaign_are_not_named_with_it(tmp_path: Path) -> None:
    """A group that scores less than a part of itself holds strangers: it is no part of the campaign, and none itself."""
    groups = {1: (range(30), {"pool": 8.0, "timing": 6.5}), 2: (range(70), {"pool": 6.0, "timing": 4.0})}

    engine = judged(tmp_path, groups, worded={1: 300})

    assert [c["group"] for c in campaigns(engine)] == [1]
    assert engine.query('SELECT "group" FROM campaign_groups')["group"].to_pylist() == [1]


def test_a_slice_of_one_wording_does_not_push_the_rest_of_it_out(tmp_path: Path) -> None:
    """Thirty of seventy accounts that send one template score more than all: the others send it too, and are no strangers."""
    groups = {1: (range(30), {"pool": 8.0, "timing": 6.5}), 2: (range(70), {"pool": 6.0, "timing": 4.0})}

    engine = judged(tmp_path, groups, worded={1: 900})

    assert engine.query('SELECT "group" FROM campaign_groups ORDER BY "group"')["group"].to_pylist() == [1, 2]


def test_a_crowd_of_twins_does_not_hide_a_campaign(tmp_path: Path) -> None:
    """Ten more groups that do just the same leave the verdict as it was."""
    alone = campaigns(judged(tmp_path / "a", {1: (range(40), GUILTY)}))
    crowd = campaigns(judged(tmp_path / "b", {g: (range(100 * g, 100 * g + 40), GUILTY) for g in range(1, 12)}))

    assert alone[0]["verdict"] == "likely"
    assert [c["verdict"] for c in crowd] == ["likely"] * 11
    assert {c["p_value"] for c in crowd} == {alone[0]["p_value"]}


def test_no_group_is_no_campaign(tmp_path: Path) -> None:
    """A log without candidates is judged without one."""
    assert campaigns(judged(tmp_path, {})) == []


def test_a_fleet_of_weak_groups_does_not_hide_a_campaign(tmp_path: Path) -> None:
    """Three hundred recipes of one fleet that look suspicious are no tests of nothing; three hundred ordinary groups are."""
    told = {"pool": 4.2, "timing": 3.2}
    hundreds = {
        kind: {1: (range(30), told)} | {g: (range(100 * g, 100 * g + 25), said) for g in range(2, 302)}
        for kind, said in (("fleet", {"pool": -3.2}), ("ordinary", INNOCENT))
    }
    ref = known(np.random.default_rng(1).normal(-6, 1.6, 300))

    first = {kind: campaigns(judged(tmp_path / kind, groups, ref))[0] for kind, groups in hundreds.items()}

    assert first["fleet"]["q_value"] < first["ordinary"]["q_value"] / 5
    assert first["fleet"]["p_value"] == first["ordinary"]["p_value"]


def test_fragments_of_one_campaign_are_no_licence_for_another(tmp_path: Path) -> None:
    """Twenty fragments that share a fifth of their accounts count as one finding: a weak group's q is not lowered by them."""
    weak = {100: (range(5_000, 5_030), {"pool": 4.2, "timing": 3.2})}
    ordinary = {g: (range(100 * g, 100 * g + 30), INNOCENT) for g in range(200, 240)}
    fragments = {g: ([*range(6), *range(30 * g, 30 * g + 24)], GUILTY) for g in range(1, 21)}
    ref = known(np.random.default_rng(1).normal(-6, 1.6, 300))

    one = campaigns(judged(tmp_path / "one", {**weak, **ordinary, 1: fragments[1]}, ref))
    many = campaigns(judged(tmp_path / "many", {**weak, **ordinary, **fragments}, ref))
    q_one, q_many = (next(float(c["q_value"]) for c in found if c["group"] == 100) for found in (one, many))

    assert len(many) > 10, "they are too little alike to be reported as one"
    assert 0.8 * q_one < q_many


def test_what_two_fleets_both_use_does_not_make_one_of_them(tmp_path: Path) -> None:
    """A common sentence that some of each of two large fleets send is left out; without it there would be one campaign."""
    deal = np.random.default_rng(5)
    first = {g: (sorted(deal.choice(600, 300, replace=False).tolist()), GUILTY) for g in range(1, 5)}
    second = {g: (sorted((1_000 + deal.choice(600, 300, replace=False)).tolist()), GUILTY) for g in range(5, 9)}
    common = {50: ([*range(0, 600, 3), *range(1_000, 1_600, 3)], GUILTY)}
    everybody = {100: (list(range(2_000, 9_000)), INNOCENT)}

    found = campaigns(judged(tmp_path, {**first, **second, **common, **everybody}, origin="recipe"))

    assert [c["verdict"] for c in found] == ["likely", "likely"]
    assert joined(tmp_path) == {*first, *second}


def test_parts_of_the_graph_share_nobody_and_are_one_campaign_all_the_same(tmp_path: Path) -> None:
    """Two communities share no account by construction: a recipe that runs in both is no bag of two fleets."""
    groups = {
        1: (range(200), GUILTY),
        2: (range(200, 400), GUILTY),
        3: ([*range(60), *range(200, 260), *range(600, 680)], GUILTY),
    }

    (found,) = campaigns(judged(tmp_path, {**groups, 100: (range(2_000, 9_000), INNOCENT)}))

    assert found["verdict"] == "likely"


def test_who_belongs_to_a_group_that_looks_benign_is_cleared(tmp_path: Path) -> None:
    """Forty pupils are in a group of the campaign, and their class speaks for them; ten of fifty are too few."""
    campaign = {1: (range(100), GUILTY)}
    pupils = {2: (range(60, 100), {"pool": -6.0})}
    chat = {3: ([*range(10), *range(500, 540)], {"pool": -6.0}), 4: (range(20, 60), {"pool": -1.0})}

    engine = judged(tmp_path, {**campaign, **pupils, **chat})

    assert engine.query("SELECT account FROM cleared ORDER BY account")["account"].to_pylist() == list(range(60, 100))


def test_of_what_is_watched_the_strongest_are_told(tmp_path: Path) -> None:
    """Thirty groups that one family speaks for: the twenty strongest are told, beside the one that is likely."""
    weak = {g: (range(30 * g, 30 * g + 30), {"pool": 7.0 + 0.1 * g}) for g in range(1, 31)}

    found = campaigns(judged(tmp_path, {**weak, 100: (range(2_000, 2_030), GUILTY)}))

    assert [c["group"] for c in found] == [100, *range(30, 10, -1)]
    assert [c["verdict"] for c in found] == ["likely", *["watched"] * 20]


def test_all_groups_may_be_watched(tmp_path: Path) -> None:
    """At a rate of one, groups that were held against no other are watched beside one that was."""
    groups = {1: (range(30), GUILTY), 2: (range(100, 130), {"pool": 4.0}), 3: (range(200, 230), {"pool": 4.0})}
    engine = judged(tmp_path, groups, known(np.random.default_rng(3).normal(5.0, 0.5, 300)))

    table = judge(engine, CampaignSettings(watch_q=1.0), known(np.random.default_rng(3).normal(5.0, 0.5, 300)))

    assert sorted(table["group"].to_pylist()) == [1, 2, 3]
