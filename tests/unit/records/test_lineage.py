"""`lineage.json`: its records and published schema."""

import jsonschema
import orjson
import pytest

from stillwatch.records.lineage import PartRecord, Proof, json_schema, published_schema


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
