"""`lineage.json`: its records and published schema."""

import jsonschema
import orjson
import pytest
from tests.lineages import a_lineage

from stillwatch.errors import LogFormatError
from stillwatch.records.lineage import PartRecord, Proof, from_json, json_schema, published_schema, to_json


def test_the_published_schema_is_that_of_the_records() -> None:
    """The shipped file and the declarations cannot drift apart."""
    assert orjson.loads(published_schema()) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_records_check_themselves() -> None:
    """A p-value above 1 and an unknown kind of proof are refused."""
    with pytest.raises(ValueError, match="log10_p must be at most 0"):
        PartRecord("layer", 1, 0.0, 0.5, "")
    with pytest.raises(ValueError, match="kind must be one of"):
        Proof("hearsay")


def test_documents_of_the_first_version_are_read() -> None:
    """What came with 1.1 is missing in them: `failed` of a test that was not run, and the shuffles of a training order."""
    old = orjson.loads(to_json(a_lineage())) | {"schema_version": "1.0"}
    for skipped in old["skipped"]:
        del skipped["failed"]
    values = [0.5, 1.5, 2.5, 3.5, 9.0, 4.5, 5.5, 6.5, 7.5, 8.5]
    old["results"][0]["proof"] = {
        "kind": "order", "observed": 0.9, "draws": [], "chances": [], "sizes": [], "n_agree": 0, "values": values,
        "order": list(range(10)), "questions": 1,
    }  # fmt: skip

    found = from_json(orjson.dumps(old), "lineage.json")

    assert not found.skipped[0].failed
    assert found.results[0].proof is not None
    assert found.results[0].proof.shuffles == 0
    jsonschema.validate(old, json_schema())


def test_documents_of_another_major_version_are_refused() -> None:
    """Their fields may mean something else."""
    with pytest.raises(LogFormatError, match=r"schema_version must be 1\.x"):
        from_json(to_json(a_lineage()).replace(b'"schema_version": "1.1"', b'"schema_version": "2.0"'), "lineage.json")
