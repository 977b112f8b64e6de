"""Signatures as the miners read them."""

from pathlib import Path
from typing import Any

import numpy as np
from tests.tables import an_engine, stored

from stillwatch.templates.stream import batches, contracts, fragments

ROWS: list[dict[str, Any]] = [
    {"row": 0, "account": 5, "exact": 1, "fragments": [3, 4], "n_words": 9},
    {"row": 1, "account": 5, "exact": 1, "fragments": None},
    {"row": 2, "account": 6, "exact": 2, "fragments": [], "contract": -8},
    {"row": 3, "account": 6},
    {"row": 4, "account": 7, "contract": 9},
    {"row": 5, "account": 6, "exact": 2, "fragments": [7]},
]


def test_lists_and_nulls_become_plain_arrays(tmp_path: Path) -> None:
    """
    Each exchange with a text or a contract comes once; lists keep their owners, null and empty ones are empty.
    """
    (batch,) = batches(stored(an_engine(tmp_path), signatures=ROWS))

    lists = [batch.fragments[a:b].tolist() for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]
    assert dict(zip(batch.row.tolist(), lists, strict=True)) == {0: [3, 4], 1: [], 2: [], 4: [], 5: [7]}
    assert batch.contract[batch.has_contract].tolist() == [-8, 9]
    assert batch.n_words[0] == 9


def test_a_request_is_named_by_what_it_is(tmp_path: Path) -> None:
    """
    Account, time and text name a request, its row does not.
    """
    (batch,) = batches(stored(an_engine(tmp_path), signatures=ROWS))

    by_row = dict(zip(batch.row.tolist(), batch.request.tolist(), strict=True))
    assert by_row[0] == by_row[1]
    assert by_row[2] == by_row[5]
    assert len(np.unique(batch.request)) == 3


def test_narrow_streams_hold_what_the_wide_one_holds(tmp_path: Path) -> None:
    """
    Fragments and contracts by themselves come with their accounts; nulls are left out, empty lists are not.
    """
    engine = stored(an_engine(tmp_path), signatures=ROWS)

    (lists,), (agreed,) = fragments(engine), contracts(engine)

    assert [lists.values.tolist(), lists.offsets.tolist(), lists.account.tolist()] == [[3, 4, 7], [0, 2, 2, 3], [5, 6, 6]]
    assert [agreed.values.tolist(), agreed.offsets.tolist(), agreed.account.tolist()] == [[-8, 9], [0, 1, 2], [6, 7]]
