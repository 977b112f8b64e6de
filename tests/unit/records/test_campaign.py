"""`campaigns.json`: its records, bytes and published schema."""

import json
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from tests.results import START, a_campaign, a_document, licensed

from stillwatch.errors import LogFormatError
from stillwatch.records import campaign as records
from stillwatch.records.campaign import Document, json_schema, published_schema


def a_full_document() -> Document:
    return a_document(a_campaign(1), licensed(a_campaign(2)), replace(a_campaign(3), verdict="watched"))


def test_a_document_comes_back_from_its_bytes() -> None:
    """What `to_json` wrote, `from_json` reads to an equal document."""
    document = a_full_document()

    back = Document.from_json(document.to_json())

    assert back == document
    assert back.to_json() == document.to_json()


def test_real_documents_satisfy_the_published_schema() -> None:
    """The shipped JSON Schema is valid draft 2020-12 and admits documents with and without campaigns."""
    schema = orjson.loads(published_schema())

    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    for document in (a_full_document(), a_document()):
        validator.validate(json.loads(document.to_json()))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["campaigns"][0].update(verdict="guilty"),
        lambda t: t["campaigns"][0].update(q_value=1.2),
        lambda t: t.pop("window"),
        lambda t: t["coverage"].update(tier="T9"),
        lambda t: t["campaigns"][0].update(first_seen="yesterday"),
        lambda t: t["campaigns"][0]["recipes"][0].update(n_accounts=-1),
    ],
)
def test_schema_and_reader_refuse_the_same_documents(change: Callable[[dict[str, Any]], object]) -> None:
    """A document that the schema refuses, `from_json` refuses too."""
    tree = json.loads(a_full_document().to_json())
    change(tree)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, orjson.loads(published_schema()))
    with pytest.raises(LogFormatError, match=r"results/campaigns\.json"):
        Document.from_json(orjson.dumps(tree), "results/campaigns.json")


def test_the_published_schema_is_that_of_the_records() -> None:
    """The file in the package says just what the dataclasses say."""
    assert orjson.loads(published_schema()) == json.loads(json.dumps(json_schema()))


def test_every_field_is_documented() -> None:
    """The reference page is the one that the records give; if not, run docs/generate_campaigns_json.py."""
    docs = Path(__file__).parents[3] / "docs"
    generator = runpy.run_path(str(docs / "generate_campaigns_json.py"))

    assert (docs / "reference" / "campaigns-json.md").read_text("utf-8") == generator["page"]()


def test_a_newer_minor_version_can_be_read() -> None:
    """Fields that this version does not know are passed over."""
    tree = json.loads(a_full_document().to_json()) | {"schema_version": "1.7", "mood": "calm"}

    document = Document.from_json(orjson.dumps(tree))

    assert document.schema_version == "1.7"
    assert len(document.campaigns) == 3


def test_another_major_version_is_refused() -> None:
    """A document of major version 2 is not read as if it were ours."""
    tree = json.loads(a_full_document().to_json()) | {"schema_version": "2.0"}

    with pytest.raises(LogFormatError, match="schema_version"):
        Document.from_json(orjson.dumps(tree))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"score_bits": 30.0}, "sum"),
        ({"n_accounts": 5}, "n_accounts"),
        ({"last_seen": START}, "last_seen"),
        ({"p_value": -0.1}, "p_value"),
        ({"score_bits": float("nan")}, "finite"),
    ],
)
def test_a_campaign_that_contradicts_itself_cannot_be_made(change: dict[str, Any], told: str) -> None:
    """A waterfall that does not add up, a wrong count, a time out of order: each is an error that names the field."""
    with pytest.raises(ValueError, match=told):
        replace(a_campaign(), **change)


def test_a_campaign_is_named_once() -> None:
    """Two campaigns with one id are an error."""
    with pytest.raises(ValueError, match="twice"):
        a_document(a_campaign(1), a_campaign(1))


def test_a_campaign_is_found_by_its_id() -> None:
    """`campaign` gives the one asked for, and None for a stranger."""
    document = a_full_document()

    assert document.campaign("c-000000000002") == document.campaigns[1]
    assert document.campaign("c-ffffffffffff") is None


def test_the_headline_names_what_is_seen() -> None:
    """A campaign is called one pool harvested through n accounts, in the singular too."""
    assert a_campaign(n_core=1_300, n_probable=0).headline == "one pool harvested through 1,300 accounts"
    assert a_campaign(n_core=1, n_probable=0).headline == "one pool harvested through 1 account"


def test_an_installation_without_its_schema_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the schema file is missing, the error says what to do."""
    monkeypatch.setattr(records, "SCHEMA_FILE", "gone.json")

    with pytest.raises(LogFormatError, match="Install Stillwatch again"):
        published_schema()
