"""From a campaign to its accounts and exchanges."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.fleet import COVER, HARVEST, MEMBERS, a_fleet
from tests.tables import an_engine, minutes, stored

from stillwatch.campaigns.attribute import attribute
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records import tables

SENT = (tables.SIGNATURES, tables.USES, tables.GROUPS, tables.GROUP_ACCOUNTS, tables.GROUP_EXCHANGES)


def run(engine: DuckDBEngine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Members and attributed exchanges."""
    attribute(engine, engine.read(tables.CAMPAIGNS), 20)
    return engine.read(tables.MEMBERS).to_pylist(), engine.read(tables.ATTRIBUTED).to_pylist()


def test_members_are_core_and_their_cover_is_left_out(tmp_path: Path) -> None:
    """All twenty are core with half of their traffic; exactly the harvest is attributed, each exchange to its recipe."""
    members, exchanges = run(a_fleet(tmp_path))

    core = [m for m in members if m["membership"] == "core"]
    assert [m["account"] for m in core] == list(range(MEMBERS))
    assert all((m["n_exchanges"], m["n_campaign_exchanges"], m["campaign_share"]) == (10, 5, 0.5) for m in core)
    assert sorted(e["row"] for e in exchanges) == sorted(a * 100 + n for a in range(MEMBERS) for n in range(HARVEST))
    assert {e["recipe"] for e in exchanges} == {7, 8}
    assert all(e["share"] > 0.9 and e["exchange_id"] == f"x{e['row']}" for e in exchanges)
    assert (core[0]["first_seen"], core[0]["last_seen"]) == (minutes(0), minutes(4))


def test_one_use_by_chance_is_touched_at_most(tmp_path: Path) -> None:
    """An account that used a campaign's recipe once is never acted on, and its exchange is not attributed."""
    members, exchanges = run(a_fleet(tmp_path))

    assert {m["membership"] for m in members if m["account"] == 1000} <= {"touched"}
    assert not [e for e in exchanges if e["account"] >= 1000]


@pytest.mark.parametrize("told_by", ["settings", "accounts"])
def test_without_wording_settings_or_accounts_tell(tmp_path: Path, told_by: str) -> None:
    """Where no wording tells, the fleet's exchanges are told by its settings, or are all of its accounts' exchanges."""
    members, exchanges = run(a_fleet(tmp_path, told_by, client=900 if told_by == "settings" else None))

    assert [m["account"] for m in members if m["membership"] in ("core", "probable")] == list(range(MEMBERS))
    assert len(exchanges) == MEMBERS * (HARVEST + COVER)
    assert not [e for e in exchanges if e["account"] >= 1000]


def test_an_exchange_belongs_to_the_strongest_campaign(tmp_path: Path) -> None:
    """Two campaigns over the same group: the first takes the exchanges, the second what is left."""
    engine = a_fleet(tmp_path)
    stored(
        engine,
        campaigns=[{"campaign_id": "c-1", "group": 1}, {"campaign_id": "c-2", "group": 1}],
        campaign_groups=[{"campaign_id": "c-1", "group": 1}, {"campaign_id": "c-2", "group": 1}],
    )

    _, exchanges = run(engine)

    assert len({e["row"] for e in exchanges}) == len(exchanges)
    assert {e["campaign_id"] for e in exchanges} == {"c-1"}


def test_no_campaign_has_no_members(tmp_path: Path) -> None:
    """Without campaigns both tables are written, empty."""
    engine = stored(an_engine(tmp_path), signatures=[{"row": 1, "account": 1}], campaigns=[])

    assert run(engine) == ([], [])


def test_a_campaign_of_too_few_accounts_is_not_reported(tmp_path: Path) -> None:
    """Where fewer accounts than the least can be named, nobody is."""
    engine = a_fleet(tmp_path)

    attribute(engine, engine.read(tables.CAMPAIGNS), MEMBERS + 1)

    assert engine.read(tables.MEMBERS).num_rows == engine.read(tables.ATTRIBUTED).num_rows == 0


def test_nobody_is_core_by_wording_alone(tmp_path: Path) -> None:
    """Where only the wording is in common all twenty are named, and none may be acted on: homework is worded alike too."""
    engine = a_fleet(tmp_path, payment=False, recipes=HARVEST)
    rows = [r | {"config": r["account"] % 3, "network": 1000 + r["account"]} for r in engine.read(tables.SIGNATURES).to_pylist()]

    members, exchanges = run(stored(engine, signatures=rows))

    assert {m["membership"] for m in members if m["account"] < MEMBERS} == {"probable"}
    assert len(exchanges) == MEMBERS * HARVEST


def test_what_many_sent_word_for_word_belongs_to_no_campaign(tmp_path: Path) -> None:
    """Ten pupils do homework worded like the harvest, on one school's network: their list names nobody."""
    engine = a_fleet(tmp_path)
    rows, uses = engine.read(tables.SIGNATURES).to_pylist(), engine.read(tables.USES).to_pylist()
    found = engine.read(tables.GROUP_EXCHANGES).to_pylist()
    for row in rows:
        row["exact"] = 1000 + row["row"]
    for pupil in range(2000, 2010):
        for task in range(HARVEST):
            told = {"row": 300_000 + 10 * pupil + task, "account": pupil}
            rows.append(told | {"exchange_id": f"x{told['row']}", "config": 900, "network": 60, "exact": task + 1})
            uses.append(told | {"recipe": 7 + task % 2, "matched": 3})
            found.append(told | {"group": 1})
    stored(engine, signatures=rows, uses=uses, group_exchanges=found)

    members, exchanges = run(engine)

    assert sorted(m["account"] for m in members if m["membership"] == "core") == list(range(MEMBERS))
    assert not [m for m in members if m["account"] >= 2000]
    assert not [e for e in exchanges if e["account"] >= 2000]


def test_who_works_through_a_list_beside_the_campaign_is_no_member(tmp_path: Path) -> None:
    """Four evaluators ask what the campaign asks, each the other's very words: too few for a list, and none is named."""
    engine = a_fleet(tmp_path)
    rows, uses = engine.read(tables.SIGNATURES).to_pylist(), engine.read(tables.USES).to_pylist()
    found = engine.read(tables.GROUP_EXCHANGES).to_pylist()
    for row in rows:
        row["exact"] = 1000 + row["row"]
    for evaluator in range(2000, 2004):
        for task in range(HARVEST):
            told = {"row": 300_000 + 10 * evaluator + task, "account": evaluator}
            rows.append(told | {"exchange_id": f"x{told['row']}", "config": 900, "network": 50, "exact": task + 1})
            uses.append(told | {"recipe": 7 + task % 2, "matched": 3})
            found.append(told | {"group": 1})
    stored(engine, signatures=rows, uses=uses, group_exchanges=found)

    members, exchanges = run(engine)

    assert sorted(m["account"] for m in members if m["membership"] == "core") == list(range(MEMBERS))
    assert {m["membership"] for m in members if m["account"] >= 2000} <= {"touched"}
    assert not [e for e in exchanges if e["account"] >= 2000]


def test_a_campaign_that_repeats_itself_throughout_keeps_its_members(tmp_path: Path) -> None:
    """Where two of the fleet always send the same, repetition is how the campaign works, and tells nobody apart."""
    engine = a_fleet(tmp_path)
    rows = engine.read(tables.SIGNATURES).to_pylist()
    for row in rows:
        row["exact"] = 1000 + row["row"] - 100 * (row["account"] % 2 if row["account"] < MEMBERS else 0)

    members, _ = run(stored(engine, signatures=rows))

    assert sorted(m["account"] for m in members if m["membership"] == "core") == list(range(MEMBERS))


def test_who_harvests_with_other_settings_is_probable(tmp_path: Path) -> None:
    """Core is nobody of whose harvest four of five exchanges go out with settings and from a network that are not the fleet's."""
    engine = a_fleet(tmp_path, payment=False)
    rows = engine.read(tables.SIGNATURES).to_pylist()
    for row in rows:
        if row["account"] == 3 and row["row"] % 100 % HARVEST:
            row["config"], row["network"] = 1, 1001

    members, _ = run(stored(engine, signatures=rows))

    assert {m["membership"] for m in members if m["account"] == 3} == {"probable"}
    assert {m["membership"] for m in members if m["account"] in range(4, MEMBERS)} == {"core"}


def test_a_class_whose_homework_is_worded_as_the_campaign_is_not_acted_on(tmp_path: Path) -> None:
    """Eight pupils on their school's network are in the group of wording, and not in that of settings: none is core."""
    engine = a_fleet(tmp_path)
    tables_of = {spec.name: engine.read(spec).to_pylist() for spec in SENT}
    for pupil in range(2000, 2008):
        tables_of["group_accounts"].append({"group": 1, "account": pupil})
        for task in range(HARVEST):
            told = {"row": 300_000 + 10 * pupil + task, "account": pupil}
            tables_of["signatures"].append(told | {"exchange_id": f"x{told['row']}", "config": 1, "network": 60})
            tables_of["uses"].append(told | {"recipe": 7 + task % 2, "matched": 3})
            tables_of["group_exchanges"].append(told | {"group": 1})
    stored(engine, **tables_of)

    alone, _ = run(engine)
    tables_of["groups"].append({"group": 2, "told_by": "settings", "n_accounts": MEMBERS})
    tables_of["group_accounts"] += [m | {"group": 2} for m in tables_of["group_accounts"] if m["account"] < MEMBERS]
    both = [{"campaign_id": "c-1", "group": g} for g in (1, 2)]
    with_settings, _ = run(stored(engine, **tables_of, campaign_groups=both))

    assert {m["membership"] for m in alone if m["account"] >= 2000} == {"core"}
    assert {m["membership"] for m in with_settings if m["account"] >= 2000} <= {"touched", "probable"}
    assert [m["account"] for m in with_settings if m["membership"] == "core"] == list(range(MEMBERS))


def test_who_is_cleared_is_touched_at_most(tmp_path: Path) -> None:
    """Five members of a group that the evidence speaks for are not named; the others stay core."""
    engine = a_fleet(tmp_path)
    stored(engine, cleared=[{"campaign_id": "c-1", "account": a} for a in range(5)])

    attribute(engine, engine.read(tables.CAMPAIGNS), MEMBERS - 5)
    told = {m["account"]: m["membership"] for m in engine.read(tables.MEMBERS).to_pylist() if m["account"] < MEMBERS}

    assert told == {a: "touched" if a < 5 else "core" for a in range(MEMBERS)}
    assert min(engine.read(tables.ATTRIBUTED)["account"].to_pylist()) == 5


def test_the_order_in_which_tables_are_stored_changes_nothing(tmp_path: Path) -> None:
    """Rows and uses shuffled: the same members, times and exchanges, by campaign and time."""
    engine = a_fleet(tmp_path)
    before = run(engine)
    rng = np.random.default_rng(3)
    shuffled = {
        spec.name: engine.read(spec).take(pa.array(rng.permutation(engine.read(spec).num_rows))).to_pylist()
        for spec in (tables.SIGNATURES, tables.USES, tables.GROUP_EXCHANGES)
    }

    after = run(stored(engine, **shuffled))

    assert after == before


def test_exchanges_are_written_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In small pieces the table is the same as in one."""
    engine = a_fleet(tmp_path)
    before = run(engine)
    monkeypatch.setattr(sys.modules[attribute.__module__], "EXCHANGES_AT_ONCE", 7)

    assert run(engine) == before
