"""
Every behaviour that TAXII 2.1 (OASIS Standard, 10 June 2021) demands of a server; the section stands in each docstring.

Its text is not in this repository. The numbers were held against the standard's anchors as other implementations cite them: API
roots 1.6.2, collections 1.6.4, pagination 3.5, envelope 3.7, 4.1 to 4.3.1 and 5.1 to 5.5.1 are cited by number or by name; those
between and after them follow in the order of its table of contents.
"""

import re
import uuid
from typing import Any

import pytest
from tests.exchanging import TAXII, Api, indicator, later, marked

from stillwatch.sharing.taxii import marking

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def batch(api: Api, n: int) -> list[dict[str, Any]]:
    """Stored indicators in the order of their stamps."""
    things = [api.indicator() for _ in range(n)]
    answer = api.post(things)
    assert answer.status_code == 202
    assert answer.json()["success_count"] == n
    return things


def walk(api: Api, path: str, key: str, limit: int) -> list[Any]:
    """All records of an endpoint, page by page."""
    got: list[Any] = []
    answer = api.get(path, limit=limit).json()
    got += answer.get(key, [])
    while answer["more"]:
        answer = api.get(path, next=answer["next"]).json()
        got += answer.get(key, [])
    return got


# ---------------------------------------------------------------- 1.6.8, 1.6.9, 3.2: headers


@pytest.mark.parametrize("accept", [TAXII, "application/taxii+json", "application/taxii+json; version=2.1", "*/*", None])
def test_answers_are_taxii_2_1_whatever_acceptable_form_is_asked_for(api: Api, accept: str | None) -> None:
    """Section 1.6.8: a client that names the type with or without its version, or none, gets the one media type."""
    answer = api.request("GET", "/taxii2/", headers={"Accept": accept or "*/*"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == TAXII


@pytest.mark.parametrize(
    "accept", ["application/json", "application/taxii+json;version=2.0", "text/html", f"{TAXII};q=0", "application/stix+json"]
)
def test_an_accept_that_cannot_be_met_is_406(api: Api, accept: str) -> None:
    """Section 1.6.8: media types that the server does not speak are 406 with an error object."""
    answer = api.request("GET", "/taxii2/", headers={"Accept": accept})

    assert answer.status_code == 406
    assert answer.json()["http_status"] == "406"


@pytest.mark.parametrize("content_type", ["application/json", "application/stix+json;version=2.1", "text/plain", ""])
def test_a_body_that_is_not_announced_as_taxii_is_415(api: Api, content_type: str) -> None:
    """Section 1.6.8: another Content-Type on POST is 415."""
    answer = api.request("POST", "objects/", content=b"{}", headers={"Content-Type": content_type})

    assert answer.status_code == 415


def test_a_body_may_be_announced_without_a_version(api: Api) -> None:
    """Section 1.6.8: the type without its version means the newest that the server speaks."""
    answer = api.request(
        "POST", "objects/", json={"objects": [api.indicator()]}, headers={"Content-Type": "application/taxii+json"}
    )

    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/taxii2/", "/api/", "/api/collections/", "objects/", "manifest/"])
def test_nothing_is_told_to_strangers(api: Api, path: str) -> None:
    """Section 1.6.9: without credentials the answer is 401 and names HTTP Basic, which every server must implement."""
    answer = api.request("GET", path, who=None)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert "title" in answer.json()


def test_a_key_is_good_as_basic_and_as_bearer(api: Api) -> None:
    """Section 1.6.9: HTTP Basic is implemented, and Bearer beside it."""
    bearer = api.request("GET", "/taxii2/", headers={"Authorization": f"Bearer {api.keys['ada']}"})
    plain = api.get("/taxii2/")

    assert (bearer.status_code, plain.status_code) == (200, 200)


def test_pages_carry_the_dates_of_their_first_and_last_record(api: Api) -> None:
    """Section 3.2: X-TAXII-Date-Added-First and -Last stand on objects, object, manifest and versions, with six digits."""
    things = batch(api, 3)
    dates = [line["date_added"] for line in api.get("manifest/").json()["objects"]]

    for path in ("objects/", "manifest/"):
        headers = api.get(path).headers
        assert (headers["x-taxii-date-added-first"], headers["x-taxii-date-added-last"]) == (dates[0], dates[-1])
    for path in (f"objects/{things[1]['id']}/", f"objects/{things[1]['id']}/versions/"):
        headers = api.get(path).headers
        assert headers["x-taxii-date-added-first"] == headers["x-taxii-date-added-last"] == dates[1]
    assert all(STAMP.fullmatch(date) for date in dates)


def test_an_empty_page_has_no_dates(api: Api) -> None:
    """Section 3.2 with 3.7: where there is no first record there is no header that says "undefined", and no empty list."""
    answer = api.get("objects/")

    assert "x-taxii-date-added-last" not in answer.headers
    assert answer.json() == {"more": False}


# ---------------------------------------------------------------- 3.3 sorting, 3.4 filtering


def test_records_come_in_the_order_of_their_addition(api: Api) -> None:
    """Section 3.3: ascending by date added, the newest last."""
    wanted = [thing["id"] for _ in range(3) for thing in batch(api, 4)]

    assert api.ids(api.get("objects/")) == wanted
    assert api.ids(api.get("manifest/")) == wanted


def test_added_after_is_exclusive(api: Api) -> None:
    """Section 3.4: added_after leaves out the object that was added at that very moment."""
    things = batch(api, 3)
    dates = [line["date_added"] for line in api.get("manifest/").json()["objects"]]

    got = api.ids(api.get("objects/", added_after=dates[0]))

    assert got == [things[1]["id"], things[2]["id"]]
    assert api.ids(api.get("objects/", added_after=dates[2])) == []


def test_match_fields_are_anded_and_their_values_ored(api: Api) -> None:
    """Section 3.4: a comma between values means OR, several match fields mean AND."""
    one, two = batch(api, 2)
    campaign = {k: v for k, v in api.indicator().items() if k not in ("pattern", "pattern_type", "valid_from", "valid_until")}
    campaign |= {"type": "campaign", "id": f"campaign--{uuid.uuid4()}"}
    api.post([campaign])

    assert set(api.ids(api.get("objects/", **{"match[type]": "indicator,campaign"}))) == {one["id"], two["id"], campaign["id"]}
    assert api.ids(api.get("objects/", **{"match[type]": "indicator", "match[id]": f"{two['id']},{campaign['id']}"})) == [
        two["id"]
    ]
    assert api.ids(api.get("manifest/", **{"match[type]": "campaign"})) == [campaign["id"]]


def test_match_version_picks_versions(api: Api) -> None:
    """Section 3.4.1: last by default; first, last, all, one by its date, and several of these."""
    first = batch(api, 1)[0]
    second, third = later(first, 60), later(first, 120)
    api.post([third])
    api.post([second])  # arrives last, is not the last version

    def versions(asked: str | None) -> list[str]:
        params = {"match[version]": asked} if asked else {}
        return [thing["modified"] for thing in api.get("objects/", **params).json().get("objects", [])]

    assert versions(None) == versions("last") == [third["modified"]]
    assert versions("first") == [first["modified"]]
    assert versions("all") == [first["modified"], third["modified"], second["modified"]]
    assert versions(second["modified"]) == [second["modified"]]
    assert versions(f"first,{second['modified']}") == [first["modified"], second["modified"]]
    assert versions("2001-01-01T00:00:00.000Z") == []


def test_an_older_version_that_arrives_late_becomes_the_first(api: Api) -> None:
    """Section 3.4.1: first and last go by version, not by arrival."""
    thing = batch(api, 1)[0]
    older = later(thing, -60)
    api.post([older])

    got = api.get("objects/", **{"match[version]": "first"}).json()["objects"]

    assert [one["modified"] for one in got] == [older["modified"]]


def test_match_spec_version(api: Api) -> None:
    """Section 3.4.1: match[spec_version] picks by specification; nothing here is STIX 2.0."""
    things = batch(api, 2)

    assert api.ids(api.get("objects/", **{"match[spec_version]": "2.1"})) == [thing["id"] for thing in things]
    assert api.ids(api.get("objects/", **{"match[spec_version]": "2.0,2.1"})) == [thing["id"] for thing in things]
    assert api.ids(api.get("objects/", **{"match[spec_version]": "2.0"})) == []


# ---------------------------------------------------------------- 3.5 pagination


@pytest.mark.parametrize(("path", "key"), [("objects/", "objects"), ("manifest/", "objects")])
def test_pages_join_to_the_whole(api: Api, path: str, key: str) -> None:
    """Section 3.5: `more` and `next` lead through all records, each once."""
    wanted = [thing["id"] for thing in batch(api, 7)]

    got = walk(api, path, key, limit=3)

    assert [record["id"] for record in got] == wanted


def test_versions_are_paged_too(api: Api) -> None:
    """Section 3.5 and 5.8: versions carry `more` and `next`, which the standard's text forgot for them."""
    thing = api.indicator()
    chain = [later(thing, 10 * i) for i in range(5)]
    api.post(chain)

    got = walk(api, f"objects/{thing['id']}/versions/", "versions", limit=2)

    assert got == [one["modified"] for one in chain]


def test_a_cursor_works_with_its_filters_or_without(api: Api) -> None:
    """Section 3.5: `next` holds the filters it was made under, so repeating or dropping them is the same."""
    things = batch(api, 4)
    dates = [line["date_added"] for line in api.get("manifest/").json()["objects"]]
    params = {"added_after": dates[0], "match[type]": "indicator", "limit": 1}
    following = api.get("objects/", **params).json()["next"]

    repeated = api.ids(api.get("objects/", next=following, **params))
    dropped = api.ids(api.get("objects/", next=following, limit=1))

    assert repeated == dropped == [things[2]["id"]]


@pytest.mark.parametrize("params", [{"match[type]": "campaign"}, {"added_after": "2020-01-01T00:00:00Z"}])
def test_a_cursor_under_other_filters_is_400(api: Api, params: dict[str, str]) -> None:
    """Section 3.5: a cursor whose filters the client contradicts is refused, not silently reinterpreted."""
    batch(api, 3)
    following = api.get("objects/", limit=1, **{"match[type]": "indicator"}).json()["next"]

    assert api.get("objects/", next=following, **params).status_code == 400


def test_a_cursor_of_another_endpoint_is_400(api: Api) -> None:
    """Section 3.5: a cursor belongs to one endpoint of one collection."""
    batch(api, 3)
    following = api.get("objects/", limit=1).json()["next"]

    assert api.get("manifest/", next=following).status_code == 400


def test_an_empty_next_is_none(api: Api) -> None:
    """Section 3.5: taxii2-client sends `next=` where it has no cursor; that begins at the beginning."""
    things = batch(api, 2)

    assert api.ids(api.get("objects/", next="")) == [thing["id"] for thing in things]


def test_objects_added_between_pages_are_not_skipped(api: Api) -> None:
    """Section 3.5: paging goes by stamp, so what arrives meanwhile comes at the end, once."""
    before = batch(api, 3)
    page = api.get("objects/", limit=2).json()
    after = batch(api, 2)

    got = [thing["id"] for thing in page["objects"]]
    while page["more"]:
        page = api.get("objects/", next=page["next"]).json()
        got += [thing["id"] for thing in page["objects"]]

    assert got == [thing["id"] for thing in before + after]


# ---------------------------------------------------------------- 3.6 errors


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere/", 404),
        ("GET", "/api/collections/no-such/objects/", 404),
        ("GET", "/a/b/c/d/e/f/g", 404),
        ("PUT", "objects/", 405),
        ("POST", "manifest/", 405),
        ("DELETE", "/taxii2/", 405),
        ("PATCH", "objects/", 405),
        ("GET", "objects/?limit=0", 400),
    ],
)
def test_errors_are_error_objects(api: Api, method: str, path: str, status: int) -> None:
    """Section 3.6.1: every error has a title and its status as a string, in the TAXII media type."""
    answer = api.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == TAXII
    assert answer.json()["title"]
    assert answer.json()["http_status"] == str(status)


def test_405_names_the_methods_that_are_allowed(api: Api) -> None:
    """Section 3.6 and RFC 9110: Allow lists them."""
    assert api.request("PUT", "objects/").headers["allow"] == "GET, POST"


# ---------------------------------------------------------------- 4 server information


def test_discovery(api: Api) -> None:
    """Section 4.1: a title, the API roots, and the default among them."""
    told = api.get("/taxii2/").json()

    assert told["title"]
    assert told["api_roots"] == ["http://testserver/api/"]
    assert told["default"] == told["api_roots"][0]


def test_api_root(api: Api) -> None:
    """Section 4.2: title, versions and max_content_length are required."""
    told = api.get("/api/").json()

    assert told["title"]
    assert told["versions"] == [TAXII]
    assert told["max_content_length"] == 10 * 1024 * 1024


def test_status(api: Api) -> None:
    """Section 4.3: the status of a POST can be asked for again by its id, by its sender only."""
    posted = api.post([api.indicator()]).json()

    assert api.get(f"/api/status/{posted['id']}/").json() == posted
    assert api.get(f"/api/status/{posted['id']}/", who="ben").status_code == 404
    assert api.get(f"/api/status/{uuid.uuid4()}/").status_code == 404


# ---------------------------------------------------------------- 5 collections


def test_collections(api: Api) -> None:
    """Section 5.1 and 5.2.1: id, title, can_read and can_write are there, booleans are booleans, media types are named."""
    told = api.get("/api/collections/").json()["collections"][0]

    assert told["id"] == api.collection.id
    assert told["title"] == "Campaigns"
    assert (told["can_read"], told["can_write"]) == (True, True)
    assert told["media_types"] == ["application/stix+json;version=2.1"]
    assert api.get("/api/collections/", who="green").json()["collections"][0]["can_write"] is False


def test_a_collection_by_id_and_by_alias(api: Api) -> None:
    """Section 5.2: the alias may stand wherever the id may."""
    api.post([api.indicator()])

    by_id, by_alias = api.get(f"/api/collections/{api.collection.id}/"), api.get("/api/collections/campaigns/")

    assert by_id.json() == by_alias.json()
    assert len(api.ids(api.get("/api/collections/campaigns/objects/"))) == 1


def test_manifest(api: Api) -> None:
    """Section 5.3: id, date_added, version byte-equal to the object's modified, media type."""
    thing = batch(api, 1)[0]

    (line,) = api.get("manifest/").json()["objects"]

    assert line["id"] == thing["id"]
    assert line["version"] == thing["modified"]
    assert STAMP.fullmatch(line["date_added"])
    assert line["media_type"] == "application/stix+json;version=2.1"


@pytest.mark.parametrize("modified", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.123456Z"])
def test_versions_keep_the_digits_of_their_object(api: Api, modified: str) -> None:
    """Section 5.3.1: the version is the string that the object carries, not a reformatted one."""
    thing = api.indicator(created=modified, modified=modified)
    api.post([thing])

    assert api.get("manifest/").json()["objects"][0]["version"] == modified
    assert api.get(f"objects/{thing['id']}/versions/").json()["versions"] == [modified]


def test_objects_come_back_as_they_were_sent(api: Api) -> None:
    """Section 5.4 with 3.7: an envelope of the very objects."""
    things = batch(api, 2)

    told = api.get("objects/").json()

    assert told == {"more": False, "objects": things}


def test_add_answers_202_with_a_status(api: Api) -> None:
    """Section 5.5 and 4.3.1: counts, successes with id and version, and no empty lists."""
    thing = api.indicator()

    answer = api.post([thing])

    told = answer.json()
    assert answer.status_code == 202
    assert told["status"] == "complete"
    assert (told["total_count"], told["success_count"], told["failure_count"], told["pending_count"]) == (1, 1, 0, 0)
    assert told["successes"] == [{"id": thing["id"], "version": thing["modified"]}]
    assert "failures" not in told
    assert "pendings" not in told
    assert STAMP.fullmatch(told["request_timestamp"])


def test_sending_again_is_no_error_and_no_second_copy(api: Api) -> None:
    """Section 5.5: an exact duplicate succeeds and changes nothing, not even its date."""
    thing = batch(api, 1)[0]
    before = api.get("manifest/").json()

    answer = api.post([dict(reversed(thing.items()))])

    assert answer.json()["success_count"] == 1
    assert api.get("manifest/").json() == before


def test_writing_needs_the_right(api: Api) -> None:
    """Section 5.5: 403 for whom can_write is false."""
    assert api.post([indicator()], who="green").status_code == 403


def test_one_object(api: Api) -> None:
    """Section 5.6: its last version by default, others by match[version], 404 where there is none."""
    thing = batch(api, 1)[0]
    newer = later(thing, 60)
    api.post([newer])

    assert api.get(f"objects/{thing['id']}/").json()["objects"] == [newer]
    assert api.get(f"objects/{thing['id']}/", **{"match[version]": "all"}).json()["objects"] == [thing, newer]
    assert api.get(f"objects/indicator--{uuid.uuid4()}/").status_code == 404


def test_an_object_that_exists_but_does_not_match_is_an_empty_envelope(api: Api) -> None:
    """Section 5.6: 404 is for objects that are not there, not for filters that leave nothing."""
    thing = batch(api, 1)[0]

    answer = api.get(f"objects/{thing['id']}/", **{"match[version]": "2001-01-01T00:00:00Z"})

    assert answer.status_code == 200
    assert answer.json() == {"more": False}


def test_delete_takes_the_last_version_by_default(api: Api) -> None:
    """Section 5.7 with 3.4.1: match[version] defaults to last; the version before becomes the last."""
    thing = batch(api, 1)[0]
    newer = later(thing, 60)
    api.post([newer])

    assert api.request("DELETE", f"objects/{thing['id']}/").status_code == 200

    assert api.get(f"objects/{thing['id']}/").json()["objects"] == [thing]


def test_delete_takes_all_versions_when_asked(api: Api) -> None:
    """Section 5.7: match[version]=all; afterwards the object is 404, and deleting it again too."""
    thing = batch(api, 1)[0]
    api.post([later(thing, 60)])
    address = f"objects/{thing['id']}/"

    answer = api.request("DELETE", address, params={"match[version]": "all"})

    assert answer.status_code == 200
    assert api.get(address).status_code == 404
    assert api.request("DELETE", address).status_code == 404


def test_after_a_deletion_stamps_go_on_rising(api: Api) -> None:
    """Section 3.3: what is added after the newest object was deleted is still newer than that one was."""
    thing = batch(api, 1)[0]
    before = api.get("manifest/").json()["objects"][0]["date_added"]
    api.request("DELETE", f"objects/{thing['id']}/")

    batch(api, 1)

    assert api.get("manifest/").json()["objects"][0]["date_added"] > before


def test_versions(api: Api) -> None:
    """Section 5.8: every version of an object, 404 where there is none."""
    thing = batch(api, 1)[0]
    newer = later(thing, 60)
    api.post([newer])

    assert api.get(f"objects/{thing['id']}/versions/").json()["versions"] == [thing["modified"], newer["modified"]]
    assert api.get(f"objects/indicator--{uuid.uuid4()}/versions/").status_code == 404


def test_an_object_without_a_version_takes_the_time_of_its_addition(api: Api) -> None:
    """Section 3.4.1: where there is neither modified nor created, the version is date_added."""
    address = {"type": "ipv4-addr", "spec_version": "2.1", "id": f"ipv4-addr--{uuid.uuid4()}", "value": "203.0.113.7"}
    api.post([address])

    (line,) = api.get("manifest/").json()["objects"]

    assert line["version"] == line["date_added"]
    assert api.post([address]).json()["success_count"] == 1
    assert api.post([address | {"value": "203.0.113.8"}]).json()["failure_count"] == 1


def test_a_revocation_is_a_version(api: Api) -> None:
    """Section 5.5 with STIX 2.1 section 3.7: `revoked` travels as a new version, with a new date."""
    thing = batch(api, 1)[0]

    api.post([later(thing, 60, revoked=True)])

    assert api.get("objects/").json()["objects"][0]["revoked"] is True


def test_missing_slashes_are_served(api: Api) -> None:
    """Section 3.1 writes addresses with a slash at the end; without it they mean the same."""
    batch(api, 1)

    for path in ("/taxii2", "/api", "/api/collections", f"/api/collections/{api.collection.id}", "objects", "manifest"):
        assert api.get(path).status_code == 200, path


# ---------------------------------------------------------------- our own


def test_metrics_and_audit_are_for_auditors_and_moderators(api: Api) -> None:
    """Counters and the log exist for those two roles only; an auditor sees no object."""
    batch(api, 1)

    assert 'kind="POST add",process=' in api.get("/metrics", who="aud").text
    assert '"action":"write"' in api.get("/audit/", who="mod").text
    assert api.get("/metrics", who="ada").status_code == 404
    assert api.get("/audit/", who="ada").status_code == 404
    assert api.get("objects/", who="aud").status_code == 404


def test_health_needs_no_key(api: Api) -> None:
    """A balancer can ask without one, and learns nothing but that the database is there."""
    assert api.request("GET", "/healthz", who=None).text == "ok\n"


def test_every_member_sees_its_own_pseudonym_only(api: Api) -> None:
    """The collection tells a member the identity under which it publishes there."""
    told = {who: api.get("/api/collections/campaigns/", who=who).json()["x_stillwatch_producer"] for who in ("ada", "ben")}

    assert told == {"ada": api.producers["ada"], "ben": api.producers["ben"]}
    assert told["ada"] != told["ben"]


def test_a_reader_below_the_marking_sees_nothing_of_it(api: Api) -> None:
    """What is stricter than the reader's clearance is 404, absent from lists, and moves no date."""
    open_, strict = api.indicator(object_marking_refs=marked(marking.GREEN)), api.indicator()
    api.post([open_, strict])

    assert api.ids(api.get("objects/", who="green")) == [open_["id"]]
    assert api.ids(api.get("manifest/", who="green")) == [open_["id"]]
    assert api.get("objects/", who="green", limit=1).json()["more"] is False
    assert api.get(f"objects/{strict['id']}/", who="green").status_code == 404
    assert api.get(f"objects/{strict['id']}/versions/", who="green").status_code == 404
    dates = api.get("manifest/").json()["objects"]
    assert api.get("objects/", who="green").headers["x-taxii-date-added-last"] == dates[0]["date_added"]


def test_times_of_reading_are_logged(api: Api) -> None:
    """The audit log knows who read which collection, and how many records, without their content."""
    batch(api, 2)
    api.get("objects/", who="ben")

    lines = [line for line in api.get("/audit/", who="aud").text.splitlines() if '"action":"read"' in line]

    assert any('"member":"ben"' in line and '"detail":"objects n=2"' in line for line in lines)
