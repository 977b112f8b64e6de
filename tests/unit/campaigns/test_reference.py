"""The benign groups that scores are held against."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tables import a_table

from stillwatch.campaigns import reference
from stillwatch.campaigns.reference import Reference, Summary
from stillwatch.campaigns.score import FROM_OUTSIDE
from stillwatch.errors import SettingsError
from stillwatch.evidence import DETECTORS
from stillwatch.records import tables
from stillwatch.settings import CampaignSettings, Settings, with_changes


def rows(*told: tuple[int, str, str, str, float]) -> pa.Table:
    """Reference rows: group, kind, stratum, detector, weight; one family a detector."""
    names = ("group", "kind", "stratum", "detector", "weight_bits")
    return pa.Table.from_pylist([{**dict(zip(names, t, strict=True)), "family": t[3]} for t in told], schema=reference.SCHEMA)


KNOWN = Reference(
    "shipped",
    rows(
        (1, "app", "template 10-49", "a", -3.0),
        (1, "app", "template 10-49", "b", -1.0),
        (2, "chat", "community 300+", "a", 2.0),
        (3, "campaign", "template 10-49", "a", 9.0),
    ),
)


def test_benign_scores_come_by_stratum() -> None:
    """Scores of benign groups only, by stratum, from the detectors that ran."""
    assert {k: v.tolist() for k, v in KNOWN.benign(frozenset({"a", "b"})).items()} == {
        "template 10-49": [-4.0],
        "community 300+": [2.0],
    }
    assert {k: v.tolist() for k, v in KNOWN.benign(frozenset({"b"})).items()} == {"template 10-49": [-1.0]}


def test_weights_come_by_kind() -> None:
    """How a detector speaks about one kind; campaigns are one of them."""
    assert KNOWN.weights("campaign", "a").tolist() == [9.0]
    assert KNOWN.summary("campaign", "a") == KNOWN.summary("campaign", "a") == Summary(1, 9.0, 9.0, 9.0)
    assert KNOWN.summary("campaign", "no such") == Summary(0, 0.0, 0.0, 0.0)
    assert (KNOWN.kinds, KNOWN.n_benign) == (("app", "chat"), 2)


def labelled(kinds: Sequence[str], settings: CampaignSettings) -> list[str]:
    """Kinds of reference rows for one group whose accounts are of these kinds."""
    evidence = a_table(tables.EVIDENCE, [{"group": 1, "detector": "a", "family": "f"}])
    groups = a_table(tables.GROUPS, [{"group": 1, "origin": "recipe", "n_accounts": len(kinds), "n_exchanges": 300}])
    members = a_table(tables.GROUP_ACCOUNTS, [{"group": 1, "account": n} for n in range(len(kinds))])
    found = reference.labelled(evidence, groups, members, dict(enumerate(kinds)), 0, settings)
    return found["kind"].to_pylist()


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["app"] * 30, ["app"]),
        (["app"] * 15 + ["chat"] * 15, ["mixed"]),
        (["campaign"] * 15 + ["chat"] * 15, ["campaign"]),
        (["campaign"] * 5 + ["chat"] * 25, []),
        (["campaign"] + ["chat"] * 29, ["chat"]),
        (["app"] * 10, []),
    ],
)
def test_a_group_is_of_the_kind_that_most_of_it_is(kinds: list[str], told: list[str]) -> None:
    """Half harvesters make a campaign; some make it unfit as benign; too small groups are never tested and not kept."""
    assert labelled(kinds, CampaignSettings()) == told


def test_the_shipped_reference_can_hold_every_stratum() -> None:
    """The package's own reference has hundreds of benign groups, campaigns, and every detector of one's own log."""
    shipped = reference.shipped()
    own = [d.name for d in DETECTORS if d.family not in FROM_OUTSIDE]

    assert shipped.n_benign >= 500
    assert {"app", "chat", "classroom", "eval_harness", "framework", "organisation"} <= set(shipped.kinds)
    assert set(own) == set(shipped.rows["detector"].to_pylist())
    assert all(len(shipped.weights("campaign", name)) >= 20 for name in own)


def test_an_own_reference_must_be_large_enough(tmp_path: Path) -> None:
    """An operator's file is used from the asked number of benign groups on; another file is told."""
    pq.write_table(KNOWN.rows, tmp_path / "own.parquet")
    (tmp_path / "text").write_text("no")

    assert reference.own(tmp_path / "own.parquet", 2).source == "own"
    with pytest.raises(SettingsError, match=r"only 2 benign groups, and campaigns\.own_reference_groups asks for 200"):
        reference.own(tmp_path / "own.parquet", 200)
    with pytest.raises(SettingsError, match="no reference of Stillwatch"):
        reference.own(tmp_path / "text", 2)


def test_the_settings_choose(tmp_path: Path) -> None:
    """The shipped reference, unless the settings name another; what was used is kept and found again."""
    pq.write_table(KNOWN.rows, tmp_path / "own.parquet")
    settings = with_changes(Settings(), campaigns={"own_reference": tmp_path / "own.parquet", "own_reference_groups": 2})

    chosen = reference.chosen(settings.campaigns)
    reference.save(chosen, tmp_path / "kept.parquet")

    assert reference.chosen(CampaignSettings()).source == "shipped"
    assert reference.saved(tmp_path / "kept.parquet").source == chosen.source == "own"
    assert reference.saved(tmp_path / "kept.parquet").rows.equals(chosen.rows)


def test_strata_are_origin_and_size() -> None:
    """Recipes and families are templates; sizes fall into three bins, the last one open."""
    assert [reference.stratum("recipe", n) for n in (3, 10, 49, 50, 299, 300, 10**6)] == [
        "template 10-49",
        "template 10-49",
        "template 10-49",
        "template 50-299",
        "template 50-299",
        "template 300+",
        "template 300+",
    ]
