"""What the evidence needs of each group."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from tests.tables import NOON, an_engine, minutes, stored

from stillwatch import candidates
from stillwatch.candidates.gather import Looked, gather
from stillwatch.candidates.hyperedges import Group
from stillwatch.engine.base import Engine
from stillwatch.records import tables
from stillwatch.settings import CandidateSettings

LOOSE = CandidateSettings(min_accounts=2, min_exchanges=1)


def gathered(engine: Engine, groups: list[Group], accounts: np.ndarray, settings: CandidateSettings) -> int:
    """All that is gathered of these groups; the number of those that are kept."""
    return gather(engine, groups, Looked.at(engine, accounts, settings), settings)


def test_a_group_has_the_exchanges_that_its_tokens_tell(tmp_path: Path) -> None:
    """By recipe, family, bundle or settings, or all of its accounts' exchanges; sorted by account and time."""
    engine = stored(
        an_engine(tmp_path),
        signatures=[{"row": n, "account": n % 2, "config": n // 4, "seen_at": minutes(-n)} for n in range(8)],
        recipes=[{"recipe": 50, "family": 60, "bundle": 70}],
        uses=[{"row": n, "account": n % 2, "recipe": 50} for n in (1, 2)],
    )
    two = np.arange(2)
    groups = [
        Group(1, "recipe", two, (("recipe", 50, 1.0),), ("recipe",)),
        Group(2, "family", two, (("family", 60, 1.0),), ("family",)),
        Group(3, "community", two, (("bundle", 70, 9.0),), ("bundle", "family")),
        Group(4, "community", two, (("config", 1, 9.0),), ("config",)),
        Group(5, "community", np.array([1]), (("network", 3, 9.0),), ()),
    ]

    gathered(engine, groups, two, LOOSE)

    rows = engine.read(tables.GROUP_EXCHANGES).to_pylist()
    assert {g: [r["row"] for r in rows if r["group"] == g] for g in range(1, 6)} == {
        1: [2, 1],
        2: [2, 1],
        3: [2, 1],
        4: [6, 4, 7, 5],
        5: [7, 5, 3, 1],
    }
    assert {r["group"]: r["told_by"] for r in engine.read(tables.GROUPS).to_pylist()} == {
        1: "wording",
        2: "wording",
        3: "wording",
        4: "settings",
        5: "accounts",
    }


def test_small_groups_are_not_tested(tmp_path: Path) -> None:
    """A group with fewer exchanges than the least is in no table."""
    engine = stored(an_engine(tmp_path), signatures=[{"row": n, "account": n % 2} for n in range(6)], recipes=[], uses=[])
    groups = [Group(1, "community", np.arange(2), (), ()), Group(2, "community", np.arange(1), (), ())]

    n_groups = gathered(engine, groups, np.arange(2), CandidateSettings(min_exchanges=4))

    assert n_groups == 1
    assert engine.read(tables.GROUPS)["group"].to_pylist() == [1]
    assert set(engine.read(tables.GROUP_ACCOUNTS)["group"].to_pylist()) == {1}


def test_large_groups_are_sampled_evenly(tmp_path: Path) -> None:
    """No more accounts and exchanges than asked for; those kept are spread over the whole log."""
    engine = stored(an_engine(tmp_path), signatures=[{"row": n, "account": n % 10} for n in range(1000)], recipes=[], uses=[])
    settings = CandidateSettings(min_exchanges=1, sample_accounts=5, sample_exchanges=100)

    gathered(engine, [Group(1, "community", np.arange(10), (), ())], np.arange(10), settings)

    rows = engine.read(tables.GROUP_EXCHANGES)["row"].to_numpy()
    assert set(rows % 10) <= set(range(5))
    assert 95 <= len(rows) <= 105
    assert rows.min() < 50
    assert rows.max() > 950
    assert engine.read(tables.GROUPS)["n_accounts"].to_pylist() == [10]


def test_units_are_organisations_or_lone_accounts(tmp_path: Path) -> None:
    """Platform popularity counts an organisation once; an account's network is the one it uses most."""
    engine = stored(
        an_engine(tmp_path),
        signatures=[
            {"row": 1, "account": 0, "org": 5, "payment": 9, "network": 1},
            {"row": 2, "account": 0, "org": 5, "payment": 9, "network": 2},
            {"row": 3, "account": 0, "org": 5, "payment": 9, "network": 2},
            {"row": 4, "account": 1, "org": 5, "payment": 9, "network": 2},
            {"row": 5, "account": 2, "payment": 9, "network": 2},
        ],
        recipes=[],
        uses=[],
    )

    gathered(engine, [Group(1, "community", np.arange(3), (), ())], np.arange(3), LOOSE)

    people = engine.read(tables.GROUP_ACCOUNTS).to_pylist()
    assert [(p["payment_units"], p["network"], p["network_units"], p["n_exchanges"]) for p in people] == [
        (2, 2, 2, 3),
        (2, 2, 2, 1),
        (2, 2, 2, 1),
    ]


def test_common_words_are_taken_out(tmp_path: Path) -> None:
    """A word that more than a twentieth of a small log's accounts use is not rare; a null list stays null."""
    engine = stored(
        an_engine(tmp_path),
        signatures=[{"row": n, "account": n, "tokens": [-7, 1000 + n] if n % 2 else None} for n in range(60)],
        recipes=[],
        uses=[],
    )

    gathered(engine, [Group(1, "community", np.arange(60), (), ())], np.arange(60), LOOSE)

    words = engine.read(tables.GROUP_EXCHANGES)["tokens"].to_pylist()
    assert words == [[1000 + n] if n % 2 else None for n in range(60)]


def test_a_model_first_seen_inside_the_window_was_released_there(tmp_path: Path) -> None:
    """Adopters ask for it within a day of its release, of the accounts active around it; old models have no release."""
    engine = stored(
        an_engine(tmp_path),
        signatures=[
            {"row": 0, "account": 0, "model": "old", "seen_at": NOON},
            {"row": 1, "account": 1, "model": "new", "seen_at": NOON + timedelta(days=5)},
            {"row": 2, "account": 2, "model": "new", "seen_at": NOON + timedelta(days=7)},
            {"row": 3, "account": 3, "model": "old", "seen_at": NOON + timedelta(days=6)},
        ],
        recipes=[],
        uses=[],
    )

    gathered(engine, [], np.arange(4), LOOSE)

    old_then_new = sorted(engine.read(tables.MODELS).to_pylist(), key=lambda m: m["model"], reverse=True)
    assert [(m["released_at"], m["n_accounts"], m["n_adopters"]) for m in old_then_new] == [
        (None, 0, 0),
        (NOON + timedelta(days=5), 3, 1),
    ]


def test_a_parent_is_the_smallest_larger_group_around(tmp_path: Path) -> None:
    """Of two groups that hold a third, the smaller is its parent; a root has none."""
    engine = stored(an_engine(tmp_path), signatures=[{"row": n, "account": n} for n in range(30)], recipes=[], uses=[])
    groups = [Group(n, "community", np.arange(size), (), ()) for n, size in ((1, 30), (2, 20), (3, 10))]

    gathered(engine, groups, np.arange(30), LOOSE)

    assert dict(zip(*(engine.read(tables.GROUPS)[c].to_pylist() for c in ("group", "parent")), strict=True)) == {
        1: None,
        2: 1,
        3: 2,
    }


def test_the_whole_stage_finds_a_planted_card(tmp_path: Path) -> None:
    """Accounts on one card are a community and a cell of settings; a log of too few accounts has no group."""
    fleet = [{"row": n, "account": n % 20, "payment": 5, "config": 3} for n in range(400)]
    crowd = [{"row": 1000 + n, "account": 100 + n % 300, "payment": 100 + n % 300} for n in range(600)]
    engine = stored(an_engine(tmp_path / "a"), signatures=fleet + crowd, recipes=[], uses=[])
    few = stored(an_engine(tmp_path / "b"), signatures=fleet[:3], recipes=[], uses=[])

    assert candidates.find(engine, CandidateSettings()) == 2
    assert engine.read(tables.GROUPS)["n_accounts"].to_pylist() == [20, 20]
    assert candidates.find(few, CandidateSettings()) == 0
