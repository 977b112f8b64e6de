"""Common words, counted in two passes."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.tables import an_engine, stored

from stillwatch.candidates import words


@pytest.mark.parametrize(("df_accounts", "n_accounts"), [(20_000, 90), (10, 90)])
def test_common_words_are_those_of_the_obvious_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, df_accounts: int, n_accounts: int
) -> None:
    """Over all accounts, or over every so many-th of them: words of more accounts than the share, digests of either sign."""
    monkeypatch.setattr(words, "DF_ACCOUNTS", df_accounts)
    rng = np.random.default_rng(3)
    rows: list[dict[str, Any]] = [
        {"row": n, "account": n % n_accounts - 40, "tokens": sorted((rng.zipf(1.3, 30) % 9_000 - 4_000).tolist())}
        for n in range(400)
    ] + [{"row": 400, "account": -40, "tokens": None}]
    every = max(1, n_accounts // df_accounts)
    holders: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row["account"] % every == 0:
            for token in row["tokens"] or ():
                holders[token].add(row["account"])
    least = words.common_from(0.1, n_accounts / every)

    with stored(an_engine(tmp_path), signatures=rows) as engine:
        common = words.common_words(engine, np.arange(n_accounts) - 40, 0.1)

    assert common.tolist() == sorted(token for token, who in holders.items() if len(who) > least)
    assert len(common) > 5


def test_lists_lose_the_common_words_and_nothing_else() -> None:
    """Also words that fall into a common word's place of the sieve stay."""
    kept = np.array([5, 5 + (1 << 20), -7], np.int32)

    offsets, values = words.without(np.array([0, 2, 2, 3]), kept, words.Leftout.of(np.array([-7, 5], np.int64)))

    assert offsets.tolist() == [0, 1, 1, 1]
    assert values.tolist() == [5 + (1 << 20)]


def test_lists_are_taken_apart() -> None:
    """A null list is an empty one, and a slice is what it shows."""
    column = pa.array([[9], [1, 2], None, [3]], pa.list_(pa.int32())).slice(1)

    offsets, values = words.flat(column)

    assert (offsets.tolist(), values.tolist()) == ([0, 2, 2, 3], [1, 2, 3])
