"""The constants that weights rest on."""

import math
from importlib.resources import files

import orjson
import pytest

from stillwatch.evidence.rates import NormalLaw, from_json, shipped

RAW = (files("stillwatch.evidence") / "rates.json").read_bytes()


def test_the_shipped_rates_say_where_they_come_from() -> None:
    """A number without a source is not shipped."""
    assert "world" in shipped().provenance
    assert set(shipped().infrastructure) == {"payment", "device", "network", "client"}


def test_a_law_is_widened_by_what_is_not_known() -> None:
    """Far from the mean an uncertain observation is likelier than a certain one."""
    law = NormalLaw(0.0, 1.0)

    assert law.log_density(5.0, 3.0) > law.log_density(5.0, 0.0)
    assert law.log_density(1.0, 0.0) == pytest.approx(-0.5)
    assert law.log_density(0.0, 1.0) == pytest.approx(-0.5 * math.log(2))


def test_a_missing_block_is_an_error() -> None:
    """A rates file without a detector's block is refused at once."""
    tree = orjson.loads(RAW)
    del tree["synchrony"]

    with pytest.raises(KeyError):
        from_json(orjson.dumps(tree))


def test_an_unknown_field_is_an_error() -> None:
    """A misspelt constant does not pass unnoticed."""
    tree = orjson.loads(RAW)
    tree["pivot"]["raech"] = 0.5

    with pytest.raises(TypeError):
        from_json(orjson.dumps(tree))
