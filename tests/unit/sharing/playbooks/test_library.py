"""Playbooks: none that could hurt a bystander can be written down; pages and objects say the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import Api

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing import catalogue
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.playbooks import library

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "playbooks.md"


def publisher(identity: str = "identity--9e57a589-35fa-49a2-8a68-1a5df1a71103") -> Publisher:
    """A member."""
    return Publisher(identity, Key(b"m" * 32))


def test_the_shipped_playbooks_are_graduated() -> None:
    """Every countermeasure has one; each step up waits for a higher verdict or a further approval."""
    shipped = library.shipped()

    assert {one.countermeasure for one in shipped} == set(library.COUNTERMEASURES)
    assert len({one.name for one in shipped}) == len(shipped) >= 8
    assert all(one.expires_after_days <= 90 and one.appeal and one.bound for one in shipped)


@pytest.mark.parametrize(
    "change",
    [
        {"acts_on": ("core", "probable")},
        {"acts_on": ()},
        {"acts_on": ("touched",)},
        {"approval": "none"},
        {"approval": "a machine"},
        {"from_verdict": "watched"},
        {"countermeasure": "refuse"},
        {"countermeasure": "poison"},
        {"expires_after_days": 0},
        {"expires_after_days": 365},
        {"mitigations": ()},
        {"mitigations": ("AML.M9999",)},
        {"steps": ()},
        {"effect": "halves the harvest"},
        {"measured_by": "a log of a week"},
        {"effect": "", "measured_by": "a log of a week"},
        {"effect": "x" * 201, "measured_by": "a log of a week"},
        {"steps": "one"},
        {"steps": (1,)},
        {"bound": None},
        {"version": 0},
    ],
)
def test_a_playbook_that_could_hurt_a_bystander_is_none(change: dict[str, Any]) -> None:
    """Beyond the core, without approval, below likely, without end, refusing without a ruling."""
    slow = next(one for one in library.shipped() if one.name == "slow-the-core")

    with pytest.raises(ValueError, match="playbook"):
        replace(slow, **change)


def test_a_bad_table_is_named() -> None:
    """The file, the playbook, and what is wrong with it."""
    for tree in ({"x": {"version": 1}}, {"x": 5}, {"x": {"unknown": 1}}):
        with pytest.raises(SharingError, match=r"mine\.toml: 'x' is no playbook"):
            library.parse(tree, "mine.toml")


def test_the_reference_page_is_made_of_them() -> None:
    """docs/reference/playbooks.md holds each page word for word."""
    text = PAGE.read_text("utf-8")

    assert all(library.page(one) in text for one in library.shipped())


def test_there_and_back() -> None:
    """A playbook that went through STIX is the same playbook; the newer of two counts; others are passed over."""
    shipped = library.shipped()
    first = library.bundle(shipped, publisher(), AT)["objects"]
    newer = library.bundle([replace(shipped[0], version=2, title="Anew")], publisher(), AT + timedelta(days=1))["objects"]
    noise: list[Any] = [None, {"type": "course-of-action"}, {"extensions": {catalogue.PLAYBOOK: {"countermeasure": "nuke"}}}]

    got = library.from_bundle([*newer, *first, *noise])

    assert {one.name: one for one in got} == {one.name: one for one in shipped} | {
        shipped[0].name: replace(shipped[0], version=2, title="Anew")
    }


def test_the_exchange_takes_them(api: Api) -> None:
    """As any other object: stored, and again without harm."""
    for thing in catalogue.everything():
        assert api.post([thing], who="mod").json()["success_count"] == 1
    made = library.bundle(library.shipped(), publisher(api.producers["ada"]), datetime.now(UTC))["objects"]

    told = api.post(made).json()

    assert "failures" not in told
    assert "failures" not in api.post(made).json()
    got = api.get("objects/", **{"match[type]": "course-of-action"}).json()["objects"]
    assert {one.name for one in library.from_bundle(got)} == {one.name for one in library.shipped()}


def test_a_measured_effect_travels_with_how_it_was_measured() -> None:
    """Members pool what worked: the page and the object say both, and a peer reads them back; else it says "not measured"."""
    tried = replace(
        library.shipped()[3], effect="the harvest fell by half within a week", measured_by="a member's log, 40 accounts"
    )
    made = library.bundle([tried, library.shipped()[0]], publisher(), AT)

    got = library.from_bundle(made["objects"])

    assert got == [tried, library.shipped()[0]]
    assert "the harvest fell by half within a week (measured: a member's log, 40 accounts)" in library.page(got[0])
    assert "**Effect**: not measured" in library.page(got[1])
