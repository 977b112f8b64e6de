"""Detection Findings: valid against the published schema, saying what the bundle says and no more."""

import json
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import orjson
import pytest
from tests.results import a_campaign

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing.export import ocsf
from stillwatch.sharing.export.bundle import Content, build, open_case, withdraw
from stillwatch.sharing.export.floors import Template
from stillwatch.sharing.export.networks import Network
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.export.rulings import Ruling
from stillwatch.sharing.export.tokens import Token

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from ocsf_json_schema import OcsfJsonSchemaEmbedded
    from ocsf_json_schema.loader import get_ocsf_schema

AT = datetime(2026, 11, 24, 13, 37, tzinfo=UTC)
TOKEN = "dx1.acct-email.2026q4.qguq6-WGOrvxIsMQ9WuTcxp7RU8"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The class as OCSF publishes it, of the version that we state."""
    made: dict[str, Any] = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=ocsf.VERSION)).get_class_schema(
        "detection_finding", ["osint"]
    )
    return made


def bundle(at: datetime = AT) -> dict[str, Any]:
    """A bundle with a sketch, a network and a token."""
    ruling = Ruling("c-000000000001", "confirmed", "Jo", "stolen cards", "2026-11-24T09:00:00Z")
    kept = [Template("a1", bytes(128), 256, 13, 0.4)]
    content = Content(a_campaign(), ruling, kept, [Network("203.0.113.0/24", 8, 0.0)], "2026q4", [Token(TOKEN, 0.0)])
    return build(content, Publisher("identity--9e57a589-35fa-49a2-8a68-1a5df1a71103", Key(b"m" * 32)), at)


def an_open_case() -> dict[str, Any]:
    """A bundle before a ruling."""
    content = Content(a_campaign(), None, [Template("a1", bytes(128), 256, 13, 0.4)], (), "2026q4")
    return open_case(content, Publisher("identity--9e57a589-35fa-49a2-8a68-1a5df1a71103", Key(b"m" * 32)), AT)


@pytest.mark.parametrize(
    ("made", "activity", "status"),
    [
        (an_open_case(), "Create", "In Progress"),
        (withdraw(an_open_case(), AT), "Close", "Archived"),
        (bundle(), "Create", "New"),
        (bundle(AT + timedelta(days=3)), "Update", "New"),
        (withdraw(bundle(), AT), "Close", "Archived"),
    ],
    ids=["open case", "open case withdrawn", "first", "again", "withdrawn"],
)
def test_the_published_schema_admits_it(schema: dict[str, Any], made: dict[str, Any], activity: str, status: str) -> None:
    """A first export, a later one and a withdrawal are one finding in three states, each valid."""
    told = json.loads(ocsf.finding(made, "0.1.0"))

    jsonschema.Draft202012Validator(schema).validate(told)
    assert (told["activity_name"], told["status"]) == (activity, status)
    assert told["type_uid"] == 200_400 + told["activity_id"]
    assert told["finding_info"]["uid"].startswith(("report--", "grouping--"))


def test_it_says_what_the_bundle_says_and_no_more() -> None:
    """Every string of the finding that is no constant stands in the bundle; times are its days."""
    made = bundle()
    other = json.loads(ocsf.finding(bundle(AT + timedelta(days=1)), "0.1.0"))

    told = json.loads(ocsf.finding(made, "0.1.0"))

    assert [one["value"] for one in told["observables"]] == ["203.0.113.0/24"]
    assert {one["uid"] for one in told["osint"]} == {one["id"] for one in made["objects"] if one["type"] == "indicator"}
    assert {one["tlp"] for one in told["osint"]} == {"AMBER STRICT"}
    days = [v for one in told["osint"] for k, v in one.items() if k.endswith("_time")] + [told["time"]]
    assert all(one % 86_400_000 == 0 for one in days)
    raw, known = orjson.dumps(told).decode(), a_campaign()
    for secret in (str(known.n_exchanges), str(known.n_accounts), "Jo", "stolen", known.models[0].model, known.campaign_id):
        assert secret not in raw
    assert other["finding_info"]["uid"] == told["finding_info"]["uid"]  # a data lake joins the two


@pytest.mark.parametrize("hostile", [{}, {"objects": []}, {"objects": [{"type": "report"}]}, {"objects": [1]}, {"objects": 3}])
def test_what_is_no_bundle_of_ours_is_refused(hostile: dict[str, Any]) -> None:
    """One sentence, whatever stands in it."""
    with pytest.raises(SharingError, match="one report"):
        ocsf.finding(hostile, "0.1.0")
