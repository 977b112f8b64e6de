"""Contracts leave under the floors of templates, measured on the member's own store, and come back as hits."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.results import a_campaign
from tests.tables import an_engine, stored
from tests.unit.sharing.export.test_bundle import AT, RULING, publisher

from stillwatch.errors import SharingError
from stillwatch.records.tables import SHARED_CONTRACTS
from stillwatch.sharing.export import misp as feed
from stillwatch.sharing.export import reasons
from stillwatch.sharing.export.bundle import Content, build
from stillwatch.sharing.export.contracts import Contract, contracts
from stillwatch.sharing.hunt import indicators, misp
from stillwatch.sharing.taxii import times

CAMPAIGN = "c-000000000001"
KEPT = Contract("00000000000000ff", 16, 7, 0.4)


def a_store(root: Path, forms: Sequence[tuple[int, int, int, int]], n_bystanders: int = 2_000) -> Path:
    """A store in which each form (contract, core accounts, requests of each, requests of bystanders) is asked for."""
    rows: list[tuple[int, int, int | None, bool]] = []
    row = 0
    for contract, n_accounts, each, bystanders in forms:
        for account in range(n_accounts):
            for _ in range(each):
                rows.append((row, contract * 1_000 + account, contract, True))
                row += 1
        for _ in range(bystanders):
            rows.append((row, 10**6 + row, contract, False))
            row += 1
    rows += [(row + i, 10**6 + row + i, None, False) for i in range(n_bystanders)]
    told = [{"row": r, "account": a, "campaign_id": CAMPAIGN} for r, a, _, ours in rows if ours]
    core = sorted({a for _, a, _, ours in rows if ours})
    members = [{"account": a, "campaign_id": CAMPAIGN, "membership": "core"} for a in core]
    members.append({"account": 1, "campaign_id": CAMPAIGN, "membership": "touched"})
    with an_engine(root) as engine:
        stored(
            engine,
            signatures=[{"row": r, "account": a} for r, a, *_ in rows],
            attributed=told,
            members=members,
            shared_contracts=[{"row": r, "epoch": "2026q4", "contract": c} for r, _, c, _ in rows if c is not None],
        )
    return root


def test_floors_are_those_of_templates(tmp_path: Path) -> None:
    """Four accounts, ninety requests, bystanders that ask for it too: each stays with its reason; the good one leaves rounded."""
    root = a_store(tmp_path, [(1, 21, 10, 0), (2, 4, 50, 0), (3, 9, 10, 0), (4, 20, 10, 3)])

    kept, left = contracts(root, CAMPAIGN, "2026q4")

    assert kept == [Contract("0000000000000001", 16, 7, 0.0)]
    assert [word in one.reason for one, word in zip(left, ("accounts", "requests", "benign"), strict=True)] == [True] * 3


def test_too_small_a_store_measures_nothing(tmp_path: Path) -> None:
    """Without a thousand exchanges of bystanders nobody knows how common a contract is."""
    kept, left = contracts(a_store(tmp_path, [(1, 21, 10, 0)], n_bystanders=900), CAMPAIGN, "2026q4")

    assert kept == []
    assert "measured" in left[0].reason


def test_benign_hits_are_published_as_measured(tmp_path: Path) -> None:
    """One bystander in twenty thousand is fifty in a million."""
    (kept,), _ = contracts(a_store(tmp_path, [(1, 21, 10, 1)], n_bystanders=19_999), CAMPAIGN, "2026q4")

    assert kept.benign_hits_per_million == 50.0


def test_a_store_without_contracts_gives_none(tmp_path: Path) -> None:
    """Scanned without [sharing]: templates may still leave. Scanned under another epoch: that is told."""
    assert contracts(tmp_path / "none", CAMPAIGN, "2026q4") == ([], [])
    assert not (tmp_path / "none").exists()
    root = a_store(tmp_path / "old", [(1, 21, 10, 0)])

    with pytest.raises(SharingError, match="2026q4"):
        contracts(root, CAMPAIGN, "2027q1")
    assert contracts(root, "c-00000000ffff", "2026q4") == ([], [])
    assert SHARED_CONTRACTS.writer == "signatures"


def test_a_contract_leaves_with_its_reasons_and_is_hunted_for() -> None:
    """Every value has its reason, nothing but the digest stands in the pattern, and a peer reads what was sent."""
    known = Content(a_campaign(), RULING, (), (), "2026q4", (), (KEPT,))

    bundle = build(known, publisher(), AT)

    (thing,) = [one for one in bundle["objects"] if one["type"] == "indicator"]
    assert thing["pattern"] == "[artifact:x_dx_contract = '00000000000000ff']"
    assert all(one.why for one in reasons.explain(bundle))
    wanted = indicators.read(bundle["objects"], "2026q4", times.parse(thing["valid_from"]))
    assert wanted.contracts == {255: thing["id"]}
    assert wanted.benign == {thing["id"]: 0.4}


def test_a_contract_goes_through_a_misp_feed(tmp_path: Path) -> None:
    """The comment carries algorithm and epoch; an attribute without them is counted."""
    at = datetime.now(UTC)
    known = Content(a_campaign(), replace(RULING, at=f"{at:%Y-%m-%d}T00:00:00Z"), (), (), "2026q4", (), (KEPT,))
    feed.write(build(known, publisher(), at), tmp_path / "feed", times.now_us())

    made = misp.read(misp.events(tmp_path / "feed"), publisher(), times.now_us())

    assert indicators.read(made.indicators, "2026q4", times.now_us()).contracts.keys() == {255}
    assert made.left_out == {}


def test_the_digest_of_another_length_does_not_leave() -> None:
    """The list of reasons knows sixteen hex digits and nothing else."""
    with pytest.raises(SharingError, match="no reason"):
        build(Content(a_campaign(), RULING, (), (), "2026q4", (), (replace(KEPT, written="solve the problem"),)), publisher(), AT)
