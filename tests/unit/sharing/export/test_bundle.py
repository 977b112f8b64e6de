"""What leaves the house: only ruled-on campaigns, only above the floors, every byte with its reason, nothing of anyone."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.exchanging import Api
from tests.results import a_campaign, a_document

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.records.campaign import Campaign, RecipeUse
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import floors, misp, networks, ocsf, reasons, rulings
from stillwatch.sharing.export.bundle import Content, build, open_case, withdraw
from stillwatch.sharing.export.floors import Benign
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.export.rulings import Ruling
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.taxii import marking, times

AT = datetime(2026, 11, 24, 13, 37, 11, tzinfo=UTC)
EPOCH = Epoch("2026q4", Key(b"e" * 32))
WORDS = [f"w{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
TEMPLATE = " ".join(random.Random(1).sample(WORDS, 30)) + " ⟨…⟩ " + " ".join(random.Random(2).sample(WORDS, 30))
IDENTITY = "identity--9e57a589-35fa-49a2-8a68-1a5df1a71103"
RULING = Ruling("c-000000000001", "confirmed", "Jo Analyst", "stolen cards, resold access", "2026-11-23T09:00:00Z")


@pytest.fixture(scope="module")
def benign() -> Benign:
    """A thousand requests of nobody in particular."""
    rng = random.Random(3)
    return Benign((" ".join(rng.choices(WORDS, k=12)) for _ in range(1_000)), EPOCH)


def campaign(**changes: Any) -> Campaign:
    """A campaign whose recipes have wording to share."""
    recipes = (
        RecipeUse("00000000000000a1", 0.6, 300, "wording", TEMPLATE),
        RecipeUse("00000000000000a2", 0.2, 300, "wording", None),
        RecipeUse("00000000000000a3", 0.1, 4, "wording", TEMPLATE),
        RecipeUse("00000000000000a4", 0.000001, 300, "wording", TEMPLATE),
        RecipeUse("00000000000000a5", 0.05, 300, "wording", " ".join(TEMPLATE.split()[:20])),
    )
    return replace(a_campaign(), recipes=recipes, **changes)


def content(benign: Benign, **changes: Any) -> Content:
    """What of it may leave."""
    kept, _ = floors.templates(campaign(), EPOCH, benign)
    return replace(Content(campaign(), RULING, kept, (), EPOCH.name), **changes)


def publisher(**changes: Any) -> Publisher:
    """A member."""
    return replace(Publisher(IDENTITY, Key(b"m" * 32)), **changes)


def test_recipes_below_a_floor_stay_and_are_named(benign: Benign) -> None:
    """No wording, too few accounts, too few requests, too few words: each with its reason."""
    kept, left = floors.templates(campaign(), EPOCH, benign)

    assert [one.recipe for one in kept] == ["00000000000000a1"]
    assert [one.recipe[-1] for one in left] == ["2", "3", "4", "5"]
    assert [word in one.reason for one, word in zip(left, ("wording", "accounts", "requests", "runs"), strict=True)] == [True] * 4


def test_a_template_that_benign_requests_share_stays() -> None:
    """If bystanders send the same words, the sketch would point at them."""
    rng = random.Random(3)
    texts = [" ".join(rng.choices(WORDS, k=12)) for _ in range(1_000)] + [TEMPLATE]

    kept, left = floors.templates(campaign(), EPOCH, Benign(texts, EPOCH))

    assert kept == []
    assert "benign" in left[0].reason


def test_too_few_benign_texts_are_no_measurement() -> None:
    """A hundred texts cannot tell a common phrase from a rare one."""
    with pytest.raises(ValueError, match="1000"):
        Benign(["four words in here"] * 100, EPOCH)


@pytest.mark.parametrize("ruling", [replace(RULING, decision="cleared"), replace(RULING, campaign_id="c-000000000009")])
def test_only_a_confirmed_campaign_leaves(benign: Benign, ruling: Ruling) -> None:
    """Without a person's ruling on this very campaign nothing is made."""
    with pytest.raises(SharingError, match="ruling"):
        build(content(benign, ruling=ruling), publisher(), AT)


def test_nothing_above_the_floors_is_an_error(benign: Benign) -> None:
    """An empty bundle would say that there is a campaign and nothing to look for."""
    with pytest.raises(SharingError, match="floor"):
        build(content(benign, templates=()), publisher(), AT)


def test_the_bundle_is_made_of_standard_objects(benign: Benign) -> None:
    """Types of STIX 2.1 only; every reference leads to an object of the bundle or to the exchange's identity."""
    bundle = build(content(benign), publisher(), AT)

    kinds = {thing["type"] for thing in bundle["objects"]}
    ids = {thing["id"] for thing in bundle["objects"]}
    assert kinds == {
        "identity",
        "extension-definition",
        "marking-definition",
        "attack-pattern",
        "course-of-action",
        "campaign",
        "indicator",
        "relationship",
        "report",
    }
    for thing in bundle["objects"]:
        refs = [v for k, v in thing.items() if k.endswith("_ref")] + [v for k in thing if k.endswith("_refs") for v in thing[k]]
        assert set(refs) <= ids
    assert all(
        set(thing["object_marking_refs"]) >= {catalogue.TERMS} for thing in bundle["objects"] if thing["type"] == "indicator"
    )


def test_sending_again_is_idempotent_and_later_is_a_version(benign: Benign) -> None:
    """Same day: same bytes. A later day: the same ids and `created`, a later `modified` and validity."""
    first, again = (build(content(benign), publisher(), AT + timedelta(minutes=m)) for m in (0, 60))
    later = build(content(benign), publisher(), AT + timedelta(days=3))

    assert orjson.dumps(first) == orjson.dumps(again)
    assert {one["id"] for one in first["objects"]} == {one["id"] for one in later["objects"]}
    for old, new in zip(first["objects"], later["objects"], strict=True):
        assert old["created"] == new["created"]
    old, new = (next(o for o in b["objects"] if o["type"] == "indicator") for b in (first, later))
    assert (new["modified"], new["valid_until"]) > (old["modified"], old["valid_until"])


def test_ids_tell_nothing_to_whoever_guesses(benign: Benign) -> None:
    """Two members who publish the same template have no id in common but those of constant objects."""
    mine = build(content(benign), publisher(), AT)
    theirs = build(content(benign), publisher(key=Key(b"n" * 32)), AT)

    common = {one["id"] for one in mine["objects"]} & {one["id"] for one in theirs["objects"]}
    assert common == {one["id"] for one in catalogue.everything()} & common | {IDENTITY}
    assert mine["objects"] != theirs["objects"]


def test_every_value_has_a_reason(benign: Benign) -> None:
    """The preview covers each leaf of the bundle, and the reasons join to its bytes."""
    bundle = build(content(benign), publisher(), AT)

    told = reasons.explain(bundle)

    assert {one.object_id for one in told} == {bundle["id"], *(thing["id"] for thing in bundle["objects"])}
    assert all(one.why for one in told)
    indicator = next(thing for thing in bundle["objects"] if thing["type"] == "indicator")
    shown = {one.value for one in told if one.object_id == indicator["id"]}
    assert {indicator["pattern"], indicator["valid_until"], "0.7", "256"} <= shown


@pytest.mark.parametrize(
    "smuggled",
    [
        {"description": "Solve the problem"},
        {"name": "Jane's template"},
        {"labels": ["dx:prompt-template", "gpt"]},
        {"valid_from": "2026-11-24T13:37:11.000Z"},
        {"x_models": ["atlas-2"]},
        {"pattern": "[artifact:x_dx_minhash = 'short']"},
        {"extensions": {catalogue.EXTENSION: {"kind": "prompt-template", "n_accounts": 304}}},
        {"confidence": 93},
    ],
)
def test_what_has_no_reason_does_not_leave(benign: Benign, smuggled: dict[str, Any]) -> None:
    """A property, a value or a precision that the list does not know stops the whole export."""
    bundle = build(content(benign), publisher(), AT)
    indicator = next(thing for thing in bundle["objects"] if thing["type"] == "indicator")
    indicator.update(smuggled)

    with pytest.raises(SharingError, match="no reason"):
        reasons.explain(bundle)


def test_nothing_of_the_campaign_is_in_the_bytes(benign: Benign) -> None:
    """No word of a template, no model, no count, no price, no campaign id, no analyst, no hour, no key."""
    known = campaign()
    raw = orjson.dumps(build(content(benign), publisher(), AT)).decode()

    for word in TEMPLATE.split() + [use.model for use in known.models]:
        assert f" {word} " not in raw
        assert f'"{word}"' not in raw
    for secret in (
        "c-000000000001",
        "Jo Analyst",
        "stolen cards",
        "00000000000000a1",
        "13:37",
        str(known.n_exchanges),
        str(known.n_accounts),
    ):
        assert secret not in raw
    assert (b"m" * 8).decode() not in raw


def test_withdrawing_makes_revoked_versions(benign: Benign) -> None:
    """Every object of the member's own is versioned with `revoked`, constant ones are left alone."""
    bundle = build(content(benign), publisher(), AT)

    gone = withdraw(bundle, AT)

    assert {one["type"] for one in gone["objects"]} == {"campaign", "indicator", "relationship", "report"}
    assert all(one["revoked"] and one["modified"] > one["created"] for one in gone["objects"])
    with pytest.raises(SharingError, match="no bundle"):
        withdraw({"objects": [{}]}, AT)


def test_the_exchange_takes_all_of_it(api: Api, benign: Benign) -> None:
    """What the producer makes, the server admits: bundle, the same again, and its withdrawal."""
    made = build(content(benign), publisher(identity=api.producers["ada"]), datetime.now(UTC))
    known = replace(content(benign), ruling=replace(RULING, at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
    made = build(known, publisher(identity=api.producers["ada"]), datetime.now(UTC))
    for thing in catalogue.everything():
        assert api.post([thing], who="mod").json()["success_count"] == 1, thing["type"]

    first = api.post(made["objects"]).json()
    again = api.post(json.loads(orjson.dumps(made))["objects"]).json()
    gone = api.post(withdraw(made, datetime.now(UTC))["objects"]).json()

    assert "failures" not in first
    assert "failures" not in again
    assert "failures" not in gone
    seen = api.get("objects/", **{"match[type]": "indicator"}).json()["objects"]
    assert [one["revoked"] for one in seen] == [True]


def test_red_never_leaves() -> None:
    """TLP:RED goes to named persons."""
    with pytest.raises(ValueError, match="RED"):
        publisher(tlp=marking.RED)


# ---------------------------------------------------------------- rulings


def test_the_last_ruling_stands_and_all_are_kept(tmp_path: Path) -> None:
    """A later ruling replaces an earlier one; the file keeps both."""
    document = a_document(a_campaign())
    rulings.rule(tmp_path, document, RULING)
    rulings.rule(tmp_path, document, replace(RULING, decision="cleared", reason="a licensed customer"))

    assert rulings.standing(tmp_path)["c-000000000001"].decision == "cleared"
    assert [one.decision for one in rulings.read(tmp_path)] == ["confirmed", "cleared"]
    assert [path.name for path in tmp_path.iterdir()] == ["rulings.json"]


def test_a_ruling_is_about_a_campaign_of_the_results(tmp_path: Path) -> None:
    """An unknown campaign is an error, and nothing is written."""
    with pytest.raises(SharingError, match="no campaign"):
        rulings.rule(tmp_path, a_document(a_campaign()), replace(RULING, campaign_id="c-00000000ffff"))

    assert rulings.standing(tmp_path) == {}


@pytest.mark.parametrize("change", [{"by": " "}, {"reason": ""}, {"decision": "likely"}, {"at": "yesterday"}])
def test_a_ruling_names_who_when_and_why(change: dict[str, str]) -> None:
    """None of them may be empty."""
    with pytest.raises(ValueError, match="ruling"):
        replace(RULING, **change)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"schema_version":"1.0","rulings":[{}]}', b'{"schema_version":"9.0","rulings":[]}']
)
def test_a_damaged_file_of_rulings_is_an_error(tmp_path: Path, raw: bytes) -> None:
    """It is never read as "no rulings"."""
    (tmp_path / "rulings.json").write_bytes(raw)

    with pytest.raises(SharingError, match=r"rulings\.json"):
        rulings.read(tmp_path)


# ---------------------------------------------------------------- networks


def test_networks_stand_in_the_bundle_for_two_weeks(benign: Benign) -> None:
    """As `ip = prefix`, which MISP reads, and with a short validity."""
    known = content(benign, networks=[networks.Network("203.0.113.0/24", 8, 0.0), networks.Network("2001:db8:1::/48", 4, 12.5)])

    made = [o for o in build(known, publisher(), AT)["objects"] if o.get("labels") == ["dx:network"]]

    assert [o["pattern"] for o in made] == ["[ipv4-addr:value = '203.0.113.0/24']", "[ipv6-addr:value = '2001:db8:1::/48']"]
    assert {o["valid_until"] for o in made} == {"2026-12-08T00:00:00.000Z"}
    assert [o["extensions"][catalogue.EXTENSION]["benign_hits_per_million"] for o in made] == [0.0, 12.5]


# ---------------------------------------------------------------- open cases


def test_an_open_case_is_a_grouping_without_anyone(benign: Benign) -> None:
    """Context suspicious-activity, no campaign, no report; networks and tokens are not in it even where they are given."""
    known = content(benign, ruling=None, networks=[networks.Network("203.0.113.0/24", 8, 0.0)])

    made = open_case(known, publisher(), AT)

    kinds = {one["type"] for one in made["objects"]}
    assert "grouping" in kinds
    assert not kinds & {"campaign", "report", "relationship", "sighting"}
    (grouping,) = [one for one in made["objects"] if one["type"] == "grouping"]
    indicators = [one for one in made["objects"] if one["type"] == "indicator"]
    assert grouping["context"] == "suspicious-activity"
    assert {one["id"] for one in indicators} <= set(grouping["object_refs"])
    assert {one["confidence"] for one in [*indicators, grouping]} == {50}
    assert {label for one in indicators for label in one["labels"]} == {"dx:prompt-template"}


def test_a_closed_case_shares_no_id_with_the_open_one(benign: Benign) -> None:
    """So the open objects can be withdrawn on the day on which the confirmed ones come; opening again is idempotent."""
    opened = open_case(content(benign, ruling=None), publisher(), AT)
    again = open_case(content(benign, ruling=None), publisher(), AT + timedelta(hours=3))
    closed = build(content(benign), publisher(), AT)

    constant = {one["id"] for one in catalogue.everything()} | {IDENTITY}
    assert opened == again
    assert not {o["id"] for o in opened["objects"]} & {o["id"] for o in closed["objects"]} - constant
    gone = withdraw(opened, AT)
    assert {one["type"] for one in gone["objects"]} == {"indicator", "grouping"}
    assert all(one["revoked"] for one in gone["objects"])


def test_a_case_is_opened_and_closed_at_an_exchange_on_one_day(api: Api, benign: Benign) -> None:
    """Open, withdraw, report: nothing is refused, and a second campaign of another day's ruling neither."""
    now, me = datetime.now(UTC), publisher(identity=api.producers["ada"])
    ruled = replace(RULING, at=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    earlier = replace(RULING, at=(now - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    for thing in catalogue.everything():
        api.post([thing], who="mod")

    opened = open_case(content(benign, ruling=None), me, now)
    sent = [opened, withdraw(opened, now), build(content(benign, ruling=ruled), me, now)]
    told = [api.post(one["objects"]).json() for one in sent]
    second = [one for one in build(content(benign, ruling=earlier), me, now)["objects"] if one["type"] == "identity"]

    assert [one.get("failures", []) for one in [*told, api.post(second).json()]] == [[], [], [], []]


@pytest.mark.parametrize("form", ["misp", "ocsf"])
def test_an_open_case_says_so_in_other_forms(benign: Benign, tmp_path: Path, form: str) -> None:
    """In a MISP feed an ongoing analysis, in OCSF a finding in progress of medium confidence; nobody has ruled on it."""
    opened = open_case(content(benign, ruling=None), publisher(), datetime.now(UTC))

    if form == "misp":
        name = misp.write(opened, tmp_path / "feed", times.now_us())
        event = json.loads((tmp_path / "feed" / f"{name}.json").read_bytes())["Event"]
        assert event["info"].startswith("Open case DX-")
        assert (event["analysis"], len(event["Attribute"])) == ("1", 1)
        return
    told = json.loads(ocsf.finding(opened, "0.1.0"))
    assert told["finding_info"]["title"].startswith("Open case DX-")
    assert (told["status"], told["confidence"], told["confidence_score"]) == ("In Progress", "Medium", 50)
    assert "no person has ruled" in told["message"]


@pytest.mark.parametrize(
    ("ruling", "changes", "why"),
    [
        (RULING, {}, "the case is closed"),
        (replace(RULING, decision="cleared"), {}, "the case is closed"),
        (None, {"verdict": "watched"}, "not likely"),
    ],
)
def test_only_a_likely_campaign_without_a_ruling_is_a_case(
    benign: Benign, ruling: Ruling | None, changes: dict[str, Any], why: str
) -> None:
    """Confirmed ones are exported, cleared ones stay, watched ones are not sure enough."""
    known = replace(content(benign, ruling=ruling), campaign=campaign(**changes))

    with pytest.raises(SharingError, match=why):
        open_case(known, publisher(), AT)
