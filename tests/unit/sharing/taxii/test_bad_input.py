"""Malformed and hostile requests, each with its stated answer (docs/reference/exchange.md, "Bad input")."""

import base64
import contextlib
import gzip
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.exchanging import TAXII, Api, indicator, later, marked

from stillwatch.sharing import catalogue
from stillwatch.sharing.taxii import marking, patterns, times

Change = dict[str, Any]


def raw(api: Api, body: bytes, **headers: str) -> Any:
    """POST bytes as they are."""
    return api.request("POST", "objects/", content=body, headers=headers)


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'"objects"',
        b"null",
        b"{}",
        b'{"objects":{}}',
        b'{"objects":null}',
        b'{"objects":[]}',
        b'{"objects":[{"a":NaN}]}',
        b'{"objects":[{"a":Infinity}]}',
        b'{"objects":[{"a":1,"a":2}]}',
        b'{"objects":[],"objects":[{}]}',
        b'{"objects":["\\ud800"]}',
        b'{"objects":["\xff"]}',
        b'{"objects":[{}]} trailing',
        b'\xef\xbb\xbf{"objects":[{}]}',
        b'{"objects":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"objects":' + b'{"a":' * 995 + b"1" + b"}" * 995 + b"}",
    ],
)
def test_what_is_no_envelope_is_422_with_an_error_object(api: Api, body: bytes) -> None:
    """Not JSON, not an envelope, or JSON that two readers could understand differently: 422, and the server goes on."""
    answer = raw(api, body)

    assert answer.status_code == 422
    assert answer.json()["title"] == "Not an envelope"
    assert api.get("objects/").json() == {"more": False}


def test_a_body_over_the_limit_is_413(api: Api) -> None:
    """More than 10 MiB are not read to the end."""
    assert raw(api, b" " * (10 * 1024 * 1024 + 1)).status_code == 413


def test_more_than_5000_objects_are_413(api: Api) -> None:
    """The number of objects in one envelope is bounded."""
    assert api.post([{}] * 5_001).status_code == 413


def test_a_gzip_body_is_welcome(api: Api) -> None:
    """STIX packs well, so Content-Encoding gzip is understood."""
    import orjson

    body = gzip.compress(orjson.dumps({"objects": [api.indicator()]}))

    assert raw(api, body, **{"Content-Encoding": "gzip"}).json()["success_count"] == 1


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (gzip.compress(b" " * 9_000_000, mtime=0), "gzip", 413),
        (b"no gzip", "gzip", 422),
        (gzip.compress(b'{"objects":[{}]}', mtime=0)[:-6], "gzip", 422),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
    ],
)
def test_bombs_and_broken_codings(api: Api, body: bytes, coding: str, status: int) -> None:
    """A bomb is 413 before it fills memory, a broken stream 422, an unknown coding 415."""
    assert raw(api, body, **{"Content-Encoding": coding}).status_code == status


# ---------------------------------------------------------------- queries


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=abc",
        "limit=1.5",
        "limit=%C2%B2",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "added_after=yesterday",
        "added_after=2026-11-24",
        "added_after=2026-13-01T00:00:00Z",
        "added_after=2026-11-24T03:00:00%2B01:00",
        "next=garbage",
        "next=AAAA",
        "next=%00%ff",
        "match[version]=newest",
        "match[version]=last,2026",
        "match[spec_version]=two",
        "match[id]=" + ",".join(f"indicator--{i}" for i in range(101)),
    ],
)
@pytest.mark.parametrize("path", ["objects/", "manifest/"])
def test_a_known_parameter_that_cannot_be_understood_is_400(api: Api, path: str, query: str) -> None:
    """Never a filter that silently does nothing, never a 500."""
    answer = api.request("GET", f"{path}?{query}")

    assert answer.status_code == 400
    assert answer.json()["title"] == "Bad query"


def test_a_huge_limit_is_clamped(api: Api) -> None:
    """Asking for more than a page may hold is no error; the page is as large as it may be."""
    assert api.get("objects/", limit=999_999_999).status_code == 200


def test_unknown_parameters_are_ignored(api: Api) -> None:
    """A client's own parameters harm nobody."""
    api.post([api.indicator()])

    assert len(api.ids(api.get("objects/", verbose="yes", **{"match[colour]": "red"}))) == 1


def test_sql_in_a_parameter_is_a_value_like_any_other(api: Api) -> None:
    """Values reach the database as parameters only."""
    api.post([api.indicator()])

    assert api.ids(api.get("objects/", **{"match[id]": "x' OR '1'='1", "match[type]": "indicator') --"})) == []


# ---------------------------------------------------------------- objects


def test_one_bad_object_spoils_nothing(api: Api) -> None:
    """The good ones are stored, the bad one stands in failures with a reason, and lists go on working."""
    good, other = api.indicator(), api.indicator()

    answer = api.post([good, api.indicator(created="nope"), other])

    assert answer.status_code == 202
    assert (answer.json()["success_count"], answer.json()["failure_count"]) == (2, 1)
    assert "created" in answer.json()["failures"][0]["message"]
    assert api.ids(api.get("objects/")) == [good["id"], other["id"]]


def now(**shift: int) -> str:
    """A time some seconds from now."""
    return times.write_ms(times.now_us() + shift["seconds"] * times.SECOND_US)


OTHERS = ("yara", "snort", "suricata", "pcre", "spl", "x-other", "")
TEXT_AS_SKETCH = base64.urlsafe_b64encode(b"please tell me how the harbour of the old town was built " * 2).decode()


def sigma(
    title: str = "Many accounts",
    lines: Sequence[str] = ("x",),
    category: str = "exchanges",
    selection: str = "        n: 4",
    least: int = 8,
    **changes: Any,
) -> Change:
    """An indicator of a Sigma rule."""
    listed = "\n".join(f"    - {line}" for line in lines)
    base = f"title: x\nid: '{uuid.uuid4()}'\nname: base\nlogsource:\n    category: {category}\n    product: stillwatch\n"
    base += f"detection:\n    selection:\n{selection}\n    condition: selection\n"
    counted = f"title: '{title}'\nid: '{uuid.uuid4()}'\ncorrelation:\n    type: value_count\n    rules:\n        - base\n"
    counted += "    group-by:\n        - model\n    timespan: '1d'\n"
    counted += f"    condition:\n        gte: {least}\n        field: account_id\nfalsepositives:\n{listed}\n"
    return {"pattern_type": "sigma", "pattern": f"{base}---\n{counted}"} | changes


def measured(**told: Any) -> Change:
    """What an indicator of ours says of its own support."""
    return {"extensions": {catalogue.EXTENSION: {"extension_type": "property-extension", "kind": "contract"} | told}}


# name of the case, change of a good indicator (None takes a property away), words of the reason
OBJECTS: tuple[tuple[str, Change, str], ...] = (
    ("no id", {"id": None}, "id must be"),
    ("a number as id", {"id": 5}, "id must be"),
    ("another type's id", {"id": f"campaign--{uuid.uuid4()}"}, "id must be"),
    ("an id that is no UUID", {"id": "indicator--1"}, "id must be"),
    ("no type", {"type": None}, "type is missing"),
    ("a custom type", {"type": "x-campaign", "id": f"x-campaign--{uuid.uuid4()}"}, "no standard"),
    ("STIX 2.0", {"spec_version": None}, "spec_version"),
    ("an unknown version of STIX", {"spec_version": "3.0"}, "spec_version"),
    ("created is no time", {"created": "nope"}, "created is not a time"),
    ("modified is a number", {"modified": 5}, "modified is not a time"),
    ("modified has an offset", {"modified": "2026-11-24T03:00:00+00:00"}, "modified is not a time"),
    ("modified before created", {"modified": "2001-01-01T00:00:00.000Z"}, "before created"),
    ("modified in nanoseconds", {"modified": now(seconds=0)[:-1] + "0000Z"}, "six digits"),
    ("modified ten minutes ahead", {"modified": now(seconds=600)}, "ahead"),
    ("no pattern", {"pattern": None}, "pattern is missing"),
    ("no name", {"name": None}, "name is missing"),
    ("never expires", {"valid_until": None}, "valid_until is missing"),
    ("valid for a year", {"valid_until": now(seconds=365 * 86_400), "pattern": "[url:value = 'x']"}, "92 days"),
    ("a network valid for two months", {"valid_until": now(seconds=60 * 86_400)}, "30 days"),
    ("an unreadable pattern", {"pattern": "[ipv4-addr:value = '203.0.113.7'"}, "brackets"),
    ("a pattern of another language", {"pattern": "rule x { }"}, "cannot be read"),
    ("a prefix that is too short", {"pattern": "[ipv4-addr:value = '203.0.0.0/8']"}, "shorter than /16"),
    ("a private address", {"pattern": "[ipv4-addr:value = '10.1.2.3']"}, "private"),
    ("an IPv6 prefix that is too short", {"pattern": "[ipv6-addr:value = '2a00::/16']"}, "shorter than /32"),
    ("everybody's resolver", {"pattern": "[ipv4-addr:value = '8.8.8.8']"}, "everyone uses"),
    ("an account as it is", {"pattern": "[user-account:user_id = 'jane']"}, "tokens only"),
    ("an e-mail in a pattern", {"pattern": "[url:value = 'mailto:jane@example.org']"}, "e-mail"),
    ("an e-mail in a name", {"name": "jane.doe@example.org"}, "e-mail"),
    ("an e-mail deep inside", {"extensions": {"x": {"y": [{"z": "jane@example.org"}]}}}, "e-mail"),
    ("an e-mail as a key", {"x_jane@example.org": "x"}, "e-mail"),
    ("a telephone number", {"description": "call +49 30 1234567"}, "telephone"),
    ("a payment card", {"description": "4111 1111 1111 1111"}, "card"),
    ("an API key", {"description": "sk-abcdefghijklmnopqrstuvwx"}, "secret"),
    ("a long text", {"description": "word " * 50}, "free text"),
    ("a text in an extension", {"extensions": {"x": {"note": "word " * 50}}}, "words of free text"),
    ("a text as a label", {"labels": ["word " * 50]}, "words of free text"),
    ("a text as a pattern", {"pattern_type": "sigma", "pattern": "word " * 2_000}, "pattern is longer"),
    ("a prompt in a Sigma rule", sigma(title="words " * 60 + "end"), "words together"),
    ("a prompt in lines of a Sigma rule", sigma(lines=["these words"] * 30), "words together"),
    ("a prompt without spaces in a Sigma rule", sigma(title="some.words." * 30 + "x"), "words together"),
    ("an e-mail in a Sigma rule", sigma(title="jane.doe@example.org"), "e-mail"),
    ("a Sigma rule on another log", sigma(category="process_creation"), "log source"),
    ("a Sigma rule on a text", sigma(selection="        prompt: jane"), "field or modifier"),
    ("a Sigma rule with wildcards", sigma(selection="        n|contains: 'jane'"), "field or modifier"),
    ("a Sigma rule on an address", sigma(selection="        ip: '203.0.113.7'"), "field or modifier"),
    ("a Sigma rule that counts one account", sigma(least=1), "fewer than 5"),
    ("a Sigma rule with an anchor", sigma(selection="        n: &a 4"), "quoted"),
    ("a Sigma rule for half a year", sigma(valid_until=now(seconds=180 * 86_400)), "92 days"),
    *((f"a pattern in {kind}", {"pattern_type": kind, "pattern": "jane"}, "of other languages") for kind in OTHERS),
    ("a prompt in a STIX literal", {"pattern": f"[artifact:x_text = '{'words ' * 60}']"}, "pattern holds"),
    ("a prompt in many STIX literals", {"pattern": "[url:value IN (" + "'some words', " * 30 + "'x')]"}, "pattern holds"),
    ("a prompt in an address", {"pattern": f"[url:value = 'https://x/{'words%20' * 60}']"}, "pattern holds"),
    ("a payload", {"pattern": "[artifact:payload_bin = 'QUJD']"}, "payload"),
    ("a sketch that is a text", {"pattern": f"[artifact:x_dx_minhash = '{TEXT_AS_SKETCH}']"}, "reads as a text"),
    ("a sketch in other letters", {"pattern": "[artifact:x_dx_minhash = 'no sketch at all']"}, "base64"),
    ("a short sketch", {"pattern": "[artifact:x_dx_minhash = 'AAAA']"}, "64 to 512 bytes"),
    ("a long sketch", {"pattern": f"[artifact:x_dx_minhash = '{'A' * 1_024}']"}, "64 to 512 bytes"),
    ("a contract that is a word", {"pattern": "[artifact:x_dx_contract = 'jane']"}, "16 hex digits"),
    ("a contract of sixty digits", {"pattern": f"[artifact:x_dx_contract = '{'a' * 60}']"}, "16 hex digits"),
    ("a token that is a name", {"pattern": "[user-account:user_id = 'dx1.acct-email.2026q4.jane']"}, "tokens only"),
    ("a token of a hundred letters", {"pattern": f"[user-account:user_id = 'dx1.a.2026q4.{'a' * 100}']"}, "tokens only"),
    ("a thousand comparisons", {"pattern": f"[{' OR '.join(['url:value = 1'] * 400)}]"}, "comparisons"),
    ("benign hits above the floor", measured(benign_hits_per_million=100.1), "too many bystanders"),
    ("benign hits that are no number", measured(benign_hits_per_million="few"), "too many bystanders"),
    ("support of three accounts", measured(support={"accounts_min": 2}), "below the floor"),
    ("support of sixty requests", measured(support={"accounts_min": 8, "requests_bucket": 5}), "below the floor"),
    ("an exact number of accounts", measured(support={"accounts_min": 13}), "power of two"),
    ("support that says more", measured(support={"accounts_min": 8, "plan": 7}), "below the floor"),
    ("support that is none", measured(support="much"), "below the floor"),
    ("a price", {"x_list_price": 10}, "prices"),
    ("a volume deep inside", {"extensions": {"x": {"token_volume": 10}}}, "volumes"),
    ("an exact count", {"x_request_count": 1_000}, "powers of two"),
    ("null", {"x_note": None, "description": None, "labels": [None]}, "labels"),
    ("an empty list", {"labels": []}, "empty"),
    ("a list of numbers as labels", {"labels": [1]}, "labels"),
    ("confidence of 101", {"confidence": 101}, "confidence"),
    ("revoked as text", {"revoked": "no"}, "revoked"),
    ("a reference to nothing", {"created_by_ref": "me"}, "no STIX id"),
    ("granular markings", {"granular_markings": [{"selectors": ["name"]}]}, "granular"),
    ("a marking that is none", {"object_marking_refs": [f"indicator--{uuid.uuid4()}"]}, "marking"),
    ("TLP:RED in a shared collection", {"object_marking_refs": marked(marking.RED)}, "stricter"),
    ("too large", {"x_data": "a" * 70_000}, "larger"),
    ("too deep", {"x_data": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}, "deeper"),
    ("a number beyond 64 bits", {"x_data": 10**30}, "64 bits"),
    ("another member's identity", {"created_by_ref": "BEN"}, "not owner"),
    ("an identity of nobody here", {"created_by_ref": f"identity--{uuid.uuid4()}"}, "not owner"),
    ("actionable by itself", {"labels": ["dx:actionable"]}, "second member"),
)


@pytest.mark.parametrize(("change", "reason"), [case[1:] for case in OBJECTS], ids=[case[0] for case in OBJECTS])
def test_a_bad_object_is_refused_with_its_reason(api: Api, change: Change, reason: str) -> None:
    """Each stands in `failures` of a 202, is not stored, and its text is not quoted."""
    thing = {k: v for k, v in api.indicator(**change).items() if v is not None}
    if thing.get("created_by_ref") == "BEN":
        thing["created_by_ref"] = api.producers["ben"]

    answer = api.post([thing])

    assert answer.status_code == 202
    (failure,) = answer.json()["failures"]
    assert reason in failure["message"]
    assert "jane" not in answer.text
    assert api.get("objects/", who="mod").json() == {"more": False}


def test_good_patterns_of_each_kind_come_in(api: Api) -> None:
    """The forms that the cases above spoil: a Sigma rule, a sketch, a contract, a token, an address, each measured."""
    sketch = base64.urlsafe_b64encode(bytes(range(128))).decode()
    literals = [f"artifact:x_dx_minhash = '{sketch}'", "artifact:x_dx_contract = '00000000000000ff'"]
    literals += ["url:value = 'https://example.org/some/words'", "artifact:hashes.'SHA-256' = 'ab'"]
    literals += [f"user-account:user_id = 'dx1.acct-email.2026q4.{'A' * 27}'"]
    fine = measured(benign_hits_per_million=100.0, support={"accounts_min": 4, "requests_bucket": 6})

    told = api.post([api.indicator(**sigma()), *(api.indicator(pattern=f"[{one}]", **fine) for one in literals)]).json()

    assert told["success_count"] == 6, told


def test_moderators_may_publish_other_languages(api: Api) -> None:
    """A moderator answers for what it says; the length is bounded all the same."""
    make: Callable[..., dict[str, Any]] = indicator
    yara = "rule x { condition: filesize > 1 }"

    told = api.post([make(pattern_type="yara", pattern=yara), make(pattern_type="yara", pattern=yara * 300)], who="mod").json()

    assert (told["success_count"], told["failure_count"]) == (1, 1)
    assert "longer" in told["failures"][0]["message"]


@pytest.mark.parametrize(
    "pattern",
    [
        "[" * 8_000,
        "'" * 8_000,
        "[a:b = '" + "\\\\" * 4_000,
        "[" + "a:b.c" * 1_600,
        "[a:b" + "[*]" * 2_600,
        "[a:b." + "'a'." * 2_000,
        "[" + "1" * 8_000,
        "[" + "NOT " * 2_000,
        "[url:value = '" + "a " * 4_000 + "']",
        "[url:value IN (" + "'a'," * 1_900 + "'a')]",
        "[ipv4-addr:value IN (" + "'203.0.113.7'," * 550 + "'203.0.113.7')]",
    ],
)
def test_a_pattern_costs_no_more_than_its_length(pattern: str) -> None:
    """Whatever stands in eight thousand characters, it is judged within fifty milliseconds of CPU."""
    began = time.process_time()

    with contextlib.suppress(patterns.PatternError):
        patterns.check(pattern)

    assert time.process_time() - began < 0.05


@pytest.mark.parametrize("thing", [None, 5, "text", [], {}])
def test_what_is_no_object_is_a_failure(api: Api, thing: Any) -> None:
    """Anything may stand in the list; it is refused alone."""
    answer = api.post([thing, api.indicator()])

    assert (answer.json()["success_count"], answer.json()["failure_count"]) == (1, 1)


@pytest.mark.parametrize(
    "kind", ["observed-data", "artifact", "email-addr", "email-message", "user-account", "threat-actor", "bundle"]
)
def test_types_that_carry_people_or_accusations_are_refused(api: Api, kind: str) -> None:
    """Observations of one customer, payloads, persons and named actors do not come in."""
    thing = api.indicator(type=kind, id=f"{kind}--{uuid.uuid4()}")

    assert api.post([thing]).json()["failure_count"] == 1


def test_other_content_under_a_stored_version_is_a_conflict(api: Api) -> None:
    """Same id and modified with other bytes is a failure, and what is stored stays."""
    thing = api.indicator()
    api.post([thing])

    answer = api.post([thing | {"name": "Another"}])

    assert "conflict" in answer.json()["failures"][0]["message"]
    assert api.get("objects/").json()["objects"] == [thing]


def test_a_version_of_anothers_object_is_refused(api: Api) -> None:
    """Only the owner may version an object."""
    thing = api.indicator()
    api.post([thing])
    stolen = later({k: v for k, v in thing.items() if k != "created_by_ref"}, 60)

    assert "not owner" in api.post([stolen], who="ben").json()["failures"][0]["message"]


def test_an_extension_definition_harms_nothing(api: Api) -> None:
    """Its `version` is no time, which is the end of other servers; here it is one object among others."""
    definition = {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": f"extension-definition--{uuid.uuid4()}",
        "created_by_ref": api.producers["ada"],
        "created": now(seconds=-60),
        "modified": now(seconds=-60),
        "name": "dx-indicator",
        "schema": "https://example.org/schema.json",
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }

    assert api.post([definition]).json()["success_count"] == 1
    assert api.get("objects/").json()["objects"] == [definition]


def test_a_foreign_tlp_definition_is_refused(api: Api) -> None:
    """Nobody can redefine what a well-known marking means."""
    fake = marking.definition(marking.RED) | {"id": marking.definition(marking.CLEAR)["id"]}

    answer = api.post([fake, marking.definition(marking.GREEN)])

    assert (answer.json()["success_count"], answer.json()["failure_count"]) == (1, 1)


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic YQ==",
        "Basic YWRhOndyb25n",
        "Bearer",
        "Bearer swx_00000000_x",
        "Digest x",
        "Bearer " + "a" * 5_000,
    ],
)
def test_a_bad_credential_is_401(api: Api, header: str) -> None:
    """Whatever is wrong with it, the answer is the same."""
    assert api.request("GET", "objects/", headers={"Authorization": header}).status_code == 401


def test_a_key_works_under_its_own_name_only(api: Api) -> None:
    """Basic with another member's name is refused, although the key is good."""
    from tests.exchanging import basic

    answer = api.request("GET", "objects/", headers={"Authorization": basic("ben", api.keys["ada"])})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/api/collections/../../etc/passwd/", "/api/collections/%2e%2e/objects/", "/api/collections/%00/objects/", "/%F0%9F%92%A9/"],
)
def test_strange_addresses_are_404(api: Api, path: str) -> None:
    """An address that names nothing is not found, whatever it is made of."""
    assert api.request("GET", path).status_code == 404


def test_a_content_type_with_many_parameters_is_read(api: Api) -> None:
    """Spaces, capitals and quotes in a media type mean nothing."""
    answer = api.request(
        "POST",
        "objects/",
        json={"objects": [api.indicator()]},
        headers={"Content-Type": 'Application/TAXII+JSON ; Version="2.1"'},
    )

    assert answer.status_code == 202
    assert TAXII in answer.headers["content-type"]


def test_moderators_vouch_for_exceptions(api: Api) -> None:
    """A wide prefix and a long text are a moderator's to publish."""
    make: Callable[..., dict[str, Any]] = indicator

    answer = api.post([make(pattern="[ipv4-addr:value = '203.0.0.0/12']", description="word " * 100)], who="mod")

    assert answer.json()["success_count"] == 1
