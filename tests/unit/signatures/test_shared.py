"""What a log has in common with what peers look for: the same digests in every house that holds the epoch's key."""

import random
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.engine import parts
from stillwatch.privacy import Key
from stillwatch.records.tables import SHARED_CONTRACTS, SHARED_SETTINGS, SHARED_SKETCHES
from stillwatch.signatures import shared, sign
from stillwatch.signatures.shared import Epoch, settings_table, shared_tables, sketches

EPOCH = Epoch("2026q4", Key(b"e" * 32))
OTHER = Epoch("2026q4", Key(b"f" * 32))
WORDS = [f"w{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
FORM = 'Grade the answer. Return JSON {"score": 1, "why": ""} and put it in <verdict></verdict>. '


def text(seed: int, n: int = 40) -> str:
    """Words of nobody."""
    return " ".join(random.Random(seed).choices(WORDS, k=n))


def batch(*rows: dict[str, Any]) -> pa.RecordBatch:
    """Exchanges with the columns that are read."""
    plain = {"exchange_id": "x", "account_id": "a", "model": "m", "seen_at": datetime(2026, 9, 1, tzinfo=UTC)}
    return pa.RecordBatch.from_pylist([plain | {"system_prompt": None, "prompt": None} | row for row in rows])


def carriers(table: pa.Table) -> dict[bytes, list[int]]:
    """Rows by sketch."""
    return {row["sketch"]: row["rows"] for row in table.to_pylist()}


def test_an_exchange_is_found_by_turn_system_prompt_and_both() -> None:
    """Three sketches of one exchange; that of both is the sketch of the two texts with a slot between."""
    exchanges = batch({"system_prompt": text(1), "prompt": text(2)}, {"prompt": text(2)}, {"system_prompt": text(1)}, {})

    made, _ = shared_tables(exchanges, 100, EPOCH)

    system, prompt, both = sketches([text(1), text(2), f"{text(1)} … {text(2)}"], EPOCH)
    assert carriers(made) == {system: [100, 102], prompt: [100, 101], both: [100]}
    assert set(made["epoch"].to_pylist()) == {"2026q4"}
    assert parts.conform(SHARED_SKETCHES, made).num_rows == 3


def test_equal_sketches_stand_once() -> None:
    """A thousand accounts that send one template cost one sketch."""
    made, _ = shared_tables(batch(*[{"prompt": f"{text(3)} {i}"} for i in range(50)]), 0, EPOCH)

    assert list(carriers(made).values()) == [list(range(50))]


def test_what_cannot_be_like_a_template_is_passed_over() -> None:
    """No four words in a row, nothing at all, or more runs than any template that is shared: alone and together."""
    long, half = text(4, shared.MAX_SHINGLES + 4), text(5, 600)
    made, contracts = shared_tables(
        batch({"prompt": "too short"}, {}, {"prompt": long}, {"system_prompt": half, "prompt": text(6, 600)}), 0, EPOCH
    )

    assert sorted(carriers(made).values()) == [[3], [3]]  # each half, not both
    assert contracts.num_rows == 0
    assert shared_tables(batch({}), 0, EPOCH)[0].schema == SHARED_SKETCHES.schema


def test_contracts_are_those_of_a_signature_under_the_epochs_key() -> None:
    """Two houses with two keys give one contract, whatever fills the slots; another epoch's key another."""
    exchanges = batch({"prompt": FORM + text(1)}, {"prompt": FORM + text(2)}, {"prompt": text(3)})

    _, made = shared_tables(exchanges, 7, EPOCH)
    _, others = shared_tables(exchanges, 7, OTHER)

    assert made["row"].to_pylist() == [7, 8]
    assert len(set(made["contract"].to_pylist())) == 1
    assert made["contract"].to_pylist() == sign(exchanges, 0, EPOCH.key)["contract"].to_pylist()[:2]
    assert set(made["contract"].to_pylist()).isdisjoint(others["contract"].to_pylist())
    assert parts.conform(SHARED_CONTRACTS, made).num_rows == 2


def test_columns_that_are_missing_are_as_empty_ones() -> None:
    """A log of metadata alone has nothing to share."""
    exchanges = batch({}, {}).select(["exchange_id", "account_id", "model", "seen_at"])

    assert [table.num_rows for table in shared_tables(exchanges, 0, EPOCH)] == [0, 0]


def test_settings_are_kept_as_they_are() -> None:
    """Numbers and truth values of any width; exchanges without any are left out, efforts that are a text become null."""
    efforts = ["high", "8000", "as jane would", None]
    exchanges = pa.RecordBatch.from_pydict(
        {
            "exchange_id": ["a", "b", "c", "d"],
            "temperature": pa.array([0.7, None, 1.0, None], pa.float32()),
            "stream": pa.array([True, None, None, None], pa.bool_()),
            "reasoning_effort": efforts,
        }
    )

    made = settings_table(exchanges, 40)

    assert made["row"].to_pylist() == [40, 41, 42]
    assert made["temperature"].to_pylist() == pytest.approx([0.7, None, 1.0])
    assert made["reasoning_effort"].to_pylist() == ["high", "8000", None]
    assert made["stream"].to_pylist() == [True, None, None]
    assert parts.conform(SHARED_SETTINGS, made).num_rows == 3
    assert settings_table(batch({}), 0).num_rows == 0


@pytest.mark.parametrize("n", [0, 3, 4, 5, 90])
def test_runs_are_counted_as_they_are_hashed(n: int) -> None:
    """The count that lets a text pass is the kernel's."""
    words = shared._digests([[*WORDS[:n]], [*WORDS[5:11]]], shared._word_digest(EPOCH.key))

    assert shared._n_shingles(words) == shared._minima(words, shared._keys(EPOCH.key), np.zeros(128, np.uint64))
