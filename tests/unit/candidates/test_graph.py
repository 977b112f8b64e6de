"""Communities as candidates."""

from pathlib import Path
from typing import Any

import numpy as np
from tests.tables import an_engine, incidence_of, stored

from stillwatch.candidates import graph, incidence
from stillwatch.settings import CandidateSettings

SMALL = CandidateSettings(min_accounts=4, resolutions=(1.0, 5.0), rarity_powers=(1.0,))


def a_log(tmp_path: Path, members: list[dict[str, Any]], n_others: int = 300) -> incidence.Incidence:
    """Members with the tokens given, among others who share nothing but a popular configuration."""
    others = [{"row": n, "account": n, "config": 1, "network": 10_000 + n} for n in range(n_others)]
    people = [{"row": 1000 + n, "account": 1000 + n, **m} for n, m in enumerate(members)]
    return incidence_of(stored(an_engine(tmp_path), signatures=others + people, recipes=[], uses=[]))


def test_accounts_that_share_rare_tokens_are_a_group(tmp_path: Path) -> None:
    """Eight accounts on one card and one network are found; the popular configuration is not what ties them."""
    found = graph.find(a_log(tmp_path, [{"config": 1, "payment": 3, "network": 7} for n in range(8)]), SMALL)

    assert any(g.members.tolist() == list(range(300, 308)) for g in found)
    assert {kind for g in found for kind, _, _ in g.tokens} <= {"payment", "network"}
    assert all(g.told_by == "accounts" for g in found)


def test_a_group_told_by_its_settings_says_so(tmp_path: Path) -> None:
    """Where a rare configuration covers the members, only exchanges with it are looked at."""
    (group,) = {g.group: g for g in graph.find(a_log(tmp_path, [{"config": 99, "network": 7} for _ in range(6)]), SMALL)}.values()

    assert group.told_by == "settings"
    assert ("config", 99) in {(kind, token) for kind, token, _ in group.tokens}


def test_one_group_is_found_once(tmp_path: Path) -> None:
    """Runs at several resolutions that find the same accounts give one group, with the same digest each time."""
    log = a_log(tmp_path, [{"config": 99, "network": 7} for _ in range(6)])

    first, second = graph.find(log, SMALL), graph.find(log, SMALL)

    assert len(first) == len({g.group for g in first}) == 1
    assert [g.group for g in first] == [g.group for g in second]


def test_a_group_that_nothing_tells_is_left_out(tmp_path: Path) -> None:
    """Accounts that share only what many others have are no candidates."""
    assert graph.find(a_log(tmp_path, [{"config": 1} for _ in range(8)], n_others=20), SMALL) == []


def test_lift_is_told_strongest_first(tmp_path: Path) -> None:
    """Lift compares the share of members with the smoothed share of everyone else; tokens of two members do not tell."""
    log = a_log(tmp_path, [{"config": 99, "network": 7 if n < 2 else 8} for n in range(6)])

    room = np.zeros(len(log.tokens), np.int32)

    told = graph.lifted(log, np.arange(300, 306), room)

    assert not room.any()
    assert [(log.kind_name(t), int(log.tokens[t]), n) for t, _, n in told] == [("config", 99, 6), ("network", 8, 4)]
    assert told[0][1] == 301.0
