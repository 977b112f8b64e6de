"""Opinions on peers' objects, and sightings of what a campaign hit of theirs: a word, a bucket, and nothing of anyone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import Api, indicator, later, marked
from tests.results import a_campaign
from tests.tables import NOON, an_engine, stored
from tests.unit.sharing.export.test_bundle import AT, IDENTITY, RULING, publisher

from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import peers, reasons
from stillwatch.sharing.export.bundle import Content, build, withdraw
from stillwatch.sharing.export.contracts import Contract
from stillwatch.sharing.export.opinion import opinions
from stillwatch.sharing.taxii import marking
from stillwatch.sharing.taxii.admission import OPINIONS

PEERS = "indicator--8f3a1d2c-0000-4000-8000-0000000000aa"
CAMPAIGN = "c-000000000001"


def test_an_opinion_is_a_word_and_a_reference() -> None:
    """No explanation; the same opinion again is the same object, another day's a later version of it."""
    made = opinions("disagree", [PEERS, PEERS], publisher(), AT)
    next_day = opinions("agree", [PEERS], publisher(), AT + timedelta(days=1))

    (thing,) = made["objects"]
    assert (thing["opinion"], thing["object_refs"], thing["created_by_ref"]) == ("disagree", [PEERS], IDENTITY)
    assert set(thing) == {
        *("type", "spec_version", "id", "created_by_ref", "created", "modified"),
        *("opinion", "object_refs", "object_marking_refs"),
    }
    assert opinions("disagree", [PEERS], publisher(), AT + timedelta(hours=5)) == made
    assert next_day["objects"][0]["id"] == thing["id"]
    assert next_day["objects"][0]["modified"] > thing["modified"]
    assert next_day["objects"][0]["created"] == thing["created"]  # STIX 2.1, section 3.2: no version changes it
    assert {one.path for one in reasons.explain(made)} >= {"opinion", "object_refs"}


@pytest.mark.parametrize(
    ("word", "name"),
    [("angry", PEERS), ("", PEERS), ("agree", "jane"), ("agree", IDENTITY), ("agree", PEERS.upper()), ("agree", f"{PEERS} x")],
)
def test_what_is_no_opinion_is_refused(word: str, name: str) -> None:
    """Another word than the five of STIX, something that is no id, or an identity: nobody has opinions on members."""
    with pytest.raises(SharingError) as told:
        opinions(word, [name], publisher(), AT)

    assert "jane" not in str(told.value)


@pytest.mark.parametrize("word", OPINIONS)
def test_an_exchange_takes_each_word_and_counts_it(api: Api, word: str) -> None:
    """Sent as it is; agreement of a second member makes actionable, anything else does not."""
    thing = api.indicator()
    api.post([thing])
    now = datetime.now(UTC)
    made = opinions(word, [thing["id"]], publisher(identity=api.producers["ben"]), now)
    for constant in catalogue.everything():
        api.post([constant], who="mod")

    told = api.post(made["objects"], who="ben").json()
    wanted = api.post([later(thing, 60, labels=["dx:actionable"])]).json()

    assert told["success_count"] == 1, told
    assert wanted["success_count"] == (1 if word.endswith("agree") and "dis" not in word else 0)


def test_an_opinion_may_be_no_freer_than_what_it_is_on(api: Api) -> None:
    """A green word on an amber object would tell green readers of it."""
    thing = api.indicator()
    api.post([thing])
    made = opinions("agree", [thing["id"]], publisher(identity=api.producers["ben"], tlp=marking.GREEN), datetime.now(UTC))

    told = api.post(made["objects"], who="ben").json()

    assert "strict" in told["failures"][0]["message"]
    assert made["objects"][0]["object_marking_refs"][0] == marked(marking.GREEN)[0]


def test_opinions_can_be_withdrawn() -> None:
    """By the same command as all else."""
    (gone,) = withdraw(opinions("agree", [PEERS], publisher(), AT), AT)["objects"]

    assert gone["revoked"] is True


# ---------------------------------------------------------------- sightings in the export


def a_store(root: Path, n_core: int, indicator_id: str = PEERS) -> Path:
    """A store in which core accounts, a probable one and a stranger hit a peer's indicator, twenty times each."""
    accounts = [*range(n_core), 100, 200]
    rows = [(i * 20 + j, account) for i, account in enumerate(accounts) for j in range(20)]
    with an_engine(root) as engine:
        stored(
            engine,
            signatures=[{"row": r, "account": a, "seen_at": NOON + timedelta(hours=r)} for r, a in rows],
            members=[
                *({"account": a, "campaign_id": CAMPAIGN, "membership": "core"} for a in range(n_core)),
                {"account": 100, "campaign_id": CAMPAIGN, "membership": "probable"},
            ],
            attributed=[{"row": r, "account": a, "campaign_id": CAMPAIGN} for r, a in rows if a != 200],
            peer_hits=[{"row": r, "indicator_id": indicator_id, "kind": "template"} for r, _ in rows],
        )
    return root


def exported(root: Path) -> list[dict[str, Any]]:
    """The sightings in an export of the campaign."""
    content = Content(
        a_campaign(),
        RULING,
        (),
        (),
        "2026q4",
        contracts=[Contract("00000000000000ff", 16, 7, 0.0)],
        sightings=peers.seen(root, CAMPAIGN),
    )
    return [one for one in build(content, publisher(), AT)["objects"] if one["type"] == "sighting"]


def test_what_a_campaign_hit_of_peers_is_told_in_the_export(tmp_path: Path) -> None:
    """Its core accounts alone, in powers of two and whole days; the report refers to it."""
    found = peers.seen(a_store(tmp_path, 6), CAMPAIGN)

    (told,) = exported(tmp_path)

    assert (len(found[PEERS].accounts), found[PEERS].n_exchanges) == (6, 120)
    assert (told["sighting_of_ref"], told["count"]) == (PEERS, 64)
    assert told["first_seen"] == "2026-09-01T00:00:00.000Z"
    assert told["created_by_ref"] == IDENTITY


def test_few_accounts_and_ones_own_indicators_are_no_sighting(tmp_path: Path) -> None:
    """Four accounts stay at home; what one published oneself is not seen by a second member."""
    content = Content(a_campaign(), RULING, (), (), "2026q4", contracts=[Contract("00000000000000ff", 16, 7, 0.0)])
    own = next(one["id"] for one in build(content, publisher(), AT)["objects"] if one["type"] == "indicator")

    assert exported(a_store(tmp_path / "few", 4)) == []
    assert exported(a_store(tmp_path / "own", 6, own)) == []
    assert peers.seen(tmp_path / "none", CAMPAIGN) == {}
    assert indicator()["id"] not in peers.seen(tmp_path / "few", CAMPAIGN)
