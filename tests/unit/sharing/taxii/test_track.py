"""Track records: counted by members, one rival disputes nobody, and nothing moves by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.exchanging import NO_LIMITS, Api, later
from tests.unit.sharing.taxii.test_objects import voice

from stillwatch.cli.exchange import command
from stillwatch.sharing.taxii import times, track
from stillwatch.sharing.taxii.members import Member
from stillwatch.sharing.taxii.objects import Objects
from stillwatch.sharing.taxii.track import NEEDED_JUDGED, Record


def join(api: Api, *names: str) -> None:
    """Members more."""
    for name in names:
        api.members.add(Member(name, "contributor", limits=NO_LIMITS))
        api.keys[name] = api.members.issue_key(name, 30)
        api.producers[name] = api.members.identity(name, api.collection) or ""


def record_of(api: Api, name: str) -> Record:
    """One member's record now."""
    return next(one for one in track.records(api.database, times.now_us()) if one.member.id == name)


def said(folder: Path, *arguments: str) -> tuple[int, str]:
    """The command line over the exchange of a test's folder (conftest)."""
    done = CliRunner().invoke(command, [*arguments, "--store", str(folder / "exchange.db")])
    return done.exit_code, done.output + str(done.exception or "")


@pytest.mark.parametrize(
    ("voices", "judged"),
    [
        ((), (0, 0)),
        ((("ada", None), ("ada", "agree")), (0, 0)),
        ((("ben", None),), (1, 0)),
        ((("ben", "strongly-agree"),), (1, 0)),
        ((("ben", "neutral"),), (0, 0)),
        ((("ben", "disagree"),), (0, 0)),
        ((("ben", "disagree"), ("ben", "strongly-disagree")), (0, 0)),
        ((("ben", "disagree"), ("cat", "disagree")), (0, 1)),
        ((("ben", "disagree"), ("cat", "strongly-disagree"), ("dan", None)), (0, 1)),
        ((("ben", "disagree"), ("cat", "disagree"), ("dan", None), ("eve", "agree")), (0, 0)),
        ((("ben", None), ("ben", "agree"), ("cat", "disagree")), (0, 0)),
    ],
)
def test_an_indicator_is_judged_by_members_not_by_voices(
    api: Api, voices: tuple[tuple[str, str | None], ...], judged: tuple[int, int]
) -> None:
    """Its owner has none; one against disputes nothing; two against do, unless as many are for it; who speaks twice is one."""
    join(api, "cat", "dan", "eve")
    thing = api.indicator()
    api.post([thing])
    for who, opinion in voices:
        assert api.post([voice(api, who, thing["id"], opinion)], who=who).json()["success_count"] == 1

    told = record_of(api, "ada")

    assert (told.n_indicators, told.n_confirmed, told.n_disputed) == (1, *judged)
    assert record_of(api, "ben").n_given == sum(who == "ben" for who, _ in voices)


def test_versions_count_once_and_withdrawn_voices_not_at_all(api: Api) -> None:
    """A second version is the same indicator; an opinion or sighting that is revoked says nothing, for the quorum either."""
    thing = api.indicator()
    spoken = voice(api, "ben", thing["id"], "agree")
    seen = voice(api, "ben", thing["id"], None)
    api.post([thing, later(thing, 60)])
    api.post([spoken, seen], who="ben")
    before = record_of(api, "ada")

    for one in (spoken, seen):
        api.post([later(one, 60, revoked=True)], who="ben")
    after = record_of(api, "ada")
    actionable = api.post([later(thing, 120, labels=["dx:actionable"])]).json()

    assert (before.n_indicators, before.n_confirmed, before.precision) == (1, 1, 1.0)
    assert (after.n_indicators, after.n_confirmed, after.precision) == (1, 0, None)
    assert actionable["failure_count"] == 1


@pytest.mark.parametrize(
    ("changes", "counts", "idle", "words"),
    [
        ({"quarantined": True}, (9, 0), False, "9 of 10 indicators are judged"),
        ({"quarantined": True}, (9, 1), False, "exchange member release ada"),
        ({"quarantined": True}, (8, 2), False, "less than 90% of what was judged"),
        ({}, (4, 6), False, "--quarantined"),
        ({}, (4, 5), False, ""),
        ({}, (5, 5), False, ""),
        ({}, (0, 0), True, "--clearance green"),
        ({"clearance": 1}, (0, 0), True, ""),
        ({"role": "moderator"}, (0, 0), True, ""),
        ({}, (20, 0), False, ""),
    ],
)
def test_advice(changes: dict[str, Any], counts: tuple[int, int], idle: bool, words: str) -> None:
    """In one sentence, with the command; from ten judged indicators on."""
    told = Record(replace(Member("ada", "contributor"), **changes), 30, *counts, 0, idle)

    assert words in told.advice
    assert bool(told.advice) == bool(words)
    assert told.releasable == ("release ada" in told.advice)


def test_who_gives_nothing_is_named_after_ninety_days(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that never gave anything; whoever published is not idle until 90 days later."""
    api.post([api.indicator()])
    now = times.now_us()

    told = {days: {r.member.id for r in track.records(api.database, now + days * times.DAY_US) if r.idle} for days in (89, 91)}

    assert told[89] == set()
    assert "ben" in told[91]
    assert "ada" in told[91]


def test_a_new_member_earns_its_release(api: Api, tmp_path: Path) -> None:
    """Ten accepted indicators that others have seen let it out; before, the command says what is missing, and nothing moves."""
    things = [api.indicator("new") for _ in range(NEEDED_JUDGED)]
    status = api.post(things, who="new").json()["id"]
    early = said(tmp_path, "member", "release", "new")
    member = api.members.get("new")
    Objects(api.database).review(status, member, api.collection, accept=True, moderator="operator")
    api.post([voice(api, "ben", thing["id"], None) for thing in things], who="ben")

    shown = said(tmp_path, "member", "record")
    released = said(tmp_path, "member", "release", "new")

    assert early[0] == 1
    assert "0 of 10 indicators are judged" in early[1]
    assert "release it: exchange member release new" in shown[1]
    assert released[0] == 0
    assert not api.members.get("new").quarantined
    assert "not in quarantine" in said(tmp_path, "member", "release", "new")[1]
    assert "no member" in said(tmp_path, "member", "release", "nobody")[1]
