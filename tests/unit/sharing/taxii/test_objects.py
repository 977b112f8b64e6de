"""What one member may see and do with objects of others: markings, ends, quorum, quarantine, quotas, expiry."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from tests.exchanging import Api, indicator, later, marked

from stillwatch.sharing.taxii import marking, times
from stillwatch.sharing.taxii.members import Limits
from stillwatch.sharing.taxii.objects import Objects


def joined(api: Api, source: str, target: str, who: str = "ada", **changes: Any) -> dict[str, Any]:
    """A relationship of a member."""
    thing = {k: v for k, v in api.indicator(who).items() if k in ("spec_version", "created", "modified", "created_by_ref")}
    return (
        thing
        | {
            "type": "relationship",
            "id": f"relationship--{uuid.uuid4()}",
            "relationship_type": "related-to",
            "source_ref": source,
            "target_ref": target,
        }
        | changes
    )


def voice(api: Api, who: str, about: str, opinion: str | None) -> dict[str, Any]:
    """A sighting or an opinion of a member."""
    thing = {k: v for k, v in api.indicator(who).items() if k in ("spec_version", "created", "modified", "created_by_ref")}
    if opinion is None:
        return thing | {"type": "sighting", "id": f"sighting--{uuid.uuid4()}", "sighting_of_ref": about, "count": 8}
    return thing | {"type": "opinion", "id": f"opinion--{uuid.uuid4()}", "opinion": opinion, "object_refs": [about]}


# ---------------------------------------------------------------- markings


def test_one_sees_ones_own_whatever_its_marking(api: Api) -> None:
    """Clearance bounds what others published, not what one published oneself."""
    api.members.change(replace(api.members.get("ada"), clearance=marking.CLEAR))
    thing = api.indicator()
    api.post([thing])

    assert api.ids(api.get("objects/")) == [thing["id"]]


def test_no_marking_is_amber_strict_and_the_strictest_wins(api: Api) -> None:
    """Silence is not consent; two markings bind as the stricter one."""
    for level, seen in ((marking.CLEAR, 0), (marking.GREEN, 0), (marking.AMBER, 0), (marking.AMBER_STRICT, 2)):
        api.members.change(replace(api.members.get("green"), clearance=level))
        if level == marking.CLEAR:
            api.post([api.indicator(), api.indicator(object_marking_refs=marked(marking.CLEAR) + marked(marking.AMBER_STRICT))])
        assert len(api.ids(api.get("objects/", who="green"))) == seen


def test_a_relationship_is_at_least_as_strict_as_its_ends(api: Api) -> None:
    """It would tell of what it joins; wherever it stands in the batch."""
    strict, open_ = api.indicator(), api.indicator(object_marking_refs=marked(marking.GREEN))
    loose = joined(api, strict["id"], open_["id"], object_marking_refs=marked(marking.GREEN))

    answer = api.post([loose, strict, open_]).json()

    assert [f["id"] for f in answer["failures"]] == [loose["id"]]
    assert "strict" in answer["failures"][0]["message"]


def test_a_relationship_hides_when_an_end_becomes_stricter(api: Api) -> None:
    """Raising the marking of an end is a new version; what joins it is invisible from then on."""
    green: dict[str, Any] = {"object_marking_refs": marked(marking.GREEN)}
    one, two = api.indicator(**green), api.indicator(**green)
    link = joined(api, one["id"], two["id"], **green)
    api.post([one, two, link])
    before = set(api.ids(api.get("objects/", who="green")))

    api.post([later(two, 60, object_marking_refs=marked(marking.AMBER_STRICT))])

    assert before == {one["id"], two["id"], link["id"]}
    assert api.ids(api.get("objects/", who="green")) == [one["id"]]


def test_ends_that_are_elsewhere_hide_nothing(api: Api) -> None:
    """A link to an object of a public catalogue is as visible as it says."""
    link = joined(api, f"campaign--{uuid.uuid4()}", f"attack-pattern--{uuid.uuid4()}", object_marking_refs=marked(marking.GREEN))
    api.post([link])

    assert api.ids(api.get("objects/", who="green")) == [link["id"]]


def test_only_the_owner_or_a_moderator_deletes(api: Api) -> None:
    """Visible to another: 403; invisible to another: 404."""
    thing = api.indicator()
    api.post([thing])
    address = f"objects/{thing['id']}/"

    assert api.request("DELETE", address, who="ben").status_code == 403
    assert api.request("DELETE", address, who="green").status_code == 403  # cannot write here at all
    assert api.request("DELETE", address, who="mod").status_code == 200


# ---------------------------------------------------------------- quorum


@pytest.mark.parametrize(
    ("voices", "granted"),
    [
        ((), False),
        ((("ada", None),), False),
        ((("ada", "agree"),), False),
        ((("ben", None),), True),
        ((("ben", "agree"),), True),
        ((("ben", "strongly-agree"), ("mod", "disagree")), True),
        ((("ben", "disagree"),), False),
        ((("ben", "neutral"),), False),
    ],
)
def test_actionable_takes_a_second_member(api: Api, voices: tuple[tuple[str, str | None], ...], granted: bool) -> None:
    """The label is accepted once another member has seen it or agrees, and more are for it than against it."""
    thing = api.indicator()
    api.post([thing])
    for who, opinion in voices:
        assert api.post([voice(api, who, thing["id"], opinion)], who=who).json()["success_count"] == 1

    answer = api.post([later(thing, 60, labels=["dx:actionable"])]).json()

    assert answer["success_count"] == int(granted)


# ---------------------------------------------------------------- quarantine


def test_what_a_new_member_sends_waits(api: Api) -> None:
    """Its status is pending, and nobody sees it."""
    thing = api.indicator("new")

    told = api.post([thing, {}], who="new").json()

    assert (told["status"], told["pending_count"], told["failure_count"]) == ("pending", 1, 1)
    assert told["pendings"] == [{"id": thing["id"], "version": thing["modified"]}]
    assert all(api.ids(api.get("objects/", who=who)) == [] for who in ("ada", "new", "mod"))


def test_accepting_publishes_with_a_stamp_of_now(api: Api) -> None:
    """Pollers that have long passed the time of sending still get it, and the status becomes complete."""
    thing = api.indicator("new")
    waiting = api.post([thing, {}], who="new").json()
    api.post([api.indicator()])
    seen = api.get("objects/").headers["x-taxii-date-added-last"]

    told = Objects(api.database).review(waiting["id"], api.members.get("new"), api.collection, accept=True, moderator="operator")

    assert (told["status"], told["success_count"], told["failure_count"]) == ("complete", 1, 1)
    assert api.ids(api.get("objects/", added_after=seen)) == [thing["id"]]
    assert api.get(f"/api/status/{waiting['id']}/", who="new").json() == told


def test_rejecting_tells_the_sender(api: Api) -> None:
    """Nothing is published, and the status says why."""
    waiting = api.post([api.indicator("new")], who="new").json()

    Objects(api.database).review(waiting["id"], api.members.get("new"), api.collection, accept=False, moderator="operator")

    told = api.get(f"/api/status/{waiting['id']}/", who="new").json()
    assert "moderator" in told["failures"][0]["message"]
    assert api.ids(api.get("objects/")) == []


# ---------------------------------------------------------------- limits


def test_requests_over_the_limit_are_429_and_say_when(api: Api) -> None:
    """Reads and writes have buckets of their own, a key each."""
    api.members.change(replace(api.members.get("ada"), limits=Limits(2, 1, 0)))

    reads = [api.get("objects/") for _ in range(3)]
    writes = [api.post([api.indicator()]) for _ in range(2)]

    assert [r.status_code for r in reads] == [200, 200, 429]
    assert [w.status_code for w in writes] == [202, 429]
    assert 1 <= int(reads[2].headers["retry-after"]) <= 60
    assert api.get("objects/", who="ben").status_code == 200


def test_the_days_quota_of_objects(api: Api) -> None:
    """What would exceed it is refused whole; what fits still fits."""
    api.members.change(replace(api.members.get("ada"), limits=Limits(0, 0, 3)))

    counts = [api.post([api.indicator() for _ in range(n)]).status_code for n in (2, 2, 1, 1)]

    assert counts == [202, 429, 202, 429]
    assert len(api.ids(api.get("objects/"))) == 3


def test_guessing_keys_is_slowed_down(api: Api) -> None:
    """After a minute's worth of wrong keys from one address, even the answer 401 must be waited for."""
    codes = {api.request("GET", "objects/", headers={"Authorization": "Bearer x"}).status_code for _ in range(70)}

    assert codes == {401, 429}
    assert api.get("objects/").status_code == 200


# ---------------------------------------------------------------- pages and expiry


def test_a_page_ends_at_eight_mebibytes(api: Api) -> None:
    """However many records are asked for, memory is bounded; the next page goes on."""
    things = [api.indicator(x_data="d" * 60_000) for _ in range(150)]
    for start in range(0, 150, 50):
        api.post(things[start : start + 50])

    answer = api.get("objects/", limit=10_000)
    rest = api.get("objects/", next=answer.json()["next"], limit=10_000)

    assert len(answer.content) < 9 * 1024 * 1024
    assert api.ids(answer) + api.ids(rest) == [thing["id"] for thing in things]


def test_what_is_long_past_its_validity_goes(api: Api) -> None:
    """Ninety days after valid_until an object is deleted, and its statuses after a week."""
    thing = api.indicator()
    status = api.post([thing]).json()["id"]
    objects = Objects(api.database)

    kept = objects.expire(times.parse(thing["valid_until"]) + 89 * times.DAY_US)
    gone = objects.expire(times.parse(thing["valid_until"]) + 91 * times.DAY_US)

    assert (kept, gone) == (0, 1)
    assert api.ids(api.get("objects/")) == []
    assert api.get(f"/api/status/{status}/").status_code == 404


def test_stamps_rise_even_when_the_clock_goes_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stamp is the clock or one more than the last, whichever is later."""
    api.post([api.indicator()])
    early = times.now_us() - 600 * times.SECOND_US
    monkeypatch.setattr(times, "now_us", lambda: early)

    api.post([indicator(created_by_ref=api.producers["ada"], created="2026-01-01T00:00:00Z", modified="2026-01-01T00:00:00Z")])

    one, two = (line["date_added"] for line in api.get("manifest/").json()["objects"])
    assert times.parse(two) == times.parse(one) + 1
