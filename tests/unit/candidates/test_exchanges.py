"""The exchanges of all groups, a partition at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tables import an_engine, minutes, stored

from stillwatch.candidates import exchanges
from stillwatch.candidates.hyperedges import Group
from stillwatch.candidates.places import sample
from stillwatch.engine import parts
from stillwatch.engine.log import Log
from stillwatch.records import tables


@pytest.mark.parametrize("shuffled", [False, True])
def test_every_column_is_that_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shuffled: bool) -> None:
    """In several partitions as in one, in the order of the groups' digests; what is not known stays unknown."""
    monkeypatch.setattr(exchanges, "PARTITION", 40)
    rng = np.random.default_rng(2)
    n = 90
    rows: list[dict[str, Any]] = [
        {
            "row": n - r,
            "account": r % 3,
            "seen_at": minutes(r),
            "model": f"m{r % 4}",
            "exact": None if r % 7 == 0 else r,
            "tokens": None if r % 5 == 0 else sorted(rng.integers(0, 9, r % 6).tolist()),
            "fill": None if r % 6 == 0 else [r, r + 1],
            "elicitation": None if r % 4 == 0 else [r % 8] * 5,
        }
        for r in (rng.permutation(n).tolist() if shuffled else range(n))
    ]
    members = {70: [0, 1], -5: [2], 3: [0, 2]}
    groups = [Group(name, "community", np.array(who), (), ()) for name, who in members.items()]
    digests = np.array([g.group for g in groups], np.int64)

    with stored(an_engine(tmp_path), signatures=rows) as engine:
        log = Log.load(engine, np.arange(3))
        exchanges.write(engine, log, np.arange(3), digests, sample(engine, log, groups, 1, 1_000), np.array([4, 6]))
        found = engine.read(tables.GROUP_EXCHANGES).to_pylist()
        spilled = engine.spilled_bytes

    wanted = [
        {name: row.get(name) for name in tables.GROUP_EXCHANGES.names}
        | {"group": group, "tokens": row["tokens"] and [t for t in row["tokens"] if t not in (4, 6)]}
        for group in sorted(members)
        for row in sorted(rows, key=lambda row: (row["account"], row["seen_at"]))
        if row["account"] in members[group]
    ]
    assert found == wanted
    assert len(parts.part_files(tmp_path, tables.GROUP_EXCHANGES)) > 2
    assert spilled > 0


def test_no_group_is_an_empty_table(tmp_path: Path) -> None:
    """A log without groups has the table all the same."""
    with stored(an_engine(tmp_path), signatures=[{"row": 1}]) as engine:
        log = Log.load(engine, np.zeros(1, np.int64))
        nothing = np.empty(0, np.int64)
        exchanges.write(engine, log, np.zeros(1, np.int64), nothing, sample(engine, log, [], 1, 10), nothing)

        assert engine.read(tables.GROUP_EXCHANGES).num_rows == 0
