"""Behaviours leave as Sigma rules under the floors, found by the reader that peers use; they come back as hits."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import Api, indicator
from tests.results import a_campaign
from tests.tables import NOON, an_engine, stored
from tests.unit.sharing.export.test_bundle import AT, RULING, publisher

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import reasons, sigma
from stillwatch.sharing.export.behaviours import CROWDS, Behaviour, behaviours
from stillwatch.sharing.export.bundle import Content, build, withdraw
from stillwatch.sharing.hunt import indicators
from stillwatch.sharing.hunt.store import StoreHunt, unseen
from stillwatch.sharing.sigma.rule import Rule, read
from stillwatch.sharing.taxii import times

CAMPAIGN = "c-000000000001"
TUNED = {"temperature": 0.7, "max_tokens": 4_096, "n": 4, "logprobs": None, "reasoning_effort": "high"}
NAMED = (("max_tokens", 4_096), ("n", 4), ("reasoning_effort", "high"), ("temperature", 0.7))
PLAIN = {"temperature": 1.0, "stream": True}
SETTINGS = Rule(NAMED, "model", 86_400, 8)
PAYMENT = Rule((), "payment_id", 7 * 86_400, 8)
Row = dict[str, Any]


def a_store(root: Path, rows: Sequence[Row], *, settings: bool = True) -> Path:
    """A store of these rows: account, ours, hour, settings, payment."""
    told: list[Row] = [
        {"account": 0, "ours": False, "hour": 0.0, "settings": PLAIN, "payment": None, "core": True} | row for row in rows
    ]
    ours = [(i, row) for i, row in enumerate(told) if row["ours"]]
    members = {row["account"]: "core" if row["core"] else "probable" for _, row in ours}
    tables: dict[str, Any] = {
        "signatures": [
            {
                "row": i,
                "account": r["account"],
                "model": "m",
                "seen_at": NOON + timedelta(hours=r["hour"]),
                "payment": r["payment"],
            }
            for i, r in enumerate(told)
        ],
        "members": [{"account": a, "campaign_id": CAMPAIGN, "membership": m} for a, m in sorted(members.items())],
        "attributed": [{"row": i, "account": r["account"], "campaign_id": CAMPAIGN} for i, r in ours],
    }
    if settings:
        tables["shared_settings"] = [{"row": i} | r["settings"] for i, r in enumerate(told) if r["settings"]]
    with an_engine(root) as engine:
        stored(engine, **tables)
    return root


def fleet(n_accounts: int = 20, each: int = 10, **changes: Any) -> list[Row]:
    """Core accounts that work in one day under one set of settings, on one payment instrument."""
    return [
        {"account": 1 + i % n_accounts, "ours": True, "hour": i / 100, "settings": TUNED, "payment": 77} | changes
        for i in range(n_accounts * each)
    ]


def crowd(n: int = 20_000, **changes: Any) -> list[Row]:
    """Bystanders, each an account of its own."""
    return [{"account": 10_000 + i, "hour": i % 24} | changes for i in range(n)]


def test_settings_and_meeting_places_of_a_fleet(tmp_path: Path) -> None:
    """The smallest crowd that keeps the floors, support as powers of two, benign hits as measured."""
    kept, left = behaviours(a_store(tmp_path, fleet() + crowd()), CAMPAIGN)

    assert kept == [Behaviour(SETTINGS, 16, 7, 0.0), Behaviour(PAYMENT, 16, 7, 0.0)]
    assert {one.recipe for one in left} == {"device_id", "client_fingerprint"}


def test_the_crowd_grows_until_bystanders_are_spared(tmp_path: Path) -> None:
    """Ten bystanders on a card of their own are a crowd of eight and none of sixteen; so sixteen is asked for."""
    office = [{"account": 9_000 + i % 10, "hour": i, "payment": 88} for i in range(40)]

    kept, _ = behaviours(a_store(tmp_path, fleet() + crowd() + office), CAMPAIGN)

    assert [one.rule for one in kept if one.rule.group_by == "payment_id"] == [replace(PAYMENT, least=16)]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (fleet(4, 50) + crowd(), "fewer than 5 core accounts"),
        (fleet(20, 4) + crowd(), "fewer than 100 of their requests"),
        (fleet(20, 10, core=False) + crowd(), "fewer than 5 core accounts"),
        (fleet() + crowd(900), "fewer than 1000 exchanges"),
        (fleet() + crowd(settings=TUNED, payment=77), "more than 100 in a million"),
    ],
    ids=["few accounts", "few requests", "not core", "small store", "everyone's"],
)
def test_below_a_floor_nothing_leaves(tmp_path: Path, rows: list[Row], why: str) -> None:
    """Each with its reason."""
    kept, left = behaviours(a_store(tmp_path, rows), CAMPAIGN)

    assert kept == []
    assert {why in one.reason for one in left if one.recipe in ("sampling settings", "payment_id")} == {True}


def test_one_setting_alone_is_anyones(tmp_path: Path) -> None:
    """And settings that no rule may name, or none at all, are passed over."""
    for name, settings in (("one", {"temperature": 0.1}), ("odd", {"temperature": 99.0, "n": 4}), ("none", {})):
        kept, _ = behaviours(a_store(tmp_path / name, fleet(settings=settings) + crowd()), CAMPAIGN)

        assert [one.rule for one in kept] == [PAYMENT]


def test_a_store_without_settings_gives_what_it_has(tmp_path: Path) -> None:
    """Scanned without [sharing], it knows where accounts meet; no store at all gives nothing."""
    kept, _ = behaviours(a_store(tmp_path, fleet() + crowd(), settings=False), CAMPAIGN)

    assert [one.rule for one in kept] == [PAYMENT]
    assert behaviours(tmp_path / "none", CAMPAIGN) == ([], [])


def made(*kept: Behaviour) -> dict[str, Any]:
    """A bundle of behaviours alone."""
    return build(Content(a_campaign(), RULING, (), (), "2026q4", behaviours=kept), publisher(), AT)


def test_the_bundle_shows_every_line_with_its_reason() -> None:
    """A rule of forty lines stands in the preview line by line, and its settings have a reason of their own."""
    bundle = made(Behaviour(SETTINGS, 16, 7, 0.0))
    (thing,) = [one for one in bundle["objects"] if one["type"] == "indicator"]

    told = [one for one in reasons.explain(bundle) if one.path.startswith("pattern, line")]

    assert [one.value for one in told] == thing["pattern"].splitlines()
    assert [one.value.strip() for one in told if "sampling setting that" in one.why] == [f"{k}: {v}" for k, v in NAMED]
    assert (thing["pattern_type"], thing["pattern_version"]) == ("sigma", "2.1.0")
    assert thing["extensions"][catalogue.EXTENSION]["support"] == {"accounts_min": 16, "requests_bucket": 7}


def test_an_id_stays_while_the_days_go_by() -> None:
    """The text has days in it and changes; the indicator is a later version of the same."""
    known = Content(a_campaign(), RULING, (), (), "2026q4", behaviours=[Behaviour(SETTINGS, 16, 7, 0.0)])
    first, later = (build(known, publisher(), at) for at in (AT, AT + timedelta(days=2)))

    one, two = (next(o for o in b["objects"] if o["type"] == "indicator") for b in (first, later))

    assert (one["id"], one["created"]) == (two["id"], two["created"])
    assert one["pattern"] != two["pattern"]
    assert one["modified"] < two["modified"]


@pytest.mark.parametrize("change", [("n: 4", "n: 5 "), ("level: low", "author: Jo"), ("Seen in", "Jane in")])
def test_a_rule_that_we_would_not_write_does_not_leave(change: tuple[str, str]) -> None:
    """Not a byte more than the writer's."""
    bundle = json.loads(json.dumps(made(Behaviour(SETTINGS, 16, 7, 0.0))))
    for one in bundle["objects"]:
        if one["type"] == "indicator":
            one["pattern"] = one["pattern"].replace(*change)

    with pytest.raises(SharingError, match="no Sigma rule"):
        reasons.explain(bundle)


def test_files_for_tools_that_read_no_stix(tmp_path: Path) -> None:
    """A file a rule; withdrawn ones are deprecated, expired ones and those beyond the subset are counted."""
    bundle = made(Behaviour(SETTINGS, 16, 7, 0.0), Behaviour(PAYMENT, 16, 7, 0.0))
    now = times.parse("2026-11-25T00:00:00Z")
    strange = indicator(pattern_type="sigma", pattern="title: x")

    found = sigma.rules([*bundle["objects"], strange, indicator()], now)
    sigma.write(found.rules, tmp_path / "rules")
    gone = sigma.rules(withdraw(bundle, AT)["objects"], now)
    late = sigma.rules(bundle["objects"], now + 200 * times.DAY_US)

    files = sorted((tmp_path / "rules").iterdir())
    assert {read(path.read_text()) for path in files} == {SETTINGS, PAYMENT}
    assert all(path.name.startswith("stillwatch_") and path.suffix == ".yml" for path in files)
    assert list(found.left_out.values()) == [1]
    assert ["status: deprecated" in text for text in gone.rules.values()] == [True, True]
    assert {read(text) for text in gone.rules.values()} == {SETTINGS, PAYMENT}
    assert late.left_out == {"expired": 2}


def test_a_peer_finds_the_same_fleet(tmp_path: Path) -> None:
    """Hunted in another member's store: the fleet there hits, the bystanders do not; without settings that is told."""
    bundle = made(Behaviour(SETTINGS, 16, 7, 0.0), Behaviour(PAYMENT, 16, 7, 0.0))
    wanted = indicators.read(bundle["objects"], "2026q4", times.parse("2026-11-25T00:00:00Z"))
    with an_engine(a_store(tmp_path / "a", fleet(9, 3, payment=5) + crowd(2_000))) as engine:
        hits = StoreHunt(wanted, "2026q4", Key(bytes(32)), {}).hits(engine)
    with an_engine(a_store(tmp_path / "b", fleet(9, 3) + crowd(2_000), settings=False)) as engine:
        fewer = StoreHunt(wanted, "2026q4", Key(bytes(32)), {}).hits(engine)

    assert wanted.n == 2
    assert sorted(zip(hits["kind"].to_pylist(), hits["row"].to_pylist(), strict=True)) == sorted(
        (kind, row) for kind in ("behaviour", "collision") for row in range(27)
    )
    assert set(hits["benign_hits_per_million"].to_pylist()) == {0.0}
    assert set(fewer["kind"].to_pylist()) == {"collision"}
    assert sum(unseen(wanted, tmp_path / "b").values()) == 1
    assert unseen(wanted, tmp_path / "a") == {}


def test_too_few_accounts_hit_nothing(tmp_path: Path) -> None:
    """Seven of eight."""
    wanted = indicators.read(made(Behaviour(SETTINGS, 16, 7, 0.0))["objects"], "", times.parse("2026-11-25T00:00:00Z"))
    with an_engine(a_store(tmp_path, fleet(7, 30) + crowd(2_000))) as engine:
        assert StoreHunt(wanted, "", Key(bytes(32)), {}).hits(engine).num_rows == 0


def test_the_digest_of_a_hunt_knows_its_behaviours() -> None:
    """Another crowd is another hunt."""
    now = times.parse("2026-11-25T00:00:00Z")
    digests = {
        StoreHunt(
            indicators.read(made(Behaviour(replace(SETTINGS, least=n), 16, 7, 0.0))["objects"], "", now), "", Key(bytes(32)), {}
        ).digest
        for n in CROWDS[:2]
    }

    assert len(digests) == 2


def test_an_exchange_takes_them(api: Api) -> None:
    """What is written passes the server's own reading."""
    bundle = made(Behaviour(SETTINGS, 16, 7, 0.0))
    (thing,) = [one for one in bundle["objects"] if one["type"] == "indicator"]
    for constant in catalogue.everything():
        api.post([constant], who="mod")

    answer = api.post([api.indicator(**{k: v for k, v in thing.items() if k.startswith("pattern") or k == "extensions"})]).json()

    assert answer["success_count"] == 1, answer
