"""Which exchanges each group is tested on, against the obvious join."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tables import an_engine, minutes, stored

from stillwatch.candidates.hyperedges import Group
from stillwatch.candidates.places import sample
from stillwatch.engine.log import Log


@pytest.mark.parametrize("shuffled", [False, True])
def test_groups_get_what_their_tokens_tell(tmp_path: Path, shuffled: bool) -> None:
    """Of members only, each exchange once, sorted by account, time and row, whatever the order they are stored in."""
    rng = np.random.default_rng(8)
    n, n_accounts = 300, 12
    order = rng.permutation(n) if shuffled else np.arange(n)
    rows: list[dict[str, Any]] = [
        {"row": int(r) << 3, "account": int(r * 7 % n_accounts), "seen_at": minutes(int(r * 13 % 40)), "config": int(r % 5)}
        for r in order
    ]
    recipes = [{"recipe": r, "family": r // 2, "bundle": r // 4} for r in range(8)]
    uses = [
        {"row": row["row"], "account": row["account"], "recipe": int(recipe)}
        for row in rows
        for recipe in rng.choice(8, 2, replace=False)
    ]
    who = np.arange(0, n_accounts, 2)
    groups = [
        Group(1, "recipe", who, (("recipe", 3, 1.0),), ("recipe",)),
        Group(2, "family", who, (("family", 1, 1.0),), ("family",)),
        Group(3, "community", who, (("bundle", 0, 1.0), ("family", 2, 1.0), ("config", 4, 1.0)), ("bundle", "family")),
        Group(4, "community", who, (("config", 1, 1.0), ("config", 3, 1.0)), ("config",)),
        Group(5, "community", who, (), ()),
    ]
    used = {(u["row"], u["recipe"]) for u in uses}
    tells: dict[int, Callable[[Mapping[str, Any]], bool]] = {
        1: lambda row: (row["row"], 3) in used,
        2: lambda row: bool({(row["row"], 2), (row["row"], 3)} & used),
        3: lambda row: bool({(row["row"], r) for r in range(6)} & used),
        4: lambda row: row["config"] in (1, 3),
        5: lambda row: True,
    }

    with stored(an_engine(tmp_path), signatures=rows, recipes=recipes, uses=uses) as engine:
        log = Log.load(engine, np.arange(n_accounts))
        found = sample(engine, log, groups, 1, 1_000)

    for number, group in enumerate(groups):
        places = log.order[found.ranks[found.starts[number] : found.starts[number + 1]]]
        wanted = [row for row in rows if row["account"] in who and tells[group.group](row)]
        wanted.sort(key=lambda row: (row["account"], row["seen_at"], row["row"]))
        assert log.rows[places].tolist() == [row["row"] for row in wanted]
        assert found.n_exchanges[number] == len(wanted)
        assert len(wanted) > 20


def test_too_few_are_not_looked_at_and_of_many_a_part(tmp_path: Path) -> None:
    """Both are counted; the part is spread over the log."""
    rows = [{"row": n, "account": n % 2, "seen_at": minutes(n)} for n in range(200)]
    groups = [Group(1, "community", np.arange(1), (), ()), Group(2, "community", np.arange(2), (), ())]

    with stored(an_engine(tmp_path), signatures=rows) as engine:
        log = Log.load(engine, np.arange(2))
        found = sample(engine, log, groups, 101, 50)

    assert found.n_exchanges.tolist() == [100, 200]
    assert found.starts.tolist() == [0, 0, 50]
    assert sorted(log.rows[log.order[found.ranks]].tolist()) == list(range(0, 200, 4))


def test_a_large_group_is_the_same_however_the_log_lay(tmp_path: Path) -> None:
    """
    Evenly spaced in time is what is kept, and what comes at once is told apart by account, text and id, never by its row.
    """
    rng = np.random.default_rng(4)
    n, kept = 400, []
    told: list[dict[str, Any]] = [
        {"exchange_id": f"x{i:03}", "account": int(rng.integers(6)), "seen_at": minutes(i // 20), "exact": int(rng.integers(3))}
        for i in range(n)
    ]
    for number in range(3):
        order = rng.permutation(n) if number else np.arange(n)
        rows = [{**told[i], "row": place} for place, i in enumerate(order)]
        with stored(an_engine(tmp_path / str(number)), signatures=rows) as engine:
            log = Log.load(engine, np.arange(6))
            found = sample(engine, log, [Group(1, "community", np.arange(6), (), ())], 1, 90)
            kept.append([rows[log.rows[log.order[rank]]]["exchange_id"] for rank in found.ranks])

    assert len(kept[0]) == 90
    assert kept[1] == kept[0]
    assert kept[2] == kept[0]
    by_id = {row["exchange_id"]: row for row in told}
    assert len({by_id[x]["seen_at"] for x in kept[0]}) == n // 20
    keys = [(by_id[x]["account"], by_id[x]["seen_at"], by_id[x]["exact"], x) for x in kept[0]]
    assert keys == sorted(keys)
