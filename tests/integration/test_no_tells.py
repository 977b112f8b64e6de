"""
Planted and benign accounts differ in nothing but what the dials say.

A plain classifier is shown all that a generator might give away unwillingly: digits of ids, fractions of times, white space,
rules of token counts, nulls, settings, networks, sign-up hours. With the dials of infrastructure, clients, pivot and sign-up at
rest it must not do better than chance.
"""

import numpy as np
import pyarrow as pa
import pytest
from tests.telling import auc, both, features, half_width, numbered

from stillwatch.worlds import SHAPES
from stillwatch.worlds.draft import Part


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.kind)
def test_artefacts_tell_nothing(shape: type[Part]) -> None:
    """For each shape, the interval of the held-out AUC holds one half."""
    table, planted = both(shape)

    found = auc(features(table), planted, numbered(table))

    assert abs(found - 0.5) < half_width(planted, numbered(table), len(SHAPES)), f"AUC {found:.3f}"


@pytest.mark.parametrize("tell", ["digit", "whole_seconds", "trailing_space", "token_rule", "nulls"])
def test_the_classifier_finds_a_tell_where_there_is_one(tell: str) -> None:
    """So that its silence means something."""
    table, planted = both(SHAPES[0])
    account = numbered(table)
    ids = [
        f"acc-0{v[5:]}" if p and tell == "digit" else v
        for v, p in zip(table["account_id"].to_pylist(), planted.tolist(), strict=True)
    ]
    at = table["seen_at"].cast(pa.int64()).to_numpy()
    at = np.where(planted & (tell == "whole_seconds"), at // 10**6 * 10**6, at)
    prompts = [
        v + " " if p and tell == "trailing_space" else v
        for v, p in zip(table["prompt"].to_pylist(), planted.tolist(), strict=True)
    ]
    tokens = table["prompt_tokens"].to_numpy() + (planted & (tell == "token_rule"))
    limits = pa.array(table["max_tokens"].to_numpy(zero_copy_only=False), mask=planted & (tell == "nulls"), from_pandas=True)
    for name, values in (
        ("prompt_tokens", tokens.tolist()),
        ("max_tokens", limits),
        ("account_id", ids),
        ("seen_at", pa.array(at).cast(table.schema.field("seen_at").type)),
        ("prompt", prompts),
    ):
        table = table.set_column(table.column_names.index(name), name, pa.array(values) if isinstance(values, list) else values)

    assert auc(features(table), planted, account) > 0.75
